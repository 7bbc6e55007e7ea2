"""The command `report`: pages about a class, and feedback for each student."""

import os
import shutil
from pathlib import Path

from course.batch.run import Run
from course.cli import UsageError, needs

MARK = ".course-report"  # lies in a report's folder: it may be made anew


def report(options):
    """Write the pages; return None."""
    needs("jinja2")
    from course.reporting import pages

    run = Run.existing(options.folder)
    run.index()
    found = pages.Report(run)
    if not found.grades.students:
        raise UsageError(f"nobody has handed anything in: see grade-all {run.folder}")
    out = Path(options.out or run.folder / "report")
    made = fresh(out)
    count = 0
    for file, text in pages.pages(found):
        path = made / file
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, "utf-8")
        count += 1
    (made / MARK).write_text("")
    if out.exists():
        shutil.rmtree(out)
    made.replace(out)
    run.close()
    print(f"{count} pages: {os.path.relpath(out)}/index.html is for you,")
    print(f"each file of {os.path.relpath(out)}/students for the student of its name")


def fresh(out):
    """Return a new folder beside `out`, which must be free or an earlier report.

    Raises:
        UsageError: something else is there.
    """
    if out.exists() and not (out / MARK).exists():
        raise UsageError(f"{out} is there and no report: give another --out")
    made = out.with_name(f".{out.name}.{os.getpid()}")
    made.mkdir(parents=True)
    return made
