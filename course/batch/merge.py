"""The parts of a run that machines did apart, made one."""

import json
import sqlite3

from course.batch import grades
from course.batch.files import put
from course.batch.run import Run
from course.cli import UsageError


def merge(run, folders):
    """Take over results, files, attempts and overrides of other runs.

    Returns:
        lines about shards that are missing.

    Raises:
        UsageError: one of them is no run, or has another key.
    """
    done = {}
    for folder in folders:
        other = Run.existing(folder)
        for number, total in json.loads(other.noted("shards") or "[]"):
            done.setdefault(total, set()).add(number)
        try:
            take(run, other)
        except sqlite3.DatabaseError as e:
            raise UsageError(f"the gradebook of {folder} cannot be read: {e}") from None
        finally:
            other.close()

    return [
        f"shard {number} of {total} is not among them"
        for total, numbers in sorted(done.items())
        for number in sorted(set(range(1, total + 1)) - numbers)
    ]


def take(run, other):
    if other.key != run.key:
        raise UsageError(
            f"{other.folder} was graded with another key: grade all shards with the "
            "same --key FILE"
        )
    for kind in ("files", "results"):
        for path in (other.folder / kind).glob("??/*"):
            target = run.folder / path.relative_to(other.folder)
            if not path.name.startswith(".") and better(path, target):
                put(target, path.read_bytes())
    rows = other.book.execute(
        "SELECT student, exercise, sha256, unit, file, time, late FROM handed "
        "ORDER BY current, rowid"
    ).fetchall()
    left_out = [line for (line,) in other.book.execute("SELECT line FROM left_out")]
    known = [line for (line,) in run.book.execute("SELECT line FROM left_out")]
    run.hand_in(rows, [*known, *left_out])
    run.name(other.book.execute("SELECT student, name, ids FROM students").fetchall())
    lines = other.folder / grades.OVERRIDES
    if lines.exists():
        mine = run.folder / grades.OVERRIDES
        before = mine.read_bytes() if mine.exists() else b""
        fresh = [x for x in lines.read_bytes().splitlines() if x not in before]
        lines = sorted([*before.splitlines(), *fresh], key=when)
        put(mine, b"".join(line + b"\n" for line in lines))


def when(line):
    """Return the time of an override."""
    try:
        return json.loads(line)["time"]
    except (ValueError, KeyError, TypeError):
        return ""


def better(path, target):
    """Return whether a file says more than the one that is there: a final result."""
    if not target.exists():
        return True
    said = path.read_bytes()
    return (
        b'"state": "final"' in said and b'"state": "final"' not in target.read_bytes()
    )
