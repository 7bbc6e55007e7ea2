"""The command `collect`: a download of submissions, laid out for grading.

submissions/<student>/<chapter>/<exercise>.py or .ipynb
submissions/manifest.jsonl      one line a file: ids, original name, time, attempt
submissions/left_out.jsonl      one line a file that was left out: archive, line
"""

import hashlib
import json
import os
import re
import sys
import unicodedata
from datetime import UTC, datetime
from functools import partial
from pathlib import Path, PurePosixPath

from course.batch.files import put
from course.catalog import Course
from course.cli import LOST, UsageError
from course.collecting import archive, layouts
from course.present import one_line

SUFFIXES = (".py", ".ipynb")
MANIFEST = "manifest.jsonl"
LEFT_OUT = "left_out.jsonl"
# names that Windows keeps for devices
RESERVED = {
    "CON",
    "PRN",
    "AUX",
    "NUL",
    *(f"{d}{n}" for d in ("COM", "LPT") for n in range(10)),
}
NUMBERED = re.compile(r"(?:[ _-]*\(\d+\)| copy|[-_ ]v\d+)+$", re.I)


def collect(options):
    """Collect an archive; print what came and what was left out."""
    course = Course()
    if options.layout not in ("auto", *layouts.LAYOUTS):
        raise UsageError(f"--from is one of {', '.join(layouts.LAYOUTS)}")
    only = course.exercise(options.exercise).name if options.exercise else None
    if not os.path.exists(options.archive):
        raise UsageError(f"{options.archive} does not exist: give a zip or a folder")
    try:
        handed, left_out = read(options.archive, options.layout, options.assignment)
    except archive.Unreadable as e:
        raise UsageError(str(e)) from None
    chosen, more = latest(course, handed, only)
    out = Path(options.out)
    try:
        written = write(chosen, out) if chosen else []
        if written:
            lines = [line for line in [*left_out, *more] if archive.SYSTEM not in line]
            note_left_out(out, Path(options.archive).name, lines)
    except OSError as e:
        raise UsageError(f"{out} cannot be written ({e.strerror})") from None
    for line in [*left_out, *more]:
        print(f"left out  {one_line(line)}", file=sys.stderr)
    students = len({entry["student"] for entry in written})
    if not written:
        print(f"nothing in {options.archive} is an answer to an exercise")
        return LOST
    print(f"{len(written)} files of {students} students are in {out}")
    print(f"Next: python -m course grade-all {out} --out graded")
    return None


def read(source, layout, assignment=None):
    """Return (list of Handed, lines about what was left out)."""
    found = list(archive.members(source))
    files = [f for f in found if isinstance(f, archive.File)]
    left_out = [
        f"{f.name}: {f.reason}" for f in found if not isinstance(f, archive.File)
    ]
    if not assignment:
        files = without_common_top(files, {e.name for e in Course().exercises})
    name = layouts.guessed(files) if layout == "auto" else layout
    if name == "gradescope" and layouts.METADATA not in [f.path.name for f in files]:
        raise UsageError(f"there is no {layouts.METADATA}: is this from Gradescope?")
    reader = layouts.LAYOUTS[name]
    if assignment and name != "github":
        raise UsageError("--assignment is for clones of GitHub Classroom")
    if assignment:
        reader = partial(layouts.github, assignment=assignment)
    elif name == "github":
        remark_on_users(files)
    handed = []
    for item, reason in reader(files):
        if reason:
            left_out.append(f"{item.path}: {reason}")
        elif item.path.suffix.lower() in SUFFIXES:
            handed.append(item)
    return handed, left_out


def remark_on_users(files):
    """Say what was taken for the assignment's name, where it may be a user's part."""
    shared = layouts.prefix(sorted({f.path.parts[0] for f in files}))
    if shared.count("-") != 1:
        guess = f"users are what follows {shared}" if shared else "one clone"
        print(
            f"{guess}: if it is wrong, say --assignment NAME, which is before the user",
            file=sys.stderr,
        )


def without_common_top(files, known):
    """Drop one folder that holds everything, such as the archive's own name.

    One folder may also be one student: then it holds no folders of several, and what
    lies below it are exercises.
    """
    tops = {f.path.parts[0] for f in files}
    below = {f.path.parts[1:2] for f in files}
    deep = all(len(f.path.parts) > 2 or f.path.suffix == ".yml" for f in files)
    own = any("/".join(f.path.with_suffix("").parts[1:]) in known for f in files)
    if len(tops) != 1 or len(below) < 2 or not deep or own:
        return files
    return [
        archive.File(PurePosixPath(*f.path.parts[1:]), f.time, f.content) for f in files
    ]


def latest(course, handed, only):
    """Return {(student, exercise): the last attempt}, and lines about the others."""
    attempts, left_out = {}, []
    for item in handed:
        name = only or exercise_of(course, item.path)
        if name is None:
            left_out.append(
                f"{item.file.path}: no exercise of this name; if all are answers to "
                "one, say --exercise"
            )
        else:
            attempts.setdefault((student_key(item), name), []).append(item)
    chosen = {}
    for key, items in attempts.items():
        *earlier, chosen[key] = sorted(items, key=rank)
        last = chosen[key].file.path
        left_out += [f"{e.file.path}: {last} is later and counts" for e in earlier]
    return chosen, left_out


