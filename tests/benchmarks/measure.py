"""What the benchmarks share: a row of the table, stopwatches, submissions to grade."""

import os
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from course import stubs
from course.catalog import ROOT, Course
from course.sandbox import client

CHAPTER = "vision/classification"
EXERCISES = [
    f"{CHAPTER}/{name}"
    for name in (
        "channel_attention",
        "receptive_fields",
        "batch_norm_backward",
        "residual_branches",
    )
]


@dataclass(frozen=True)
class Row:
    """One line of the table; without a target it is there for comparison.

    Args:
        what, measured, target: text, as printed.
        met: whether the target is met.
    """

    what: str
    measured: str
    target: str = ""
    met: bool = True


def at_most(what, value, limit, unit, digits=2):
    """Return the Row of a value that should not exceed a limit."""
    shown = f"{value:.{digits}f}{unit}"
    return Row(what, shown, f"at most {limit:g}{unit}", value <= limit)


def seconds(function, *args, **kwargs):
    """Return how long a call takes on the clock."""
    started = time.perf_counter()
    function(*args, **kwargs)
    return time.perf_counter() - started


def median_seconds(times, function, *args, **kwargs):
    return statistics.median(seconds(function, *args, **kwargs) for _ in range(times))


def python(*arguments, ends=(0,), **variables):
    """Run Python at the root of the course and return what it prints.

    Raises:
        RuntimeError: it ended with another code than one of `ends`.
    """
    run = subprocess.run(
        [sys.executable, *map(str, arguments)],
        cwd=ROOT,
        env=os.environ | variables,
        capture_output=True,
        text=True,
    )
    if run.returncode not in ends:
        said = (run.stdout + run.stderr)[-2000:]
        raise RuntimeError(f"{arguments} ended with {run.returncode}: {said}")
    return run.stdout


def course(*arguments):
    """Run a command of the course; losing points is no failure."""
    return python("-m", "course", *arguments, ends=(0, 1))


def warm():
    """Return the socket of a warm process that has imported TensorFlow."""
    path = client.warm()
    client.Link(path).end()
    return path


def answers(exercise):
    """Return texts of submissions: the solution, and every mistake in it."""
    wrong = [mutant.text for mutant in stubs.read(exercise.solution).mutants]
    return exercise.solution.read_text("utf-8"), wrong


def class_of(folder, size, exercises=tuple(EXERCISES)):
    """Write the work of a class into a folder of students; return the files.

    The exercises take turns; of each, every other submission is right, and the
    wrong ones go through the mistakes that the solution knows.

    Args:
        size: number of submissions.
        exercises: names.
    """
    known = [(name, *answers(Course().exercise(name))) for name in exercises]
    files = []
    for number in range(size):
        name, right, wrong = known[number % len(known)]
        turn = number // len(known)
        text = wrong[7 * (turn // 2) % len(wrong)] if turn % 2 else right
        path = Path(folder) / f"student{number:03}" / f"{name}.py"
        path.parent.mkdir(parents=True)
        path.write_text(text, "utf-8")
        files.append(path)
    return files
