"""A submission that tries what a hostile one would; sent into sandboxes by tests."""

import ctypes
import fcntl
import os
import socket
import sys
import time


def read(path):
    try:
        with open(path, errors="replace") as f:
            return f.read(100)
    except OSError as e:
        return f"refused: {type(e).__name__}"


def write(path):
    try:
        with open(path, "w") as f:
            f.write("x" * 1000)
        return True
    except OSError:
        return False


def find(folder, word):
    """Return the files below a folder that can be read and hold a word."""
    found = []
    for parent, _, names in os.walk(folder):
        for name in names:
            if word in read(os.path.join(parent, name)):
                found.append(os.path.join(parent, name))
    return found


def connect(port):
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
    except OSError:
        return False


def connect_unix(path):
    try:
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(path)
            return True
    except OSError:
        return False


def signal(pid):
    try:
        os.kill(pid, 0)
        return True
    except OSError:
        return False


def signal_by_owner(pid):
    """Have the kernel send SIGKILL to a process when something can be read."""
    here, there = socket.socketpair()
    try:
        fcntl.fcntl(here, fcntl.F_SETOWN, pid)
        fcntl.fcntl(here, 10, 9)  # F_SETSIG
    except OSError:
        return
    flags = fcntl.fcntl(here, fcntl.F_GETFL)
    fcntl.fcntl(here, fcntl.F_SETFL, flags | os.O_ASYNC)
    there.send(b"x")


def renice(pid):
    try:
        os.sched_setscheduler(pid, os.SCHED_IDLE, os.sched_param(0))
        return True
    except OSError:
        return False


def tamper(path):
    """Change what can be changed of a file without opening it."""
    done = []
    for attempt in (
        lambda: os.chmod(path, 0o777),
        lambda: os.utime(path, (1, 1)),
        lambda: os.truncate(path, 0),
        lambda: os.setxattr(path, b"user.x", b"y"),
    ):
        try:
            attempt()
            done.append(True)
        except OSError:
            pass
    return done


def litter():
    """Leave folders that are hard to remove; return where."""
    place = os.getcwd()
    os.makedirs("closed/inner")
    write("closed/inner/file")
    os.mkdir("shut", 0o300)
    write("shut/file")
    for _ in range(1500):
        os.mkdir("deeper")
        os.chdir("deeper")
    os.chdir(place)
    return place


def network():
    import keras

    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    return model


def processes():
    return [name for name in os.listdir("/proc") if name.isdigit()]


def environment():
    return dict(os.environ)


def name_me(name):
    ctypes.CDLL(None).prctl(15, name.encode(), 0, 0, 0)


def daemon(name):
    """Leave a grandchild behind that belongs to nobody."""
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            name_me(name)
            while True:
                time.sleep(1)
        os._exit(0)
    time.sleep(0.2)
    return True


def bomb(name):
    name_me(name)
    while True:
        try:
            os.fork()
        except OSError:
            time.sleep(0.01)


def hog():
    kept = []
    while True:
        kept.append(bytearray(os.urandom(1 << 20) * 32))


def orphan_hogs():
    """The same, in processes that belong to nobody."""
    for _ in range(8):
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                kept = bytearray(400 << 20)
                for i in range(0, len(kept), 4096):
                    kept[i] = 1
                time.sleep(60)
            os._exit(0)
    time.sleep(60)


def many_hogs():
    """Take memory in processes that each stay below a limit of their own."""
    for _ in range(8):
        if os.fork() == 0:
            kept = bytearray(400 << 20)
            for i in range(0, len(kept), 4096):
                kept[i] = 1
            time.sleep(60)
    time.sleep(60)


def endless():
    while True:
        try:
            while True:
                pass
        except BaseException:
            pass


def asleep():
    time.sleep(1000)


def flood():
    line = "x" * 100_000
    while True:
        sys.stdout.write(line)
        sys.stderr.write(line)


def big_file(path):
    try:
        with open(path, "wb") as f:
            for _ in range(1000):
                f.write(bytes(1 << 20))
        return True
    except OSError:
        return False


def leave():
    os._exit(0)


def end():
    sys.exit(0)


def die():
    os.abort()


def shout(data):
    """Write to every open descriptor that is a socket."""
    for number in range(3, 64):
        try:
            os.write(number, bytes(data))
        except OSError:
            pass
    return 1.0


def hang_up():
    os.closerange(3, 64)
    return 1.0


def become_root():
    done = []
    for name, attempt in {
        "setuid": lambda: os.setuid(0),
        "unshare": lambda: check(ctypes.CDLL(None, use_errno=True).unshare(0x10000000)),
        "mount": lambda: check(
            ctypes.CDLL(None).mount(b"none", b"/tmp", b"tmpfs", 0, None)
        ),
        "chroot": lambda: os.chroot("/"),
        "ptrace": lambda: check(ctypes.CDLL(None).ptrace(16, os.getppid(), 0, 0)),
    }.items():
        try:
            attempt()
            done.append(name)
        except OSError:
            pass
    return done


def check(result):
    if result < 0:
        raise OSError(result)


def fine():
    return 1.0
