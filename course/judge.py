"""Runs an exercise's checks against one submission. NumPy only, never TensorFlow.

A unit of work is judged in a process of its own (`judged`), so that an answer which
makes a check loop or allocate without end costs this submission only.
"""

import functools
import hashlib
import importlib.util
import inspect
import json
import secrets
import signal
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

from course import catalog, diagnosis
from course.sandbox import client
from course.sandbox.session import Gone, Raised, Unusable

BUDGET = 180  # seconds on the clock for all checks of a submission
PRINTED_MAX = 2000  # characters of a submission's own output that are shown
PUBLIC_SEED = "public"  # the seed of the records that name misconceptions


class GraderFault(Exception):
    """The grader itself failed; the submission is not to blame."""


class TimeIsUp(BaseException):
    """The check itself has run too long on what a submission returned."""


@dataclass
class Check:
    """What came of one check."""

    name: str
    title: str
    points: float
    hidden: bool
    status: str = "invalid"
    message: str = ""
    misconception: str = ""
    seconds: float = 0.0
    observed: list = field(default_factory=list)

    @property
    def score(self):
        return self.points if self.status == "passed" else 0.0

    def as_json(self):
        kept = {k: v for k, v in vars(self).items() if k != "observed"}
        return {**kept, "score": self.score, "seconds": round(self.seconds, 3)}


def load_tests(exercise):
    """Return (module, checks in order) of an exercise's autograder.

    Args:
        exercise: a `catalog.Exercise`.
    """
    spec = importlib.util.spec_from_file_location("course_checks", exercise.test)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    tests = [f for f in vars(module).values() if hasattr(f, "points")]
    if not tests:
        raise GraderFault(f"{exercise.test} has no check with @points")
    return module, tests


def blank(test):
    """Return the Check of a test, before it was tried."""
    title = inspect.getdoc(test).splitlines()[0]
    return Check(test.__name__, title, test.points, test.hidden)


def random_generator(*names):
    """Return (NumPy generator, seed for the sandbox) that depend on all names."""
    import numpy as np

    digest = hashlib.sha256("/".join(names).encode()).digest()
    number = int.from_bytes(digest[:8], "little")
    return np.random.default_rng(number), number % 2**31


class Examination:
    """All checks of one exercise on one submission.

    Args:
        exercise: a `catalog.Exercise`.
        submission: (name, bytes) of the learner's file.
        seed: text; the same seed gives the same inputs.
        opener: context manager () -> Session on a fresh sandbox.
    """

    def __init__(self, exercise, submission, seed, opener):
        self.exercise, self.submission, self.seed = exercise, submission, seed
        self.opener = opener
        self.module, self.tests = load_tests(exercise)
        self.forbidden = getattr(self.module, "FORBIDDEN", ())
        self.session = self.context = None
        self.unusable = None  # why the file cannot be loaded, once that is known
        self.info, self.printed = {"isolation": {}, "environment": {}}, ""
        if submission[1] is None:
            self.unusable = Unusable(
                f"{submission[0]} cannot be read: who may read it?"
            )

    def run(self, record=None):
        """Return the checks in order, with misconceptions named where a record can."""
        started = time.monotonic()
        done = {}
        for test in self.tests:
            check = blank(test)
            if self.unusable:
                check.status, check.message = self.unusable.status, str(self.unusable)
            elif test.after and done[test.after].status != "passed":
                first = done[test.after].title
                check.status, check.message = "waiting", f"first: {first}"
            elif time.monotonic() - started > BUDGET:
                check.status = "timeout"
                check.message = "not tried: the checks before it took all the time"
            else:
                self.attempt(test, check, self.seed)
                if record and check.status == "failed":
                    again = blank(test)
                    self.attempt(test, again, PUBLIC_SEED)
                    known = record["checks"].get(test.__name__)
                    check.misconception = diagnosis.match(again, known)
            done[test.__name__] = check
        self.close()
        return list(done.values())

    def attempt(self, test, check, seed):
        """Try one check and fill in what came of it."""
        rng, number = random_generator(seed, self.exercise.name, test.__name__)
        started = time.monotonic()
        try:
            session = self.opened()
            session.start(test.__name__, number, test.seconds)
            arguments = {"submission": session.root, "rng": rng}
            wanted = inspect.signature(test).parameters
            with alarm(3 * test.seconds + 30):
                test(**{name: arguments[name] for name in wanted})
            check.status = "passed"
        except AssertionError as e:
            check.status = "failed"
            check.message = str(e) or "what came back is not what the check asks for"
        except Raised as e:
            check.status, check.message = status_of(e), str(e)
            if check.status == "todo":
                check.message = ""
        except (Gone, Unusable) as e:
            check.status, check.message = e.status, str(e)
        except TimeIsUp:
            check.status = "timeout"
            check.message = "the check could not finish on what your file returned"
        except (client.SandboxFault, GraderFault):
            raise
        except Exception as e:
            if not (self.session and self.session.asked):
                raise GraderFault(
                    f"{self.exercise.test}: {test.__name__}: {type(e).__name__}: {e}"
                ) from e
            check.status = "invalid"
            check.message = (
                "what your file returned cannot be checked "
                f"({type(e).__name__}: {str(e)[:200]}): look at its type and shape"
            )
        check.seconds = time.monotonic() - started
        check.observed = list(self.session.observed) if self.session else []
        if check.status not in ("passed", "failed", "todo"):
            self.close()  # the next check gets a fresh sandbox

    def opened(self):
        """Return a session that has loaded the submission; that is tried once."""
        if self.session is None:
            self.context = self.opener()
            self.session = self.context.__enter__()
            self.info = self.session.link.info
            try:
                client.load(self.session, self.submission, self.forbidden)
            except (Gone, Unusable) as e:
                self.unusable = e
                raise
        return self.session

    def close(self):
        if self.session is not None:
            self.context.__exit__(None, None, None)
            self.printed += self.session.link.printed
        self.session = None


