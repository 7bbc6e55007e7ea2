"""What a run has to do: who handed in what, and which units of work that makes."""

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version
from pathlib import Path

from course import collect, grade, judging
from course.cli import UsageError

PACKAGES = ("numpy", "tensorflow", "keras")
CODE = ("course/sandbox", "course/data", "modules")  # what results depend on


@dataclass(frozen=True)
class Handed:
    """One file of one student for one exercise."""

    student: str
    file: str
    time: str | None
    late: bool  # as the learning platform says
    work: object


class Plan:
    """The units of work in a folder of submissions.

    Args:
        run: a `Run`.
        course: a `catalog.Course`.
        folder: Path, `<student>/<chapter>/<exercise>.py` or .ipynb.
        hidden: Path of a folder with hidden checks, or None.
    """

    def __init__(self, run, course, folder, hidden=None):
        self.run, self.course, self.folder, self.hidden = run, course, folder, hidden
        self.environment = environment(course.root)
        self.manifest = collect.read_manifest(Path(folder))
        self.checks = {}

    def read(self, students=(), exercises=(), shard=(1, 1)):
        """Return (list of Handed, lines about what was left out)."""
        units, left_out = grade.of_students(self.course, self.folder)
        left_out += collect.read_left_out(self.folder)
        check_names(students, {u.student for u in units}, "student")
        times = times_of(self.manifest)
        number, total = shard
        chosen, seen = [], {}
        for unit in units:
            wanted = (students, unit.student), (exercises, unit.exercise)
            if any(names and name not in names for names, name in wanted):
                continue
            if twice := seen.get((unit.student, unit.exercise)):
                left_out.append(f"{unit.path}: {twice.name} is graded")
                continue
            seen[unit.student, unit.exercise] = unit.path
            content = judging.content(unit.path)
            if content is None:
                left_out.append(f"{unit.path}: it cannot be read")
                continue
            if part(unit, total) == number - 1:
                chosen.append(self.handed(unit, content, times))
        return chosen, left_out

    def handed(self, unit, content, times):
        work = self.work(unit.exercise, content, unit.path.suffix)
        file = unit.path.relative_to(self.folder).as_posix()
        entry = self.manifest.get((unit.student, unit.exercise), {})
        same = entry.get("sha256") == work.sha256  # or it was replaced by hand
        time = times.get((unit.student, unit.exercise)) if same else None
        late = bool(same and entry.get("late"))
        return Handed(unit.student, file, time, late, work)

    def work(self, exercise, content, suffix):
        if exercise not in self.checks:
            self.checks[exercise] = self.checks_sha256(exercise)
        facts = (self.checks[exercise], self.environment)
        return self.run.work(exercise, content, suffix, *facts)

    def earlier(self, handed):
        """Return the units of earlier attempts, for who lets the best count."""
        found = []
        for item in handed:
            for sha, suffix in self.run.attempts(item.student, item.work.exercise):
                path = self.run.file(sha, suffix)
                work = self.work(item.work.exercise, path.read_bytes(), path.suffix)
                self.run.regrade(item.student, work)
                found.append(work)
        return found

    def checks_sha256(self, name):
        """Return the hash of all that an exercise's verdicts are made from."""
        exercise = self.course.exercise(name)
        files = [exercise.test, exercise.record, self.hidden_of(name)]
        return sha256_of(p for p in files if p and p.exists())

    def hidden_of(self, name):
        """Return the file with an exercise's hidden checks, or None."""
        return hidden_file(self.hidden, self.course.exercise(name))


def part(unit, total):
    """Return which of so many shards does a unit: all attempts of one the same."""
    words = f"{unit.student}\n{unit.exercise}".encode()
    return int(hashlib.sha256(words).hexdigest()[:8], 16) % total


def hidden_file(folder, exercise):
    """Return the file with an exercise's hidden checks below a folder, or None."""
    if folder is None:
        return None
    path = Path(folder) / exercise.chapter / exercise.test.name
    return path if path.exists() else None


def check_hidden(course, folder):
    """Return the folder of hidden checks.

    Raises:
        UsageError: it holds a file that no exercise would use.
    """
    if folder is None:
        return None
    if not Path(folder).is_dir():
        raise UsageError(f"{folder} is no folder of hidden checks")
    files = set(Path(folder).rglob("test_*.py"))
    files -= {hidden_file(folder, exercise) for exercise in course.exercises}
    if files:
        raise UsageError(
            f"{min(files)} belongs to no exercise: name it <chapter>/test_<exercise>.py"
        )
    return Path(folder).resolve()


def check_names(given, known, kind):
    for name in given:
        if name not in known:
            raise UsageError(f"there is no {kind} {name} in the folder")


def environment(root):
    """Return the hash of the code and the versions that results depend on."""
    files = [p for folder in CODE for p in (root / folder).rglob("*.py")]
    names = ("grading", "judge", "judging", "diagnosis")
    files += [root / f"course/{name}.py" for name in names]
    versions = " ".join(f"{name} {version(name)}" for name in PACKAGES)
    return sha256_of(sorted(files), versions)


def sha256_of(paths, *words):
    found = hashlib.sha256("\n".join(words).encode())
    for path in paths:
        found.update(path.name.encode() + b"\0" + path.read_bytes())
    return found.hexdigest()


def names_of(manifest):
    """Return rows (student, name, ids) as the manifest of `collect` tells."""
    rows = {}
    for (student, _), entry in manifest.items():
        name, ids = entry.get("name") or student, entry.get("ids") or {}
        rows[student] = (student, str(name), json.dumps(ids))
    return list(rows.values())


def times_of(manifest):
    """Return {(student, exercise): time} as the manifest of `collect` tells."""
    found = {}
    for who, entry in manifest.items():
        try:
            moment = datetime.fromisoformat(entry["time"])
        except (KeyError, TypeError, ValueError):
            continue
        # a zip without times says 1980, or 1970
        if moment.year > 1980 and moment.tzinfo:
            found[who] = entry["time"]
    return found
