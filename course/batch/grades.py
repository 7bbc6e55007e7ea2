"""Marks: the results of a run, under its policy, with what was given by hand."""

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime

from course.batch import policy as policies
from course.batch.files import add_line
from course.catalog import Course
from course.cli import UsageError

OVERRIDES = "overrides.jsonl"


@dataclass
class Attempt:
    """One file that a student handed in, and what came of it."""

    unit: str
    sha256: str
    file: str
    time: str | None
    current: bool
    state: str  # final, unsure, fault, or waiting: not graded yet
    score: float | None
    max_score: float | None
    late: bool  # as the learning platform says
    may_count: bool = True  # by the policy: the current one, or any
    days_late: int = 0
    points: float = 0.0  # after the penalty

    @property
    def final(self):
        return self.state == "final"


@dataclass
class Mark:
    """What a student has in one exercise."""

    student: str
    exercise: str
    max_score: float
    attempts: list = field(default_factory=list)
    counted: Attempt | None = None
    free_days: int = 0  # of the student's that this exercise took
    override: dict | None = None
    dropped: bool = False

    @property
    def points(self):
        """Points, or None as long as nothing is known."""
        if self.override:
            return self.override["points"]
        return self.counted.points if self.counted else None

    @property
    def state(self):
        """Return missing, graded, or what an attempt that may count waits for."""
        if not self.attempts:
            return "missing"
        waiting = [a.state for a in self.attempts if a.may_count and not a.final]
        return waiting[0] if waiting else "graded"

    @property
    def open(self):
        """Whether points may still come: they are not the last word."""
        return self.state not in ("missing", "graded") and not self.override


class Grades:
    """All marks of a run.

    Args:
        run: a `Run`.
        policy: a `Policy`; the run's own if None.
    """

    def __init__(self, run, policy=None):
        path = run.folder / policies.NAME
        self.policy = policy or policies.read(path)
        course = Course()
        policies.check_exercises(path, self.policy, course)
        self.overrides = read_overrides(run)
        attempts = read_attempts(run)
        self.students = sorted({student for student, _ in attempts})
        handed = {name for _, name in attempts}
        known = [e.name for e in course.exercises]
        gone = sorted(handed - set(known))
        every = [name for name in known if name in handed] + gone
        self.exercises = list(self.policy.exercises or every)
        self.most = most_points(run, course, self.exercises)
        self.marks = {}
        for student in self.students:
            for name in self.exercises:
                mark = Mark(student, name, self.most[name])
                mark.attempts = attempts.get((student, name), [])
                mark.override = self.overrides.get((student, name))
                self.marks[student, name] = mark
            self.mark(student)

    def of(self, student):
        """Return a student's marks in the order of the exercises."""
        return [self.marks[student, name] for name in self.exercises]

    def total(self, student):
        """Return (points, points that could be had) of what counts."""
        counting = [mark for mark in self.of(student) if not mark.dropped]
        return (
            sum(mark.points or 0.0 for mark in counting),
            sum(mark.max_score for mark in counting),
        )

    def mark(self, student):
        """Choose the attempts that count, exercise by exercise as they were due."""
        free = self.policy.free_days
        for mark in sorted(self.of(student), key=self.due):
            for attempt in mark.attempts:
                attempt.may_count = attempt.current or self.policy.attempts == "best"
                time = attempt.time
                attempt.days_late = self.policy.days_late(student, mark.exercise, time)
                kept = self.policy.kept(attempt.days_late, free)
                attempt.points = kept * (attempt.score or 0.0)
            mark.counted = self.chosen([a for a in mark.attempts if a.final])
            if mark.counted and mark.counted.points and not mark.override:
                mark.free_days = min(free, mark.counted.days_late)
                free -= mark.free_days
        self.drop(student)

    def due(self, mark):
        due = self.policy.due.get(mark.exercise)
        return (due is None, due, self.exercises.index(mark.exercise))

    def chosen(self, attempts):
        if self.policy.attempts == "best":
            rank = {"key": lambda a: (a.points, -a.days_late, a.current)}
            return max(attempts, default=None, **rank)
        return next((a for a in attempts if a.current), None)

    def drop(self, student):
        """Leave out the exercises in which the smallest part of the points was had."""
        marks = [m for m in self.of(student) if m.max_score and not m.open]
        marks.sort(key=lambda m: (m.points or 0.0) / m.max_score)
        for mark in marks[: min(self.policy.drop_lowest, max(0, len(marks) - 1))]:
            mark.dropped = True


def read_attempts(run):
    """Return {(student, exercise): list of Attempt}, the first one seen first."""
    rows = run.book.execute(
        "SELECT student, handed.exercise, unit, handed.sha256, file, time, current, "
        "COALESCE(state, 'waiting'), score, max_score, late FROM handed "
        "LEFT JOIN results USING (unit) ORDER BY handed.rowid"
    )
    found = {}
    for student, exercise, *facts in rows:
        facts[4] = bool(facts[4])
        found.setdefault((student, exercise), []).append(Attempt(*facts))
    return found


def most_points(run, course, names):
    """Return {exercise: points that can be had}, by the results or else the checks."""
    query = "SELECT exercise, MAX(max_score) FROM gradebook GROUP BY exercise"
    known = {name: most for name, most in run.book.execute(query) if most}
    for name in set(names) - set(known):
        known[name] = sum(check[2] for check in course.exercise(name).checks())
    return known


def read_overrides(run):
    """Return {(student, exercise): the last word}, of those not taken back.

    Raises:
        UsageError: the file is damaged.
    """
    path = run.folder / OVERRIDES
    found = {}
    try:
        text = path.read_text("utf-8") if path.exists() else ""
        lines = [line for line in text.split("\n") if line.strip()]
        for line in map(json.loads, lines):
            if line["points"] is not None:
                line["points"] = float(line["points"])
            found[line["student"], line["exercise"]] = line
    except (OSError, ValueError, KeyError, TypeError) as e:
        raise UsageError(f"{path} is damaged, mend its last line ({e})") from None
    return {who: line for who, line in found.items() if line["points"] is not None}


def override(run, student, exercise, points, reason, author):
    """Give points by hand, or with None take back what was given."""
    line = {
        "student": student,
        "exercise": exercise,
        "points": points,
        "reason": reason,
        "author": author,
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    add_line(run.folder / OVERRIDES, json.dumps(line))
    return line
