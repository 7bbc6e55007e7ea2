"""Whose file is it? How Canvas, Moodle, Gradescope and GitHub name what they export."""

import datetime
import os
import re
from dataclasses import dataclass, field
from pathlib import PurePosixPath

CANVAS = re.compile(
    r"(?P<name>[^_]+)_(?:(?P<late>LATE)_)?(?P<canvas_id>\d+)_(?P<submission_id>\d+)_"
    r"(?P<original>.+)"
)
AGAIN = re.compile(r"-(\d+)$")  # Canvas's name for a later attempt
MOODLE = re.compile(
    r"(?P<name>.+)_(?P<moodle_participant>\d+)_assignsubmission_(?:file|onlinetext)_?"
)
METADATA = "submission_metadata.yml"  # Gradescope's


@dataclass
class Handed:
    """One file that a student handed in.

    Args:
        student: their name, as the platform writes it.
        path: where the file lay below the student's own folder.
        file: the `archive.File`.
        ids: what the platform calls them and the submission, by field.
        attempt: int, later ones replace earlier ones.
        late: whether the platform says so.
    """

    student: str
    path: PurePosixPath
    file: object
    ids: dict = field(default_factory=dict)
    attempt: int = 1
    late: bool = False
    time: float = 0.0


def canvas(files):
    """`lastfirst_LATE_123_456_name-2.py`, all in one folder."""
    for file in files:
        found = CANVAS.fullmatch(file.path.parts[0])
        if not found:
            yield file, "Canvas names files <student>_<number>_<number>_<file>"
            continue
        ids = {k: found[k] for k in ("canvas_id", "submission_id")}
        original = PurePosixPath(found["original"], *file.path.parts[1:])
        again = AGAIN.search(original.stem)
        attempt = int(again[1]) + 1 if again else 1
        path = original.with_stem(AGAIN.sub("", original.stem))
        late = bool(found["late"])  # the times are those of the download
        yield Handed(found["name"], path, file, ids, attempt, late), None


def moodle(files):
    """`Full Name_123_assignsubmission_file_/name.py`."""
    for file in files:
        found = MOODLE.fullmatch(file.path.parts[0])
        if not found or len(file.path.parts) < 2:
            yield file, "Moodle names folders <student>_<number>_assignsubmission_file"
            continue
        path = PurePosixPath(*file.path.parts[1:])
        ids = {"moodle_participant": found["moodle_participant"]}
        yield Handed(found["name"], path, file, ids, time=file.time), None


def gradescope(files):
    """`submission_123/name.py`, and who handed in what in submission_metadata.yml."""
    import yaml

    files = list(files)
    about = next(f for f in files if f.path.name == METADATA)
    top = len(about.path.parts) - 1
    try:
        known = yaml.safe_load(about.content)
        assert isinstance(known, dict)
    except (yaml.YAMLError, AssertionError, ValueError, RecursionError):
        known = {}
    for file in files:
        if file is about:
            continue
        folder, rest = file.path.parts[top : top + 1], file.path.parts[top + 1 :]
        folder = "".join(folder)
        if not rest or folder not in known:
            yield file, f"{METADATA} does not say whose it is"
            continue
        path = PurePosixPath(*rest)
        yield from by_group(file, path, folder, known[folder])


def by_group(file, path, folder, facts):
    """Yield the file once for each member of the group that handed it in."""
    people = facts.get(":submitters") if isinstance(facts, dict) else None
    people = people if isinstance(people, list) else []
    if not people or not all(isinstance(person, dict) for person in people):
        yield file, f"{METADATA} names nobody for {folder}"
        return
    time = facts.get(":created_at")
    time = seconds(time) if isinstance(time, datetime.datetime) else file.time
    for person in people:
        ids = {k: str(person.get(f":{k}") or "") for k in ("email", "sid")}
        ids["submission_id"] = folder.removeprefix("submission_")
        name = str(person.get(":name") or ids["email"] or folder)
        yield Handed(name, path, file, ids, time=time), None


def seconds(moment):
    """Return a time of a YAML file, UTC where it says no zone, since 1970."""
    try:
        return moment.replace(tzinfo=moment.tzinfo or datetime.UTC).timestamp()
    except (ValueError, OverflowError):
        return 0.0


def github(files, assignment=None):
    """`<assignment>-<user>[-main]/assignments/<chapter>/name.py`, a folder a clone."""
    files = list(files)
    names = sorted({f.path.parts[0] for f in files})
    shared = f"{assignment}-" if assignment else prefix(names)
    for file in files:
        folder, *rest = file.path.parts
        if not rest or not folder.startswith(shared):
            yield file, "it lies in nobody's folder"
            continue
        user = folder.removeprefix(shared)
        for branch in ("-main", "-master"):  # of a download; also of a user's name
            if folder.removesuffix(branch) not in names:
                user = user.removesuffix(branch)
        path, ids = PurePosixPath(*rest), {"github": user}
        yield Handed(user, path, file, ids, time=file.time), None


def prefix(names):
    """Return what the names of several clones begin with, up to a hyphen."""
    shared = os.path.commonprefix(names)
    return shared[: shared.rfind("-") + 1] if len(names) > 1 else ""


def folder(files):
    """`<student>/…/name.py`."""
    for file in files:
        if len(file.path.parts) < 2:
            yield file, "it lies in nobody's folder"
            continue
        student, *rest = file.path.parts
        yield Handed(student, PurePosixPath(*rest), file, time=file.time), None


LAYOUTS = {f.__name__: f for f in (canvas, moodle, gradescope, github, folder)}


def guessed(files):
    """Return the name of the layout that files have."""
    tops = {f.path.parts[0] for f in files if f.path.name != METADATA}
    if any(f.path.name == METADATA for f in files):
        return "gradescope"
    for layout, pattern in (("moodle", MOODLE), ("canvas", CANVAS)):
        if 2 * sum(bool(pattern.fullmatch(name)) for name in tops) > len(tops):
            return layout
    if any("assignments" in f.path.parts[1:2] for f in files):
        return "github"
    return "folder"
