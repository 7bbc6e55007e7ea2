"""The folder of a run: every result once, a gradebook over them, the key of the seeds.

    run.key               the secret that seeds derive from
    results/ab/<unit>.json     a result of schema 1; written whole or not at all
    files/ab/<sha256>          every file that was graded, as it was
    overrides.jsonl       points given by hand
    policy.toml           late days, best-of, drop-lowest (see course/instructors.md)
    gradebook.sqlite      who handed in what, and what came of it

A unit of work is known by what its result depends on: the file, the exercise's checks,
the course's code and the versions of its packages. Two students who hand in the same
bytes share one. A run that was killed goes on where it was.
"""

import hashlib
import hmac
import json
import secrets
import sqlite3
from dataclasses import dataclass
from pathlib import Path

from course.batch.files import put
from course.cli import UsageError

TABLES = """
PRAGMA journal_mode = WAL;
CREATE TABLE IF NOT EXISTS results (  -- one row a JSON file
    unit TEXT PRIMARY KEY,
    exercise TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    state TEXT NOT NULL,         -- final; unsure: to be confirmed; fault: the grader's
    score REAL, max_score REAL,  -- NULL unless final
    seconds REAL
);
CREATE TABLE IF NOT EXISTS handed (  -- every attempt that was seen
    student TEXT NOT NULL,
    exercise TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    unit TEXT NOT NULL,
    file TEXT NOT NULL,          -- as it was named in the folder of submissions
    time TEXT,                   -- ISO 8601, NULL where the download did not tell
    current INTEGER NOT NULL,    -- whether it is the one that lies there now
    PRIMARY KEY (student, exercise, sha256)
);
CREATE TABLE IF NOT EXISTS students (  -- as the learning platform knows them
    student TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    ids TEXT NOT NULL            -- JSON: field: value
);
CREATE TABLE IF NOT EXISTS left_out (line TEXT PRIMARY KEY);
CREATE VIEW IF NOT EXISTS gradebook AS
    SELECT student, handed.exercise, score, max_score, state, time, file, unit
    FROM handed LEFT JOIN results USING (unit) WHERE current;
"""


def derived(key, *words):
    """Return 32 hexadecimal digits that follow from a key and words."""
    text = "\n".join(words).encode()
    return hmac.new(key.encode(), text, hashlib.sha256).hexdigest()[:32]


def seed_of(key, exercise, sha256):
    """Return the seed of a file's inputs, which only the holder of the key can know."""
    return derived(key, "seed", exercise, sha256)[:16]


@dataclass(frozen=True)
class Work:
    """A unit of work: one file to one exercise."""

    exercise: str
    sha256: str
    path: Path  # the copy in `files`
    unit: str
    seed: str

    @property
    def shown(self):
        """What messages call the file: the same for all who handed it in."""
        return self.exercise.rpartition("/")[2] + self.path.suffix


