"""grade-all: submissions a minute, memory, resume, and a cluster against threads."""

import statistics
import tempfile
from pathlib import Path

from tests.benchmarks.grading import fresh
from tests.benchmarks.hundred import process_of, weighed
from tests.benchmarks.measure import Row, at_most, class_of, course, seconds, warm

CLASS, UNITS, FRESH = 300, 3000, 20
JOBS, FASTER, RESUME, CLUSTER, STEADY = 2, 20, 5.0, 0.9, 1.2
FIVE = (
    "vision/classification/receptive_fields",
    "vision/classification/channel_attention",
    "vision/classification/batch_norm_backward",
    "foundations/learning/dropout_masks",
    "foundations/optimizers/optimizer_steps",
)


def everything():
    """Grade 300 submissions to five exercises, half of them wrong, then 3,000.

    All by `grade-all --jobs 2` on a warm process, with the strongest isolation, start
    of the command included. A fresh process imports TensorFlow and runs the checks
    with the file beside them, without isolation, for every fifteenth file. The 3,000
    are the same files with another comment each, so that each is a unit of its own.
    Memory is the sum of the proportional set sizes of the command, its judges, the
    warm process and all sandboxes, looked at twice a second in a run of its own.
    """
    resident = process_of(warm())
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        files = class_of(folder / "class", CLASS, FIVE)
        few = seconds(grade_all, folder / "class", folder / "few") / CLASS
        alone = statistics.mean(
            seconds(fresh, path) for path in files[:: CLASS // FRESH]
        )
        memory = weighed(resident, *command(folder / "class", folder / "weighed"))
        cluster = (
            seconds(grade_all, folder / "class", folder / "dask", "--dask") / CLASS
        )
        copies(files, folder / "many")
        many = seconds(grade_all, folder / "many", folder / "run") / UNITS
        resume = seconds(grade_all, folder / "many", folder / "run")
        again = (*command(folder / "many", folder / "run"), "--again")
        most = weighed(resident, *again)
    yield Row(f"grade-all: {CLASS} over five exercises", f"{60 / few:.0f} a minute")
    measured, target = f"{alone / few:.1f} times faster", f"at least {FASTER} times"
    yield Row("  against a fresh process each", measured, target, alone / few >= FASTER)
    yield Row("  memory at the peak", f"{memory / 1e9:.2f} GB")
    measured, target = f"{few / cluster:.0%} of its rate", f"at least {CLUSTER:.0%}"
    yield Row("  on two Dask workers", measured, target, few / cluster >= CLUSTER)
    yield at_most(f"  {UNITS}: time of a unit", many / few, STEADY, " of that of 300")
    yield at_most("  their memory", most / memory, STEADY, " of that of 300")
    yield at_most("  the finished run again", resume, RESUME, " s", 1)


def command(submissions, out):
    return ("grade-all", submissions, "--out", out, "--jobs", JOBS)


def grade_all(submissions, out, *more):
    course(*command(submissions, out), *more)


def copies(files, folder):
    """Write each file ten times, with another comment each."""
    for number in range(UNITS):
        source = files[number % len(files)]
        name = Path(*source.parts[-3:])
        path = folder / f"student{number:04}" / name
        path.parent.mkdir(parents=True)
        path.write_text(f"{source.read_text('utf-8')}\n# {number}\n", "utf-8")
