"""Measures and prints one table: python -m tests.benchmarks.run [NAME …]

A target that is missed is marked; the exit code is 0 all the same, since a time says
as much about the machine as about the code. `time make test` on two free cores
measures the tests (under fifteen minutes, without the installation).
"""

import argparse
import os
import platform
import sys
import tempfile
import time
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

from tests.benchmarks import (
    demos,
    everything,
    grading,
    hundred,
    language,
    networks,
    redteam,
    start,
    suppression,
    watching,
)

BENCHMARKS = {
    "start": start.start,
    "watch": watching.watching,
    "overhead": grading.overhead,
    "whole": grading.whole,
    "batch": grading.batch,
    "hundred": hundred.hundred,
    "everything": everything.everything,
    "redteam": redteam.redteam,
    "networks": networks.networks,
    "suppression": suppression.suppression,
    "language": language.language,
    "demos": demos.demos,
}


def main():
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.run")
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help=f"of {', '.join(BENCHMARKS)}"
    )
    names = parser.parse_args().names or list(BENCHMARKS)
    if unknown := set(names) - set(BENCHMARKS):
        parser.error(f"no benchmark {' '.join(unknown)}: {', '.join(BENCHMARKS)}")
    rows = []
    with private_folder():
        for name in names:
            print(f"{time.strftime('%H:%M:%S')}  measuring: {name}", file=sys.stderr)
            rows += BENCHMARKS[name]()
    show(rows)


@contextmanager
def private_folder():
    """Keep a learner's warm process and progress out of the measurements."""
    from course.sandbox import client

    with tempfile.TemporaryDirectory(prefix="course-bench-") as folder:
        os.environ["COURSE_RUN_DIR"] = folder
        os.environ["COURSE_PROGRESS"] = os.path.join(folder, "progress.json")
        try:
            yield
        finally:
            for pid_file in Path(folder).glob("*.pid"):
                client.stop(pid_file)
            time.sleep(1)  # it removes its own files


def show(rows):
    """Print the machine and the table."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False, markup=False)
    if not console.is_terminal:
        console.width = 110
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for title in ("what", "measured", "target", ""):
        table.add_column(title)
    for row in rows:
        table.add_row(row.what, row.measured, row.target, "" if row.met else "missed")
    console.print(machine())
    console.print(table)


def machine():
    """Return what the times depend on, in two lines."""
    load = f", load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    packages = ("tensorflow", "keras", "numpy")
    versions = ", ".join(f"{name} {version(name)}" for name in packages)
    return (
        f"{processor()}, {os.cpu_count()} cores{load}, {platform.platform()}\n"
        f"Python {platform.python_version()}, {versions}"
    )


def processor():
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(x for x in lines if x.startswith("model name")).partition(": ")[2]
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


if __name__ == "__main__":
    main()