class Run:
    """The folder of a run.

    Args:
        folder: Path, made if it is not there.
        key: Path of a file with the key, shared by the shards of a run; or None.

    Raises:
        UsageError: the folder cannot be what it should be.
    """

    def __init__(self, folder, key=None):
        self.folder = Path(folder)
        self.results = self.folder / "results"
        try:
            self.results.mkdir(parents=True, exist_ok=True)
        except (FileExistsError, NotADirectoryError):
            raise UsageError(f"{folder} is no folder: give another --out") from None
        self.key = self.agreed_key(key)
        self.book = self.opened()

    @classmethod
    def existing(cls, folder):
        """Return the Run of a folder that grade-all has written."""
        if not (Path(folder) / "gradebook.sqlite").exists():
            raise UsageError(f"{folder} is no folder that grade-all has written")
        return cls(folder)

    def agreed_key(self, shared):
        """Return the secret that seeds derive from; whoever has it can replay all."""
        own = self.folder / "run.key"
        if not own.exists():
            source = Path(shared) if shared else own
            if not source.exists():
                put(source, secrets.token_hex(32).encode(), mode=0o600, over=False)
            if source != own:
                put(own, source.read_bytes(), mode=0o600)
        key = own.read_text("ascii", errors="replace").strip()
        if len(key) < 32:
            raise UsageError(f"{own} is damaged: put it back, or use another --out")
        if shared and Path(shared).read_text("ascii").strip() != key:
            raise UsageError(f"{own} is another key than {shared}: use another --out")
        return key

    def opened(self):
        try:
            book = sqlite3.connect(self.folder / "gradebook.sqlite", timeout=60)
            book.executescript(TABLES)
        except sqlite3.DatabaseError as e:
            raise UsageError(
                f"{self.folder}/gradebook.sqlite cannot be used ({e}): delete it and "
                "run grade-all again; results are kept"
            ) from None
        return book

    def close(self):
        self.book.close()

    def work(self, exercise, content, suffix, checks_sha256, environment):
        """Return the Work of a file's content, of which a copy is kept."""
        sha = hashlib.sha256(content).hexdigest()
        path = self.folder / "files" / sha[:2] / f"{sha}{suffix}"
        if not path.exists():
            put(path, content)
        unit = self.derived("unit", exercise, sha, suffix, checks_sha256, environment)
        return Work(exercise, sha, path, unit, self.seed(exercise, sha))

    def seed(self, exercise, sha256):
        return seed_of(self.key, exercise, sha256)

    def derived(self, *words):
        return derived(self.key, *words)

    def path(self, unit):
        return self.results / unit[:2] / f"{unit}.json"

    def read(self, unit):
        """Return the result of a unit, or None if there is none or it is damaged."""
        try:
            found = json.loads(self.path(unit).read_text("utf-8"))
            return found if found["unit"] == unit else None
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def keep(self, work, result, state):
        """Write the result of a unit and enter it in the gradebook."""
        facts = {"unit": work.unit, "state": state, "exercise": work.exercise}
        result = {**result, **facts, "submission_sha256": work.sha256}
        put(self.path(work.unit), json.dumps(result).encode())
        with self.book:
            self.enter(result)

    def enter(self, result):
        final = result["state"] == "final"
        points = [result[k] if final else None for k in ("score", "max_score")]
        row = [result[k] for k in ("unit", "exercise", "submission_sha256", "state")]
        row += [*points, result.get("seconds")]
        self.book.execute("INSERT OR REPLACE INTO results VALUES (?,?,?,?,?,?,?)", row)

    def index(self):
        """Make the gradebook say what the results say; return {unit: state}.

        They differ when a run was killed between the two, or somebody deleted a file.
        """
        known = dict(self.book.execute("SELECT unit, state FROM results"))
        there = {path.stem for path in self.results.glob("??/*.json")}
        found = {unit: self.read(unit) for unit in there}
        with self.book:
            for unit in known.keys() - {u for u, r in found.items() if r}:
                self.book.execute("DELETE FROM results WHERE unit = ?", [unit])
            for unit, result in found.items():
                if result and known.get(unit) != result["state"]:
                    self.enter(result)
        return {unit: result["state"] for unit, result in found.items() if result}

    def file(self, sha256):
        """Return the copy of a file that was handed in.

        Raises:
            UsageError: it is not there any more.
        """
        for path in (self.folder / "files" / sha256[:2]).glob(f"{sha256}.*"):
            return path
        raise UsageError(f"{self.folder}/files has no file {sha256[:12]}…")

    def attempts(self, student, exercise):
        """Return the hashes of earlier files of a student for an exercise."""
        query = "SELECT sha256 FROM handed WHERE student = ? AND exercise = ?"
        rows = self.book.execute(f"{query} AND NOT current", [student, exercise])
        return [sha for (sha,) in rows.fetchall()]

    def regrade(self, student, work):
        """Let an attempt count by its present unit: its checks may have changed."""
        with self.book:
            self.book.execute(
                "UPDATE handed SET unit = ? WHERE student = ? AND exercise = ? "
                "AND sha256 = ?",
                [work.unit, student, work.exercise, work.sha256],
            )

    def name(self, students):
        """Note what the learning platform calls students: rows (student, name, ids)."""
        with self.book:
            self.book.executemany(
                "INSERT OR REPLACE INTO students VALUES (?, ?, ?)", students
            )

    def hand_in(self, rows, left_out=()):
        """Note who handed in what.

        Args:
            rows: (student, exercise, sha256, unit, file, time) each.
            left_out: lines about files that are no submissions.
        """
        with self.book:
            for row in rows:
                self.book.execute(
                    "UPDATE handed SET current = 0 WHERE student = ? AND exercise = ?",
                    row[:2],
                )
                self.book.execute(
                    "INSERT OR REPLACE INTO handed VALUES (?,?,?,?,?,?,1)", row
                )
            self.book.execute("DELETE FROM left_out")
            lines = [[line] for line in left_out]
            self.book.executemany("INSERT OR IGNORE INTO left_out VALUES (?)", lines)
