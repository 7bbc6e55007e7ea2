"""Sockets and locks, on systems that pass descriptors and on Windows.

Where there are Unix sockets, a private folder keeps others out and a descriptor
travels over the socket. On Windows a port on the loopback interface with a secret does
the first, and `socket.share` the second.
"""

import json
import os
import secrets
import socket
import tempfile
from pathlib import Path

UNIX = hasattr(socket, "AF_UNIX") and os.name == "posix"


def private_folder():
    """Return the folder of sockets, which only this user can enter.

    Raises:
        PermissionError: somebody else has put something in its place.
    """
    given = os.environ.get("COURSE_RUN_DIR")
    user = os.getuid() if hasattr(os, "getuid") else os.environ.get("USERNAME", "user")
    folder = Path(given or Path(tempfile.gettempdir()) / f"course-{user}")
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if UNIX and (folder.is_symlink() or found.st_uid != user or found.st_mode & 0o077):
        raise PermissionError(f"{folder} is not private: remove it")
    return folder


def lock(path):
    """Take a lock for as long as this process lives; return None if it is taken."""
    file = open(path, "a+")  # noqa: SIM115 (open as long as the lock is held)
    try:
        if UNIX:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        else:
            import msvcrt

            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
    except OSError:
        file.close()
        return None
    return file


def listen(path):
    """Return a listening socket that `dial(path)` reaches."""
    path = Path(path)
    path.unlink(missing_ok=True)
    if UNIX:
        server = socket.socket(socket.AF_UNIX)
        server.bind(str(path))
        server.listen(64)
        return server
    server = socket.create_server(("127.0.0.1", 0))
    secret = secrets.token_hex(16)
    written = path.with_suffix(".new")
    written.write_text(json.dumps([server.getsockname()[1], secret]))
    written.replace(path)
    return server


def dial(path):
    """Return a socket connected to `listen(path)`.

    Raises:
        OSError: nobody listens.
    """
    if UNIX:
        connection = socket.socket(socket.AF_UNIX)
        try:
            connection.connect(str(path))
        except OSError:
            connection.close()
            raise
        return connection
    port, secret = json.loads(Path(path).read_text())
    connection = socket.create_connection(("127.0.0.1", port))
    connection.sendall(f"{os.getpid()} {secret}\n".encode())
    return connection


def caller(connection, path):
    """Return the process id of who dialled; on Windows only if it knows the secret."""
    if UNIX:
        return 0
    pid, secret = connection.makefile("rb", buffering=0).readline(80).decode().split()
    if secret != json.loads(Path(path).read_text())[1]:
        raise PermissionError("wrong secret")
    return int(pid)


def give(connection, message, passed, pid):
    """Send a JSON line with a socket beside it."""
    if UNIX:
        socket.send_fds(connection, [json.dumps(message).encode()], [passed.fileno()])
    else:
        message = {**message, "socket": passed.share(pid).hex()}
        connection.sendall(json.dumps(message).encode())


def take(connection):
    """Return (message, socket) of `give`."""
    if UNIX:
        content, descriptors, _, _ = socket.recv_fds(connection, 1 << 16, 1)
        if not descriptors:
            raise EOFError(content.decode(errors="replace"))
        return json.loads(content), socket.socket(fileno=descriptors[0])
    message = json.loads(connection.recv(1 << 16))
    return message, socket.fromshare(bytes.fromhex(message.pop("socket")))
