"""The command `demo`: list the demos, or run one in a process of its own.

An exercise has a demo too: the last part of the learner's own file.
"""

import os
import subprocess
import sys
from pathlib import Path

from course.catalog import Course, NotFound, docstring
from course.cli import FAULT, LOST, UsageError, needs
from course.data.load import data_dir

CHILD = """if True:
    import os, runpy, sys, traceback
    kept = os.dup(2)  # TensorFlow has things to say that no reader of a demo needs
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    try:
        try:
            import tensorflow
        finally:
            os.dup2(kept, 2)
        if len(sys.argv) == 2:
            runpy.run_path(sys.argv[1], run_name="__main__")
        else:
            runpy.run_path(sys.argv[1])["main"](sys.argv[2])
    except NotImplementedError as e:
        at = traceback.extract_tb(e.__traceback__)[-1]
        if at.filename != sys.argv[1]:
            raise
        print(f"course: first write {at.name}, line {at.lineno}", file=sys.stderr)
        sys.exit(1)
    except BrokenPipeError:  # the reader of our output has seen enough
        os._exit(0)
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
    needs("tensorflow", "matplotlib")
    try:
        path = course.demo(options.demo)
    except NotFound as missing:
        return run(own(course, options.demo, missing), None, course.root)
    figure = path.parents[1] / "figures" / f"{path.stem}.png"
    if not options.write:
        figure = Path(options.out or course.root / ".course/figures" / figure.name)
    if figure.suffix != ".png":
        raise UsageError(f"--out takes a name that ends in .png, got {figure}")
    figure = figure.absolute()
    figure.parent.mkdir(parents=True, exist_ok=True)
    if figure.is_dir():
        raise UsageError(f"{figure} is a folder: give the name of a file")
    return run(path, figure, course.root, options.download)


def own(course, name, missing):
    """Return the learner's file of the exercise of that name."""
    try:
        exercise = course.exercise(name)
    except NotFound:
        raise missing from None
    if not exercise.assignment.exists():
        raise UsageError(f"the file is gone: python -m course reset {exercise.name}")
    return exercise.assignment


def listed(course):
    """Print the demos of every chapter, each with what it shows."""
    chapter = None
    for name in course.demos:
        if name.rpartition("/")[0] != chapter:
            chapter = name.rpartition("/")[0]
            print(f"\n{chapter}")
        print(f"  {name}\n      {docstring(course.demo(name)).splitlines()[0]}")
    print("\nRun one with  python -m course demo NAME")
    print("An exercise's name runs the last part of your own file.")


def run(path, figure, root, download=False):
    """Run a demo with the terminal as its own; return the exit code."""
    environment = os.environ | {
        "CUDA_VISIBLE_DEVICES": "-1",  # the same numbers with and without a GPU
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "PYTHONUNBUFFERED": "1",
        "COURSE_DATA": str(data_dir()),  # the folder is relative to here, not to root
    }
    if download:
        environment["COURSE_ALLOW_DOWNLOAD"] = "1"
    arguments = [str(path), str(figure)] if figure else [str(path)]
    command = [sys.executable, "-c", CHILD, *arguments]
    child = subprocess.Popen(command, cwd=root, env=environment)
    try:
        return {0: None, 1: LOST}.get(child.wait(), FAULT)
    except KeyboardInterrupt:  # the child has heard it too, and says so
        child.wait()
        return LOST
