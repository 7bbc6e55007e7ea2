"""The command `release`: the students' copy of the course, without answers."""

import json
import shutil
import tempfile
from pathlib import Path

from course.author import with_solutions
from course.cli import UsageError
from course.releasing import tree

MARK = ".course-release"  # names the files of a release: it may be made anew


def release(options):
    """Write the students' tree; of a folder that is there, only what came from it."""
    out = Path(options.out).resolve()
    course = with_solutions()
    before = released(out)
    with tempfile.TemporaryDirectory(prefix="course-release-") as folder:
        made = Path(folder) / "course"
        try:
            tree.write(course, made)
        except tree.Leak as e:
            raise UsageError(f"nothing is released: {e}") from None
        files = sorted(
            p.relative_to(made).as_posix() for p in made.rglob("*") if p.is_file()
        )
        for name in files:
            target = out / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(made / name, target)
    for name in set(before) - set(files):
        (out / name).unlink(missing_ok=True)
    (out / MARK).write_text(json.dumps(files))
    print(f"{len(files)} files for students are in {options.out}")


def released(out):
    """Return the files that an earlier release has written.

    Raises:
        UsageError: the folder is somebody's own.
    """
    if not out.exists():
        return []
    if not out.is_dir():
        raise UsageError(f"{out} is no folder")
    try:
        names = json.loads((out / MARK).read_text("utf-8"))
        return [name for name in names if ".." not in Path(name).parts]
    except (OSError, ValueError, TypeError):
        pass
    if any(path.name != ".git" for path in out.iterdir()):
        raise UsageError(f"{out} is not empty and no release: give another --out")
    return []
