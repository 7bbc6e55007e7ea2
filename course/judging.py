"""One unit of work, judged in a process of its own.

An answer that makes a check loop or allocate without end costs this submission only:
the judge tells of every check before it tries it, and is ended when it is late.
"""

import functools
import json
import signal
import sys
import time
from pathlib import Path

from course import catalog, judge
from course.judge import GraderFault
from course.sandbox import client

SETTLE = 240  # seconds for what lies between two checks: a sandbox, a load, a diagnosis
MARGIN = 15  # seconds after which the judge's own alarm should have rung
NO_INFO = {"isolation": {}, "environment": {}}


def opener(path):
    """Return what opens sandboxes of a warm process."""
    return functools.partial(client.fresh, path)


def content(path):
    """Return the bytes of a file; of one that is too large, enough to tell.

    None if it cannot be read: that costs this submission, and no other.
    """
    try:
        with open(path, "rb") as file:
            return file.read(client.SIZE_MAX + 1)
    except OSError:
        return None


def judged(course, name, path, shown, seed, sandboxes, alone=False, hidden=None):
    """Judge a submission in a process of its own and return the result.

    Args:
        shown: what messages call the file.
        sandboxes: the socket of a warm process.
        alone: whether this process has one thread, so that it may simply fork.
        hidden: Path of a file with hidden checks, or None.

    Raises:
        GraderFault: the judge died or said that it is at fault.
    """
    context = processes(alone)
    receiving, sending = context.Pipe(duplex=False)
    hidden = str(hidden) if hidden else None
    job = (str(course.root), name, str(path), shown, seed, str(sandboxes), hidden)
    process = context.Process(target=life, args=(sending, *job))
    process.start()
    sending.close()
    try:
        found = listen(receiving, Told())
    finally:
        process.kill()
        process.join()
        receiving.close()
    if "fault" in found:
        raise GraderFault(found["fault"])
    return found


def processes(alone):
    import multiprocessing

    linux = sys.platform.startswith("linux")
    method = ("fork" if alone else "forkserver") if linux else "spawn"
    context = multiprocessing.get_context(method)
    if method == "forkserver":
        context.set_forkserver_preload(["numpy", "course.judging", "course.grading"])
    return context


class Told:
    """What a judge has told so far, and how long to wait for more."""

    def __init__(self):
        self.facts, self.checks, self.trying = {}, [], None
        self.started = time.monotonic()

    def hear(self, event):
        """Take one message; return the seconds to wait for the next."""
        match event:
            case {"facts": facts, "checks": checks}:
                self.facts, self.checks = facts, checks
            case {"trying": index, "patience": seconds}:
                self.trying = index
                return seconds + MARGIN
            case {"done": index, "check": check}:
                self.trying, self.checks[index] = None, check
        return SETTLE

    def cut_short(self):
        """Return the result of a judge that hangs on what a check was given."""
        if self.trying is None:
            raise GraderFault("the judge did not finish")
        late = "the check could not finish on what your file returned"
        rest = "not tried: the checks before it took all the time"
        for index in range(self.trying, len(self.checks)):
            message = late if index == self.trying else rest
            self.checks[index] |= {"status": "timeout", "message": message}
        known = self.facts | {"seconds": round(time.monotonic() - self.started, 3)}
        return judge.result(known, self.checks, **NO_INFO, printed="")


def listen(receiving, told):
    """Return the result that a judge sends, or that follows from its silence."""
    wait = SETTLE
    try:
        while receiving.poll(wait):
            event = json.loads(receiving.recv_bytes())
            if "result" in event or "fault" in event:
                return event.get("result", event)
            wait = told.hear(event)
    except (EOFError, OSError):
        raise GraderFault("the judge died") from None
    return told.cut_short()


def life(connection, root, name, path, shown, seed, sandboxes, hidden):
    """The life of a judge: a process that judges one submission and ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # who started it hears it, and ends it
    limit_memory(4 << 30)
    hidden = Path(hidden) if hidden else None

    def send(**event):
        connection.send_bytes(json.dumps(event).encode())

    try:
        exercise = catalog.Course(root).exercise(name)
        submission = (shown, content(path))
        tests = judge.load_tests(exercise, hidden)[1]
        indices = {test.__name__: index for index, test in enumerate(tests)}
        blanks = [judge.blank(test).as_json() for test in tests]
        facts = judge.facts(exercise, submission, seed, hidden)
        send(facts=facts, checks=blanks)

        def told(event, check):
            index = indices[check.name]
            if event == "trying":
                send(trying=index, patience=judge.patience(tests[index]))
            else:
                send(done=index, check=check.as_json())

        job = (exercise, submission, seed, opener(sandboxes))
        send(result=judge.examine(*job, hidden=hidden, told=told))
    except Exception as e:
        send(fault=f"{type(e).__name__}: {e}")
    connection.close()


def limit_memory(size):
    """Let this process take `size` bytes of addresses more than it has."""
    if sys.platform.startswith("linux"):
        import resource

        pages = int(Path("/proc/self/statm").read_text().split()[0])
        most = pages * resource.getpagesize() + size
        resource.setrlimit(resource.RLIMIT_AS, (most, most))
