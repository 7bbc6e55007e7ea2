"""The command `demo`: list the demos, or run one in a process of its own."""

import os
import subprocess
import sys
from pathlib import Path

from course.catalog import Course, docstring
from course.cli import FAULT, LOST, UsageError

CHILD = """if True:
    import importlib.util, os, sys
    kept = os.dup(2)  # TensorFlow has things to say that no reader of a demo needs
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    try:
        import tensorflow
    finally:
        os.dup2(kept, 2)
    spec = importlib.util.spec_from_file_location("demo", sys.argv[1])
    demo = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(demo)
    try:
        demo.main(sys.argv[2])
    except (OSError, ModuleNotFoundError) as e:  # data that cannot be had
        print(f"course: {e}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        print("course: stopped", file=sys.stderr)
        sys.exit(1)
"""


def demo(options):
    """List the demos, or run one; return the exit code."""
    course = Course()
    if options.demo is None:
        listed(course)
        return None
    path = course.demo(options.demo)
    figure = path.parents[1] / "figures" / f"{path.stem}.png"
    if not options.write:
        figure = Path(options.out or course.root / ".course/figures" / figure.name)
    if figure.suffix != ".png":
        raise UsageError(f"--out takes a name that ends in .png, got {figure}")
    return run(path, figure.absolute(), course.root, options.download)


def listed(course):
    """Print the demos of every chapter, each with what it shows."""
    chapter = None
    for name in course.demos:
        if name.rpartition("/")[0] != chapter:
            chapter = name.rpartition("/")[0]
            print(f"\n{chapter}")
        print(f"  {name}\n      {docstring(course.demo(name)).splitlines()[0]}")
    print("\nRun one with  python -m course demo NAME")


def run(path, figure, root, download):
    """Run a demo with the terminal as its own; return the exit code."""
    environment = os.environ | {
        "CUDA_VISIBLE_DEVICES": "-1",  # the same numbers with and without a GPU
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "PYTHONUNBUFFERED": "1",
    }
    if download:
        environment["COURSE_ALLOW_DOWNLOAD"] = "1"
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD, str(path), str(figure)], cwd=root, env=environment
    )
    try:
        return {0: None, 1: LOST}.get(child.wait(), FAULT)
    except KeyboardInterrupt:  # the child has heard it too, and says so
        child.wait()
        return LOST
