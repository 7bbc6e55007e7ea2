"""The folder of a run: every result once, a gradebook over them, the key of the seeds.

    run.key               the secret that seeds derive from
    results/ab/<unit>.json     a result of schema 1; written whole or not at all
    files/ab/<sha256>          every file that was graded, as it was
    overrides.jsonl       points given by hand
    policy.toml           late days, best-of, drop-lowest (see course/instructors.md)
    handed.jsonl          every attempt that was seen
    gradebook.sqlite      all this in tables; can be made anew of the files

A unit of work is known by what its result depends on: the file, the exercise's checks,
the course's code and the versions of its packages. Two students who hand in the same
bytes share one. A run that was killed goes on where it was.
"""

import hashlib
import json
import sqlite3
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from course.batch import keys
from course.batch.files import add_line, put
from course.cli import UsageError

HISTORY = "handed.jsonl"
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
    late INTEGER NOT NULL DEFAULT 0,  -- whether the learning platform says so
    PRIMARY KEY (student, exercise, sha256)
);
CREATE TABLE IF NOT EXISTS about (what TEXT PRIMARY KEY, value TEXT NOT NULL);
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
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.results.mkdir(exist_ok=True)
        except (FileExistsError, NotADirectoryError):
            raise UsageError(f"{folder} is no folder: give another --out") from None
        self.book = self.opened()
        known = self.noted("key")
        self.key = keys.agreed(self.folder, key, known)
        if not known:
            self.begin()

    @classmethod
    def existing(cls, folder):
        """Return the Run of a folder that grade-all has written."""
        if not (Path(folder) / "gradebook.sqlite").exists():
            raise UsageError(f"{folder} is no folder that grade-all has written")
        return cls(folder)

    def opened(self):
        path = self.folder / "gradebook.sqlite"
        try:
            book = sqlite3.connect(path, timeout=60)
            book.executescript(TABLES)
            add_column(book, "handed", "late INTEGER NOT NULL DEFAULT 0")
        except sqlite3.OperationalError as e:
            raise UsageError(f"{path} cannot be used ({e}): is there room?") from None
        except sqlite3.DatabaseError as e:
            raise UsageError(
                f"{path} is damaged ({e}): move it away and run grade-all again, it is "
                "made anew of the other files"
            ) from None
        return book

    def note(self, what, value):
        """Keep a fact about the run."""
        with self.book:
            row = [what, value]
            self.book.execute("INSERT OR REPLACE INTO about VALUES (?, ?)", row)

    def noted(self, what):
        """Return a fact about the run, or None."""
        query = "SELECT value FROM about WHERE what = ?"
        row = self.book.execute(query, [what]).fetchone()
        return row and row[0]

    def begin(self):
        """Fill a new gradebook with what the files tell."""
        history = self.folder / HISTORY
        lines = history.read_text("utf-8").split("\n") if history.exists() else []
        rows = [json.loads(line) for line in lines if line.strip()]
        with self.book:
            for row in rows:
                self.enter_attempt(row)
            told = keys.fingerprint(self.key)
            self.book.execute("INSERT INTO about VALUES ('key', ?)", [told])

    def close(self):
        self.book.close()

    def work(self, exercise, content, suffix, checks_sha256, environment):
        """Return the Work of a file's content, of which a copy is kept."""
        sha = hashlib.sha256(content).hexdigest()
        path = self.folder / "files" / sha[:2] / f"{sha}{suffix}"
        if not path.exists() or path.read_bytes() != content:
            put(path, content)
        unit = self.derived("unit", exercise, sha, suffix, checks_sha256, environment)
        return Work(exercise, sha, path, unit, self.seed(exercise, sha))

    def seed(self, exercise, sha256):
        return keys.seed_of(self.key, exercise, sha256)

    def derived(self, *words):
        return keys.derived(self.key, *words)

    def path(self, unit):
        return self.results / unit[:2] / f"{unit}.json"

    def read(self, unit):
        """Return the result of a unit, or None if there is none or it is damaged."""
        try:
            found = json.loads(self.path(unit).read_text("utf-8"))
            whole = all(key in found for key in ("exercise", "submission_sha256"))
            known = found["state"] in ("final", "unsure", "fault")
            return found if found["unit"] == unit and whole and known else None
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def keep(self, work, result, state):
        """Write the result of a unit and enter it in the gradebook."""
        facts = {"unit": work.unit, "state": state, "exercise": work.exercise}
        facts["suffix"] = work.path.suffix
        result = {**result, **facts, "submission_sha256": work.sha256}
        put(self.path(work.unit), json.dumps(result).encode())
        with self.book:
            self.enter(result)

    def enter(self, result):
        self.book.execute(
            "INSERT OR REPLACE INTO results VALUES (?,?,?,?,?,?,?)", row_of(result)
        )

    def index(self):
        """Make the gradebook say what the results say; return {unit: state}.

        They differ when a run was killed between the two, or somebody deleted a file.
        """
        known = {row[0]: row for row in self.book.execute("SELECT * FROM results")}
        there = {path.stem for path in self.results.glob("??/*.json")}
        found = {unit: r for unit in there if (r := self.read(unit))}
        with self.book:
            for unit in known.keys() - found.keys():
                self.book.execute("DELETE FROM results WHERE unit = ?", [unit])
            for unit, result in found.items():
                if known.get(unit) != row_of(result):
                    self.enter(result)
        return {unit: result["state"] for unit, result in found.items()}

    def file(self, sha256, suffix):
        """Return the copy of a file that was handed in.

        Raises:
            UsageError: it is not there any more.
        """
        path = self.folder / "files" / sha256[:2] / f"{sha256}{suffix}"
        if not path.exists():
            raise UsageError(f"{self.folder}/files has no file {sha256[:12]}…{suffix}")
        return path

    def attempts(self, student, exercise):
        """Return (hash, suffix) of the earlier files of a student for an exercise."""
        query = "SELECT sha256, file FROM handed WHERE student = ? AND exercise = ?"
        rows = self.book.execute(f"{query} AND NOT current", [student, exercise])
        return [(sha, Path(file).suffix) for sha, file in rows.fetchall()]

    def regrade(self, student, work):
        """Let an attempt count by its present unit: its checks may have changed."""
        with self.book:
            self.book.execute(
                "UPDATE handed SET unit = ? WHERE student = ? AND exercise = ? "
                "AND sha256 = ?",
                [work.unit, student, work.exercise, work.sha256],
            )

    def students(self):
        """Return the set of who has handed anything in."""
        rows = self.book.execute("SELECT DISTINCT student FROM handed")
        return {student for (student,) in rows}

    def name(self, students):
        """Note what the learning platform calls students: rows (student, name, ids)."""
        with self.book:
            self.book.executemany(
                "INSERT OR REPLACE INTO students VALUES (?, ?, ?)", students
            )

    def hand_in(self, rows, left_out=()):
        """Note who handed in what.

        Args:
            rows: (student, exercise, sha256, unit, file, time, late) each.
            left_out: lines about files that are no submissions.
        """
        seen = set(self.book.execute("SELECT student, exercise, sha256 FROM handed"))
        fresh = [list(row) for row in rows if tuple(row[:3]) not in seen]
        if fresh:
            lines = "\n".join(map(json.dumps, fresh))
            add_line(self.folder / HISTORY, lines)
        with self.book:
            for row in rows:
                self.enter_attempt(row)
            self.book.execute("DELETE FROM left_out")
            lines = [[line.encode("utf-8", "replace").decode()] for line in left_out]
            self.book.executemany("INSERT OR IGNORE INTO left_out VALUES (?)", lines)

    def enter_attempt(self, row):
        """Enter an attempt, from now on the current one; call within a transaction.

        Who hands in the same file twice has done so when he did it first.
        """
        student, exercise, sha256, unit, file, time, *late = row
        whose = "WHERE student = ? AND exercise = ?"
        query = f"SELECT time, late FROM handed {whose} AND sha256 = ?"
        before = self.book.execute(query, [student, exercise, sha256]).fetchone()
        times = [t for t in (before and before[0], time) if t]
        first = min(times, key=datetime.fromisoformat, default=None)
        late = any(late) and not (before and not before[1])
        self.book.execute(f"UPDATE handed SET current = 0 {whose}", [student, exercise])
        self.book.execute(
            "INSERT OR REPLACE INTO handed VALUES (?,?,?,?,?,?,1,?)",
            [student, exercise, sha256, unit, file, first, late],
        )


def add_column(book, table, column):
    """Add a column that a gradebook of an earlier version does not have."""
    known = {row[1] for row in book.execute(f"PRAGMA table_info({table})")}
    if column.split()[0] not in known:
        book.execute(f"ALTER TABLE {table} ADD COLUMN {column}")


def row_of(result):
    """Return a result's row of the gradebook."""
    final = result["state"] == "final"
    points = [result.get(key) if final else None for key in ("score", "max_score")]
    row = [result[k] for k in ("unit", "exercise", "submission_sha256", "state")]
    return (*row, *points, result.get("seconds"))
