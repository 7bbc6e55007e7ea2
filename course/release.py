"""The command `release`: the students' copy of the course, without answers."""

import os
import shutil
from pathlib import Path

from course.author import with_solutions
from course.cli import UsageError
from course.releasing import tree

MARK = ".course-release"  # lies in a release: it may be made anew


def release(options):
    """Write the students' tree."""
    out = Path(options.out)
    if out.exists() and any(out.iterdir()) and not (out / MARK).exists():
        raise UsageError(f"{out} is not empty and no release: give another --out")
    course = with_solutions()
    made = out.with_name(f".{out.name}.{os.getpid()}")
    try:
        count = tree.write(course, made)
        (made / MARK).write_text("")
        keep_history(out, made)
        if out.exists():
            shutil.rmtree(out)
        made.replace(out)
    except tree.Leak as e:
        raise UsageError(f"nothing is released: {e}") from None
    finally:
        shutil.rmtree(made, ignore_errors=True)
    print(f"{count} files for students are in {out}")


def keep_history(out, made):
    """Let a release that is a Git repository stay one."""
    if (out / ".git").exists():
        (out / ".git").rename(made / ".git")
