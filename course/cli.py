"""The command line. Each command is imported when it is called, and not before."""

import argparse
import errno
import importlib
import importlib.util
import os
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]

CANNOT_WRITE = (errno.EACCES, errno.EROFS, errno.ENOSPC, errno.EDQUOT)
CANNOT_WRITE += (errno.ENOTDIR, errno.EEXIST)
EXPORTS = "canvas, moodle, gradescope, csv, jsonl, junit or github"
OK, LOST, USAGE, FAULT = 0, 1, 2, 3  # exit codes


class UsageError(Exception):
    """The user asked for something that is not there; the message says what to do."""


def needs(*packages):
    """Say what to do where packages are missing.

    Raises:
        UsageError: one of them is not installed for this Python.
    """
    missing = [name for name in packages if importlib.util.find_spec(name) is None]
    if missing:
        raise UsageError(not_installed(missing[0]))


def not_installed(package):
    venv = ROOT / ".venv"
    if venv.exists() and Path(sys.prefix).resolve() != venv.resolve():
        activate = (
            r".venv\Scripts\activate"
            if os.name == "nt"
            else "source .venv/bin/activate"
        )
        return f"this Python has no {package}: run {activate} first"
    return f"this Python has no {package}: pip install -r requirements.txt"


def parser():
    """Return the parser of all commands."""
    top = argparse.ArgumentParser(
        prog="python -m course",
        description="The applied deep-learning course; alone: your progress.",
        allow_abbrev=False,
    )
    commands = top.add_subparsers(dest="command", metavar="COMMAND")

    def add(name, module, text, *arguments):
        command = commands.add_parser(name, help=text, description=text)
        command.set_defaults(module=module)
        for argument, options in arguments:
            command.add_argument(argument, **options)
        return command

    exercise = ("exercise", {"metavar": "EXERCISE"})
    add("list", "learner", "what there is: chapters, exercises, modules")
    add("show", "learner", "a chapter's README", ("chapter", {"metavar": "CHAPTER"}))
    add(
        "where", "learner", "the files that match a word", ("word", {"metavar": "WORD"})
    )
    add("hint", "learner", "the next hint of an exercise", exercise)
    add(
        "reset",
        "learner",
        "the untouched file again; yours is kept beside it",
        exercise,
    )
    add_grade(commands)
    add(
        "watch",
        "watch",
        "grade at every save, show what is next",
        ("exercise", {"metavar": "EXERCISE", "nargs": "?"}),
    )
    add(
        "notebook",
        "notebook",
        "the exercise as a notebook",
        exercise,
        ("--out", {"metavar": "FILE", "help": "its name; EXERCISE.ipynb here"}),
    )
    add(
        "demo",
        "demo",
        "run a demo; without a name, list them",
        ("demo", {"metavar": "NAME", "nargs": "?"}),
        ("--out", {"metavar": "FILE", "help": "write the figure there"}),
        ("--write", {"action": "store_true", "help": "renew the figure of the page"}),
        ("--download", {"action": "store_true", "help": "data may be fetched"}),
    )
    add(
        "collect",
        "collect",
        "(instructors) lay out a download of submissions",
        ("archive", {"metavar": "ARCHIVE", "help": "a zip, tar or folder"}),
        ("--out", {"metavar": "FOLDER", "default": "submissions"}),
        (
            "--from",
            {
                "dest": "layout",
                "default": "auto",
                "help": "canvas, moodle, gradescope, github or folder",
            },
        ),
        ("--exercise", {"metavar": "EXERCISE", "help": "all files are answers to it"}),
        (
            "--assignment",
            {"metavar": "NAME", "help": "GitHub: clones are NAME-user"},
        ),
    )
    add_grade_all(commands)
    add(
        "override",
        "override",
        "(instructors) give points by hand, with a reason",
        ("folder", {"metavar": "DIR"}),
        ("student", {"metavar": "STUDENT"}),
        ("exercise", {"metavar": "EXERCISE"}),
        ("points", {"metavar": "POINTS", "help": "a number; none takes it back"}),
        ("--reason", {"required": True, "metavar": "TEXT"}),
        ("--author", {"required": True, "metavar": "NAME"}),
    )
    command = add(
        "replay",
        "replay",
        "(instructors) the same inputs and verdict again",
        ("folder", {"metavar": "DIR"}),
        ("result", {"metavar": "RESULT", "help": "STUDENT/EXERCISE, or its file"}),
    )
    add_isolation(command)
    add(
        "similar",
        "similar",
        "(instructors) near-copies among submissions",
        ("submissions", {"metavar": "SUBMISSIONS"}),
        (
            "--least",
            {"type": float, "default": 0.7, "help": "how alike, from 0 to 1 (0.7)"},
        ),
    )
    add(
        "report",
        "report",
        "(instructors) pages about a class, and one for each student",
        ("folder", {"metavar": "DIR"}),
        ("--out", {"metavar": "FOLDER", "help": "DIR/report if not said"}),
    )
    add(
        "export",
        "export",
        "(instructors) the gradebook in the format of another tool",
        ("folder", {"metavar": "DIR"}),
        ("--to", {"metavar": "FORMAT", "required": True, "help": EXPORTS}),
        ("--out", {"metavar": "PATH", "help": "the screen if not said"}),
        ("--sheet", {"metavar": "FILE", "help": "exported from Canvas or Moodle"}),
        ("--column", {"metavar": "NAME", "help": "of the sheet, to be filled"}),
        ("--exercise", {"metavar": "EXERCISE", "help": "its points, not the total"}),
        ("--student", {"metavar": "NAME", "help": "only this one"}),
    )
    add(
        "release",
        "release",
        "(instructors) the students' copy, without answers",
        ("--out", {"metavar": "DIR", "required": True}),
    )
    add(
        "package",
        "package",
        "(instructors) an autograder for Gradescope, as a zip",
        (
            "--for",
            {"dest": "platform", "metavar": "PLATFORM", "default": "gradescope"},
        ),
        (
            "--exercise",
            {"metavar": "E", "nargs": "+", "action": "extend", "default": []},
        ),
        ("--out", {"metavar": "FILE", "default": "autograder.zip"}),
        ("--hidden", {"metavar": "DIR", "help": "a folder with hidden checks"}),
        ("--policy", {"metavar": "FILE", "help": "says what is told of hidden ones"}),
        ("--key", {"metavar": "FILE", "help": "of the seeds; a new one if not said"}),
    )
    add(
        "stubs",
        "author",
        "(authors) compare the learners' files with the solutions",
        ("--write", {"action": "store_true", "help": "write what differs"}),
        ("--force", {"action": "store_true", "help": "also over a student's edits"}),
        ("exercises", {"nargs": "*", "metavar": "EXERCISE"}),
    )
    add(
        "check",
        "author",
        "(authors) check the rules of the house",
        ("--quick", {"action": "store_true", "help": "only what needs no TensorFlow"}),
    )
    add("doctor", "doctor", "what holds on this machine")
    return top


