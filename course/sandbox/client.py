"""The caller's end of the warm process: start it, find it, ask it for sandboxes."""

import hashlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import sysconfig
import time
from contextlib import contextmanager
from pathlib import Path

from course.data.load import data_dir
from course.sandbox import channel, wire
from course.sandbox.session import Gone, Session, Unusable
from course.sandbox.source import SIZE_MAX
from course.sandbox.zygote import WALL, boot, environment

LIBRARY = Path(__file__).parents[2]
IDLE = 600  # seconds after which the warm process ends itself
START = 180  # seconds that a cold machine may take to import TensorFlow


class SandboxFault(Exception):
    """The sandbox could not be had: the grader's fault, never the submission's."""


class Link:
    """One running sandbox.

    Args:
        path: the socket of a warm process.
    """

    def __init__(self, path):
        self.printed = ""
        self.verdict = None
        try:
            self.control = channel.dial(path)
            self.control.settimeout(START)
            self.info, self.data = channel.take(self.control)
            ready = wire.receive(self.data, time.monotonic() + START)
        except (OSError, EOFError, ValueError, wire.BrokenFrame) as e:
            said = self.last_words() if hasattr(self, "control") else ""
            raise SandboxFault(
                f"no sandbox could be started ({type(e).__name__}: {e}) {said}: run "
                "python -m course doctor"
            ) from None
        assert ready == ["ready"], ready

    def last_words(self):
        try:
            self.end()
        except OSError:
            pass
        return self.printed[-500:]

    def allow(self, seconds):
        """Start the clock of a check."""
        try:
            self.control.sendall(f"{seconds}\n".encode())
        except OSError:
            pass  # it has ended: the next exchange says how

    def patience(self, seconds):
        """Return how long to wait for an answer: the supervisor comes first."""
        return WALL * seconds + 15

    def exchange(self, frame, deadline):
        """Send a frame and return the answer.

        Raises:
            Gone: the sandbox has ended, is late, or talks nonsense.
        """
        try:
            self.data.settimeout(max(0.01, deadline - time.monotonic()))
            self.data.sendall(frame)
            return wire.receive(self.data, deadline)
        except wire.BrokenFrame as e:
            self.kill()
            raise Gone("invalid", f"what came back cannot be read ({e})") from None
        except TimeoutError:
            self.kill()
            raise Gone("timeout", "no answer came in time") from None
        except (EOFError, OSError):
            if self.verdict is None:  # its supervisor is about to tell why
                select.select([self.control], [], [], 1.0)
            status, message = self.end()
            if status == "closed":
                status, message = "crashed", "it closed its connection to the grader"
            raise Gone(status, message) from None

    def kill(self):
        self.end()

    def end(self):
        """End the sandbox with everything in it; return how it ended and why."""
        if self.verdict is None:
            self.verdict = ("closed", "")
            try:
                self.control.shutdown(socket.SHUT_WR)
                self.control.settimeout(30)
                answer = b"".join(iter(lambda: self.control.recv(1 << 16), b""))
                *verdict, self.printed = json.loads(answer)
                self.verdict = tuple(verdict)
            except (OSError, ValueError):
                pass
            for connection in (self.control, getattr(self, "data", self.control)):
                connection.close()
        return self.verdict


@contextmanager
def fresh(path):
    """Yield a Session on a fresh sandbox.

    Args:
        path: the socket of a warm process.

    Raises:
        SandboxFault: there is no sandbox.
    """
    link = Link(path)
    try:
        yield Session(link)
    finally:
        link.end()


@contextmanager
def sandbox(path, submission, forbidden=(), seconds=20.0):
    """Yield a Session on a fresh sandbox that has loaded a submission: see `load`."""
    with fresh(path) as session:
        load(session, submission, forbidden, seconds)
        yield session


