"""Runs an exercise's checks against one submission. NumPy only, never TensorFlow."""

import hashlib
import importlib.util
import inspect
import re
import secrets
import signal
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

from course import diagnosis
from course.sandbox import client
from course.sandbox.session import Gone, Raised, Unusable

BUDGET = 180  # seconds on the clock for all checks of a submission
PRINTED_MAX = 2000  # characters of a submission's own output that are shown
ADDRESS = re.compile(r"\b0x[0-9a-f]{6,}\b")
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
    inputs_sha256: str = ""  # of all that was sent to the submission
    observed: list = field(default_factory=list)

    @property
    def score(self):
        return self.points if self.status == "passed" else 0.0

    def as_json(self):
        kept = {k: v for k, v in vars(self).items() if k != "observed"}
        kept["message"] = ADDRESS.sub("0x…", self.message)  # another in every run
        return {**kept, "score": self.score, "seconds": round(self.seconds, 3)}


def load_tests(exercise, hidden=None):
    """Return (module, checks in order) of an exercise's autograder.

    Args:
        exercise: a `catalog.Exercise`.
        hidden: Path of a file with more checks, all of them hidden, or None.
    """
    module, tests = checks_in(exercise.test)
    if hidden:
        more = checks_in(hidden)[1]
        if twice := {t.__name__ for t in tests} & {t.__name__ for t in more}:
            raise GraderFault(f"{hidden}: give {twice.pop()} another name")
        for test in more:
            test.hidden = True
        tests += more
    secret = {test.__name__ for test in tests if test.hidden}
    for test in tests:
        if test.after in secret and not test.hidden:
            raise GraderFault(
                f"{exercise.test}: {test.__name__} waits for a hidden check"
            )
    return module, tests


def checks_in(path):
    """Return (module, checks in order) of a file."""
    spec = importlib.util.spec_from_file_location("course_checks", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    tests = [f for f in vars(module).values() if hasattr(f, "points")]
    if not tests:
        raise GraderFault(f"{path} has no check with @points")
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
        hidden: Path of a file with hidden checks, or None.
        told: function (event, check) called as "trying" and "done" as it goes.
    """

    def __init__(self, exercise, submission, seed, opener, hidden=None, told=None):
        self.exercise, self.submission, self.seed = exercise, submission, seed
        self.opener, self.told = opener, told or (lambda event, check: None)
        self.module, self.tests = load_tests(exercise, hidden)
        self.forbidden = getattr(self.module, "FORBIDDEN", ())
        self.session = self.context = None
        self.unusable = None  # why the file cannot be loaded, once that is known
        self.info, self.printed = {"isolation": {}, "environment": {}}, ""
        if submission[1] is None:
            self.unusable = Unusable(
                f"{submission[0]} cannot be read: who may read it?"
            )

    def run(self, record=None, frugal=False):
        """Return the checks in order, with misconceptions named where a record can.

        Args:
            record: of the exercise's mistakes, or None.
            frugal: whether checks that wait for a part wait for all before them.
        """
        started = time.monotonic()
        done = {}
        for test in sorted(self.tests, key=lambda test: test.hidden):
            check = blank(test)
            if test.hidden:
                self.close()  # what it was asked, no later answer can tell
            if self.unusable:
                check.status, check.message = self.unusable.status, str(self.unusable)
            elif first := waits_for(test, done, frugal):
                check.status, check.message = "waiting", f"first: {first.title}"
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
            self.told("done", check)
        self.close()
        return [done[test.__name__] for test in self.tests]

    def attempt(self, test, check, seed):
        """Try one check and fill in what came of it."""
        rng, number = random_generator(seed, self.exercise.name, test.__name__)
        started = time.monotonic()
        try:
            session = self.opened()
            session.start(test.__name__, number, test.seconds)
            arguments = {"submission": session.root, "rng": rng}
            wanted = inspect.signature(test).parameters
            self.told("trying", check)
            with alarm(patience(test)):
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
        if self.session:
            check.observed = list(self.session.observed)
            check.inputs_sha256 = self.session.sent.hexdigest()
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


def waits_for(test, done, frugal):
    """Return a Check that must pass before a test is tried and has not, or None."""
    before = done.values() if frugal else [done[test.after]] if test.after else []
    lost = [check for check in before if check.status != "passed"]
    return lost[0] if test.after and lost else None


def patience(test):
    """Return the seconds on the clock that a check may take."""
    return 3 * test.seconds + 30


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


def examine(
    exercise, submission, seed, opener, name_mistakes=True, hidden=None, told=None
):
    """Judge one submission in this process; return the result of schema 1."""
    started = time.monotonic()
    record = diagnosis.read(exercise) if name_mistakes else None
    examination = Examination(exercise, submission, seed, opener, hidden, told)
    checks = [check.as_json() for check in examination.run(record)]
    known = facts(exercise, submission, seed, hidden)
    known["seconds"] = round(time.monotonic() - started, 3)
    printed = examination.printed[:PRINTED_MAX]
    if withheld := getattr(examination.module, "HIDDEN", None):  # of a student release
        known["withheld"] = dict(zip(("checks", "points"), withheld, strict=True))
    return result(known, checks, **examination.info, printed=printed)


def facts(exercise, submission, seed, hidden=None):
    """Return what a result says of its submission, before it is judged."""
    files = filter(None, [exercise.test, hidden])
    return {
        "exercise": exercise.name,
        "submission_sha256": hashlib.sha256(submission[1] or b"").hexdigest(),
        "exercise_sha256": digest(*files),
        "seed": seed,
    }


def result(facts, checks, **more):
    """Return a result of schema 1."""
    return {
        "schema": 1,
        "score": sum(check["score"] for check in checks),
        "max_score": sum(check["points"] for check in checks),
        **facts,
        "checks": checks,
        **more,
    }