def add_grade(commands):
    text = "grade an exercise; without one, everything in a folder of students"
    command = commands.add_parser("grade", help=text, description=text)
    command.set_defaults(module="grade")
    add = command.add_argument
    add("exercise", metavar="EXERCISE", nargs="?")
    add(
        "--submission",
        metavar="PATH",
        nargs="+",
        action="extend",
        default=[],
        help="a .py or .ipynb file, or a folder <student>/<chapter>/<exercise>.py",
    )
    add("--json", metavar="FILE", help="write the results there, - for the screen")
    add("--seed", help="draw the same inputs as the run that named this seed")
    add("--jobs", type=int, default=2, help="submissions at a time (2)")
    add_isolation(command)
    add("--debug", action="store_true", help="in this process, for breakpoints")


def add_isolation(command):
    """Add what every command that runs submissions can be told."""
    add = command.add_argument
    add("--cold", action="store_true", help="leave no warm process behind")
    add("--isolation", default="auto", help="namespaces, uid, landlock or process")
    add(
        "--allow-unsafe",
        action="store_true",
        help="grade others' work although this machine cannot isolate it",
    )
    add("--hidden", metavar="DIR", help="a folder with hidden checks, graded too")


def add_grade_all(commands):
    text = "(instructors) grade a folder of students, each change once"
    command = commands.add_parser("grade-all", help=text, description=text)
    command.set_defaults(module="grade_all")
    add, several = command.add_argument, {"action": "append", "default": []}
    add("submissions", metavar="SUBMISSIONS", nargs="?")
    add("--out", metavar="DIR", required=True, help="results and gradebook; kept")
    add("--jobs", type=int, default=os.cpu_count() or 2, help="units at a time")
    add("--student", metavar="NAME", help="only this one; repeatable", **several)
    add("--exercise", metavar="EXERCISE", help="only this one; repeatable", **several)
    add("--again", action="store_true", help="also what has not changed")
    add("--policy", metavar="FILE", help="late days, best-of, drop-lowest (TOML)")
    add("--key", metavar="FILE", help="the key of the seeds, made if it is not there")
    add("--shard", metavar="i/N", default="1/1", help="only this part of the work")
    add("--merge", metavar="DIR", nargs="+", default=[], help="make shards one")
    add("--dask", action="store_true", help="on a Dask cluster of this machine")
    add("--scheduler", metavar="ADDRESS", help="on the Dask cluster at this address")
    add_isolation(command)


def main(argv=None):
    """Run a command and return its exit code."""
    try:
        options = parser().parse_args(argv)
    except SystemExit as e:  # argparse has said what is wrong
        return e.code
    from course.catalog import NotFound

    name = options.command or "status"
    file = f"course.{getattr(options, 'module', 'learner')}"
    try:
        run = getattr(importlib.import_module(file), name.replace("-", "_"))
        code = run(options) or OK
        sys.stdout.flush()
        return code
    except (UsageError, NotFound) as e:
        print(f"course: {e}", file=sys.stderr)
        return USAGE
    except BrokenPipeError:  # the reader of our output has seen enough
        sys.stderr.close()
        return OK
    except KeyboardInterrupt:
        print("course: stopped", file=sys.stderr)
        return LOST
    except ModuleNotFoundError as e:
        if e.name in sys.stdlib_module_names or e.name.startswith(("course", "tests")):
            raise
        print(f"course: {not_installed(e.name.partition('.')[0])}", file=sys.stderr)
        return USAGE
    except OSError as e:
        if e.errno not in CANNOT_WRITE:
            raise
        if not e.filename:  # what is printed goes nowhere: do not try again at the end
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        place = f"{e.filename or 'the output'} cannot be written ({e.strerror})"
        print(f"course: {place}: make room, or write elsewhere", file=sys.stderr)
        return USAGE
    except Exception as e:
        if type(e).__module__ == "sqlite3":
            print(f"course: the gradebook cannot be used ({e})", file=sys.stderr)
            return USAGE
        if type(e).__name__ not in ("GraderFault", "SandboxFault"):
            raise
        print(f"course: the grader failed, not you: {e}", file=sys.stderr)
        return FAULT