def status_of(raised):
    if raised.text.startswith("raise NotImplementedError"):
        return "todo"  # the stub's own line; TensorFlow raises this type too
    memory = {"MemoryError", "ResourceExhaustedError"} & set(raised.types)
    return "memory" if memory else "crashed"


class alarm:
    """Raise TimeIsUp in this block after some seconds, where the system can."""

    def __init__(self, seconds):
        self.seconds = seconds

    def __enter__(self):
        main = threading.current_thread() is threading.main_thread()
        self.possible = main and hasattr(signal, "setitimer")
        if self.possible:
            signal.signal(signal.SIGALRM, self.ring)
            signal.setitimer(signal.ITIMER_REAL, self.seconds)

    def ring(self, *_):
        raise TimeIsUp

    def __exit__(self, *_):
        if self.possible:
            signal.setitimer(signal.ITIMER_REAL, 0)


def new_seed():
    return secrets.token_hex(8)


def digest(*paths):
    """Return the SHA-256 of files, one after the other."""
    found = hashlib.sha256()
    for path in paths:
        found.update(Path(path).read_bytes())
    return found.hexdigest()


def examine(exercise, submission, seed, opener, name_mistakes=True):
    """Judge one submission in this process; return the result of schema 1."""
    started = time.monotonic()
    record = diagnosis.read(exercise) if name_mistakes else None
    examination = Examination(exercise, submission, seed, opener)
    checks = examination.run(record)
    return {
        "schema": 1,
        "exercise": exercise.name,
        "score": sum(c.score for c in checks),
        "max_score": sum(c.points for c in checks),
        "submission_sha256": hashlib.sha256(submission[1] or b"").hexdigest(),
        "exercise_sha256": digest(exercise.test),
        "seed": seed,
        "seconds": round(time.monotonic() - started, 3),
        "checks": [check.as_json() for check in checks],
        **examination.info,
        "printed": examination.printed[:PRINTED_MAX],
    }


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


def _judge(connection, root, name, path, shown, seed, sandboxes):
    """The life of a judge: a process that judges one submission and ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # who started it hears it, and ends it
    limit_memory(4 << 30)
    try:
        exercise = catalog.Course(root).exercise(name)
        submission = (shown, content(path))
        result = examine(exercise, submission, seed, opener(sandboxes))
    except Exception as e:
        result = {"fault": f"{type(e).__name__}: {e}"}
    connection.send_bytes(json.dumps(result).encode())
    connection.close()


def limit_memory(size):
    """Let this process take `size` bytes of addresses more than it has."""
    if sys.platform.startswith("linux"):
        import resource

        pages = int(Path("/proc/self/statm").read_text().split()[0])
        most = pages * resource.getpagesize() + size
        resource.setrlimit(resource.RLIMIT_AS, (most, most))


def judged(course, name, path, shown, seed, sandboxes, alone=False):
    """Judge a submission in a process of its own and return the result.

    Args:
        alone: whether this process has one thread, so that it may simply fork.

    Raises:
        GraderFault: the judge died or said that it is at fault.
    """
    import multiprocessing

    linux = sys.platform.startswith("linux")
    method = ("fork" if alone else "forkserver") if linux else "spawn"
    context = multiprocessing.get_context(method)
    if method == "forkserver":
        context.set_forkserver_preload(["numpy", "course.judge", "course.grading"])
    receiving, sending = context.Pipe(duplex=False)
    args = (sending, str(course.root), name, str(path), shown, seed, str(sandboxes))
    process = context.Process(target=_judge, args=args)
    process.start()
    sending.close()
    try:
        if not receiving.poll(3 * BUDGET):
            raise GraderFault("the judge did not finish")
        result = json.loads(receiving.recv_bytes())
    except (EOFError, OSError):
        raise GraderFault("the judge died") from None
    finally:
        process.kill()
        process.join()
        receiving.close()
    if "fault" in result:
        raise GraderFault(result["fault"])
    return result