def load(session, submission, forbidden=(), seconds=20.0):
    """Have a sandbox read, examine and run a submission.

    Args:
        session: a `Session` on a fresh sandbox.
        submission: (name, bytes) of the learner's file.
        forbidden: dotted names that the file may not use.

    Raises:
        Unusable, Gone: the file cannot be loaded.
    """
    import numpy as np

    name, content = submission
    if len(content) > SIZE_MAX:
        raise Unusable(f"{name} is larger than {SIZE_MAX >> 20} MB: remove its data")
    session.start("no check", 0, seconds)
    session.request("load", name, np.frombuffer(content, "u1"), list(forbidden))


def fingerprint(isolation):
    """Return a name for the environment and the library as they are now."""
    site = Path(sysconfig.get_paths()["purelib"])
    facts = [
        sys.prefix,
        sys.version,
        isolation,
        str(data_dir()),
        site.stat().st_mtime_ns,
    ]
    for folder in ("course/sandbox", "modules"):
        for file in sorted((LIBRARY / folder).rglob("*.py")):
            stat = file.stat()
            facts.append((str(file), stat.st_mtime_ns, stat.st_size))
    return hashlib.sha256(repr(facts).encode()).hexdigest()[:12]


def family():
    """Return what the names of this library's sockets begin with."""
    return hashlib.sha256(str(LIBRARY).encode()).hexdigest()[:8]


def warm(isolation="auto", idle=IDLE):
    """Return the socket of a warm process, started in the background if need be.

    One that was started for another state of the environment or library is ended.
    """
    folder = channel.private_folder()
    path = folder / f"{family()}-{fingerprint(isolation)}"
    for stale in folder.glob(f"{family()}-*.pid"):
        if stale.stem != path.name and channel.lock(stale.with_suffix(".lock")) is None:
            stop(stale)
    if not listening(path):
        if sys.stderr.isatty():
            print("starting TensorFlow; the next time it is there", file=sys.stderr)
        process = _launch(path, isolation, "--idle", str(idle))
        process.returncode = 0  # it outlives us on purpose: no ResourceWarning
    return path


def _launch(path, isolation, *more, **popen):
    command = [sys.executable, "-P", "-s", "-c"]
    options = [
        "--socket",
        str(path),
        "--library",
        str(LIBRARY),
        "--isolation",
        isolation,
    ]
    command.append(boot(*options, "--data", str(data_dir()), *more))
    with open(f"{path}.log", "wb") as log:
        process = subprocess.Popen(
            command,
            env=environment(),
            stdin=popen.get("stdin", subprocess.DEVNULL),
            stdout=log,
            stderr=log,
            cwd=os.sep,
            start_new_session=True,
        )
    deadline = time.monotonic() + START
    while not listening(path):
        if time.monotonic() > deadline or process.poll() not in (None, 0):
            said = Path(f"{path}.log").read_text(errors="replace")[-500:]
            raise SandboxFault(f"the warm process did not start: {said}")
        time.sleep(0.02)
    return process


def listening(path):
    """Return whether a warm process owns this socket."""
    if not path.exists():
        return False
    held = channel.lock(f"{path}.lock")
    if held is not None:
        held.close()
        return False
    return True


def stop(pid_file):
    """End a warm process, by the file that holds its process id."""
    try:
        os.kill(int(pid_file.read_text()), signal.SIGTERM)
    except (OSError, ValueError):
        pass


@contextmanager
def cold(isolation="auto", spare=False):
    """Yield the socket of a warm process of our own, which ends with this block."""
    path = channel.private_folder() / f"cold-{os.getpid()}-{time.monotonic_ns()}"
    more = ["--idle", str(1 << 20), "--owned", *(["--spare"] if spare else [])]
    process = _launch(path, isolation, *more, stdin=subprocess.PIPE)
    try:
        yield path
    finally:
        process.terminate()
        process.stdin.close()
        process.wait()
        for suffix in (".log", ".lock"):
            Path(f"{path}{suffix}").unlink(missing_ok=True)
