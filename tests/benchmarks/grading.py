"""How fast the grader is: in a batch, from the shell, and around a learner's calls."""

import statistics
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from course import judge
from course.catalog import Course
from course.sandbox import client
from tests.benchmarks.measure import (
    EXERCISES,
    Row,
    answers,
    at_most,
    class_of,
    course,
    median_seconds,
    python,
    seconds,
    warm,
)

AT_ONCE = 2
CLASS, FRESH = 48, 16  # submissions in the batch, and graded in fresh processes
ONE_TRAINS = [name for name in EXERCISES if name.endswith(("fields", "attention"))]
FASTER, OVERHEAD, WHOLE = 20, 250, 1.2


def batch():
    """Time the grading of one submission in a warm batch and in a fresh process.

    A class of 48 hands in receptive_fields, and channel_attention, which has a
    training run; half of the files are wrong. The batch is `grade --submission
    FOLDER`, two at a time, whose wall time (start of the command included) is divided
    by 48; beyond what a fresh process does it isolates each file and repeats every
    failed check to name the mistake. The fresh process imports TensorFlow and runs the
    checks with the file beside them, for the first sixteen files, one process after
    the other; with two such processes at a time the second comparison has the same
    number of cores for both. They take turns, so that they meet the same machine.
    """
    warm()
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(AT_ONCE) as pool:
        files = class_of(folder, CLASS, ONE_TRAINS)
        grade = ("grade", "--jobs", AT_ONCE, "--submission", folder)
        course(*grade)  # the page cache
        times = []
        for start in range(0, FRESH, 4):
            turn = files[start : start + 4]
            shared = seconds(course, *grade) / CLASS
            alone = statistics.mean(seconds(fresh, path) for path in turn)
            paired = seconds(lambda few: [*pool.map(fresh, few)], turn) / len(turn)
            times.append((shared, alone, paired))
    shared, alone, paired = map(statistics.mean, zip(*times, strict=True))
    yield Row(f"a submission in a batch, {AT_ONCE} at a time", f"{shared:.2f} s")
    yield Row("the same checks in a fresh pytest process", f"{alone:.2f} s")
    measured, target = f"{alone / shared:.1f} times faster", f"at least {FASTER} times"
    yield Row("  batch against fresh", measured, target, alone / shared >= FASTER)
    measured = f"{paired / shared:.1f} times faster"
    yield Row(f"  with {AT_ONCE} fresh processes at a time", measured)


def fresh(path):
    """Run the checks of a submission in a fresh pytest process."""
    name = "/".join(path.parts[-3:]).removesuffix(".py")
    plugin = ("--noconftest", "-p", "tests.benchmarks.fresh", "-p", "no:cacheprovider")
    test = Course().exercise(name).test
    python("-m", "pytest", "-q", *plugin, test, ends=(0, 1), BENCH_SUBMISSION=str(path))


STOPWATCH = """

def _install():
    import time
    from course.sandbox.worker import Worker

    spent = [0.0]

    def timed(method):
        def run(*args):
            started = time.perf_counter()
            try:
                return method(*args)
            finally:
                spent[0] += time.perf_counter() - started
        return run

    for name in ("on_call", "on_gradient", "on_symbolic", "on_fit", "on_reload"):
        setattr(Worker, name, timed(getattr(Worker, name)))
    return lambda: spent[0]

_seconds_spent = _install()
"""


def overhead(times=7):
    """Time what grading costs beyond the submission's own calls.

    From the request for a sandbox to the last answer, all checks of an exercise: fork,
    isolation, loading the file, the wire, the judge's oracles. The submission carries
    a stopwatch, which sums up what the sandbox spends inside its functions, training
    runs included; that sum is subtracted.
    """
    path, beyond = warm(), []

    @contextmanager
    def opener():
        started = time.perf_counter()
        with client.fresh(path) as session:
            yield session
            total = time.perf_counter() - started
            if session.link.verdict is None:  # else it has ended, and loses points
                beyond.append(1000 * (total - session.root._seconds_spent()))

    for name in EXERCISES * times:
        exercise = Course().exercise(name)
        right, _ = answers(exercise)
        submission = (f"{exercise.short}.py", (right + STOPWATCH).encode())
        result = judge.examine(exercise, submission, judge.new_seed(), opener)
        assert result["score"] == result["max_score"], result
    what = "request to last answer, less the submission's calls"
    yield at_most(what, statistics.median(beyond), OVERHEAD, " ms", 0)


def whole():
    """Time a whole `grade` from the shell, as a learner does it, warm."""
    warm()
    exercise = Course().exercise(EXERCISES[0])
    right, wrong = answers(exercise)
    for kind, text in [("right", right), ("wrong", wrong[-1])]:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "answer.py"
            path.write_text(text, "utf-8")
            command = ("grade", exercise.name, "--submission", path)
            course(*command)
            found = median_seconds(7, course, *command)
        yield at_most(f"warm grade {exercise.short}, {kind}", found, WHOLE, " s")
