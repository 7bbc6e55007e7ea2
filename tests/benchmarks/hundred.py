"""A class of a hundred: submissions a minute, memory, and whether scores repeat."""

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

from course.catalog import ROOT
from tests.benchmarks.measure import Row, class_of, course, seconds, warm

SIZE, AT_ONCE = 100, 2
MEMORY = 3e9  # bytes
LOOK = 0.5  # seconds between two looks at the memory


def hundred():
    """Grade a hundred submissions twice: once on the clock, once under the scales.

    Inputs are drawn anew in each run, and the scores must be the same. The memory is
    that of the command, its judges, the warm process and all sandboxes: the sum of
    their proportional set sizes, in which a shared page counts once.
    """
    resident = process_of(warm())
    with tempfile.TemporaryDirectory() as folder:
        class_of(Path(folder) / "class", SIZE)
        command = ("grade", "--jobs", AT_ONCE, "--submission", f"{folder}/class")
        first, second = (f"{folder}/{name}.jsonl" for name in ("first", "second"))
        minutes = seconds(course, *command, "--json", first) / 60
        peak = weighed(resident, *command, "--json", second)
        other = differing(results(first), results(second))
    yield Row(
        f"{SIZE} submissions, {AT_ONCE} at a time", f"{SIZE / minutes:.0f} a minute"
    )
    measured, target = f"{peak / 1e9:.2f} GB", f"under {MEMORY / 1e9:g} GB"
    yield Row("  memory at the peak", measured, target, peak < MEMORY)
    measured = f"other scores: {', '.join(other)}" if other else "the same scores"
    yield Row("  in two runs", measured, "the same scores", not other)


def results(path):
    return [json.loads(line) for line in Path(path).read_text("utf-8").splitlines()]


def differing(first, second):
    """Return whose checks did not earn the same points twice."""
    points = [
        [[c["score"] for c in r["checks"]] for r in run] for run in (first, second)
    ]
    pairs = zip(first, *points, strict=True)
    return [result["student"] for result, one, two in pairs if one != two]


def process_of(socket):
    """Return the warm process behind a socket."""
    return psutil.Process(int(Path(f"{socket}.pid").read_text()))


def weighed(resident, *command):
    """Run a command of the course; return the memory at the peak, in bytes."""
    arguments = [sys.executable, "-m", "course", *map(str, command)]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(arguments, cwd=ROOT, **quiet) as run:
        peak, roots = 0, [psutil.Process(run.pid), resident]
        while run.poll() is None:
            peak = max(peak, sum(map(tree_memory, roots)))
            time.sleep(LOOK)
    if run.returncode > 1:
        raise RuntimeError(f"{arguments} ended with {run.returncode}")
    return peak


def tree_memory(root):
    """Return the bytes that a process and its descendants take."""
    try:
        return sum(map(memory, [root, *root.children(recursive=True)]))
    except psutil.NoSuchProcess:
        return 0


def memory(process):
    try:
        found = process.memory_full_info()
        return getattr(found, "pss", found.rss)
    except psutil.AccessDenied:
        return process.memory_info().rss
    except psutil.NoSuchProcess:
        return 0