def rank(item):
    return item.attempt, item.time, str(item.file.path)


def student_key(item):
    ids = {k: v for k, v in item.ids.items() if k != "submission_id"}
    return (item.student, *sorted(ids.items()))


def exercise_of(course, path):
    """Return the exercise that a file's path, or else its name, speaks of."""
    parts = path.with_suffix("").parts
    known = {e.name for e in course.exercises}
    for start in range(len(parts)):
        name = "/".join(parts[start:])
        name = course.renamed.get(name, name)
        if name in known:
            return name
    stem = (
        NUMBERED.sub("", path.stem).strip().lower().replace("-", "_").replace(" ", "_")
    )
    matching = [n for n in known if n.rpartition("/")[2] == stem]
    return matching[0] if len(matching) == 1 else None


def write(chosen, out):
    """Write files and manifest; return the manifest's entries of these files."""
    known = read_manifest(out)
    folders = {key(entry): entry["student"] for entry in known.values()}
    taken = {folder.casefold() for folder in folders.values()}
    written = []
    for (student, exercise), item in sorted(chosen.items(), key=lambda c: str(c[0])):
        if student not in folders:
            folders[student] = free_name(item, taken)
            taken.add(folders[student].casefold())
        entry = entry_of(folders[student], exercise, item)
        before = known.get((entry["student"], exercise))
        if before and before["file"] != entry["file"]:
            (out / before["file"]).unlink(missing_ok=True)
        put(out / entry["file"], item.file.content)
        known[entry["student"], exercise] = entry
        written.append(entry)
    lines = [json.dumps(entry) + "\n" for entry in known.values()]
    put(out / MANIFEST, "".join(lines).encode())
    return written


def note_left_out(out, archive, lines):
    """Keep what was left out of an archive, in place of what it said before."""
    rows = [row for row in left_out_rows(out) if row["archive"] != archive]
    rows += [{"archive": archive, "line": line} for line in lines]
    if rows or (out / LEFT_OUT).exists():
        text = "".join(json.dumps(row) + "\n" for row in rows)
        put(out / LEFT_OUT, text.encode())


def read_left_out(out):
    """Return the lines about what earlier commands left out."""
    return [f"{row['archive']}: {row['line']}" for row in left_out_rows(out)]


def left_out_rows(out):
    path = out / LEFT_OUT
    try:
        lines = path.read_text("utf-8").split("\n") if path.exists() else []
        rows = [json.loads(line) for line in lines if line.strip()]
        return [{key: str(row[key]) for key in ("archive", "line")} for row in rows]
    except (OSError, ValueError, KeyError, TypeError):
        raise UsageError(f"{path} is damaged: delete it and collect again") from None


def entry_of(folder, exercise, item):
    """Return a line of the manifest."""
    suffix = item.path.suffix.lower()
    return {
        "student": folder,
        "exercise": exercise,
        "file": f"{folder}/{exercise}{suffix}",
        "name": item.student,
        "ids": item.ids,
        "original": str(item.file.path),
        "time": moment(item.time),
        "attempt": item.attempt,
        "late": item.late,
        "sha256": hashlib.sha256(item.file.content).hexdigest(),
    }


def moment(seconds):
    """Return a time as ISO 8601, UTC; 1970 for one that cannot be."""
    try:
        return datetime.fromtimestamp(seconds, UTC).isoformat()
    except (ValueError, OverflowError, OSError):
        return datetime.fromtimestamp(0, UTC).isoformat()


def key(entry):
    """Return the `student_key` of a line of the manifest."""
    ids = {k: v for k, v in entry["ids"].items() if k != "submission_id"}
    return (entry["name"], *sorted(ids.items()))


def read_manifest(out):
    """Return {(student, exercise): entry} of what was collected before.

    Raises:
        UsageError: there is a manifest that cannot be read.
    """
    path = out / MANIFEST
    if not path.exists():
        return {}
    try:
        lines = path.read_text("utf-8").split(
            "\n"
        )  # a name may hold other ends of lines
        entries = [json.loads(line) for line in lines if line.strip()]
        return {(e["student"], e["exercise"]): e for e in entries}
    except (OSError, ValueError, KeyError, TypeError):
        raise UsageError(
            f"{path} is damaged: move {out} away and collect everything again"
        ) from None


def free_name(item, taken):
    """Return a folder's name for a student, safe on every system, not yet taken."""
    plain = unicodedata.normalize("NFC", item.student)
    plain = re.sub(r"[^\w.@+-]+", "_", plain).strip("._ ")[:60] or "student"
    if plain.split(".")[0].upper() in RESERVED:
        plain += "_"
    if plain.casefold() not in taken:
        return plain
    ids = [v for k, v in sorted(item.ids.items()) if v and k != "submission_id"]
    more = (re.sub(r"[^\w.@+-]+", "_", value)[:40] for value in ids)
    numbered = (str(number) for number in range(2, len(taken) + 3))
    names = (f"{plain}-{suffix}" for suffix in (*more, *numbered))
    return next(name for name in names if name.casefold() not in taken)
