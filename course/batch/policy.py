"""What makes a mark of results: late days, best-of, drop-lowest. One small TOML file.

attempts = "best"          # or "latest": which of several attempts counts
drop_lowest = 1            # so many exercises of each student do not count
exercises = ["…"]          # what counts; not said: whatever anybody handed in
hidden = "title"           # what students read of hidden checks: nothing,
                           # title, magnitude, full

[late]
grace_minutes = 15
free_days = 3              # a student may be so many days late, all in all
penalty = 0.1              # of the points, for each day beyond
limit = 5                  # days after which nothing counts

[due]
"vision/classification/channel_attention" = 2026-11-30T23:59:00+01:00

[extra_days]               # before the due date counts, for whom
ann = 2
"""

import difflib
import math
import tomllib
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from course.cli import UsageError

NAME = "policy.toml"
LEVELS = ("nothing", "title", "magnitude", "full")
NUMBER = (int, float)
LONG = 100_000  # more than any number of days or minutes
KEYS = {
    "": {"attempts": str, "drop_lowest": int, "exercises": list, "hidden": str}
    | {"late": dict, "due": dict, "extra_days": dict},
    "late": {"grace_minutes": NUMBER, "free_days": int, "penalty": NUMBER}
    | {"limit": NUMBER},
}


@dataclass(frozen=True)
class Policy:
    """The rules of a run; the defaults change no result."""

    attempts: str = "latest"
    drop_lowest: int = 0
    exercises: tuple = ()
    hidden: str = "title"
    grace_minutes: float = 0
    free_days: int = 0
    penalty: float = 0.0
    limit: float = math.inf
    due: dict = field(default_factory=dict)
    extra_days: dict = field(default_factory=dict)
    text: str = ""

    def days_late(self, student, exercise, time):
        """Return whole days after the due date; 0 where either time is not known."""
        if not time or exercise not in self.due:
            return 0
        due = self.due[exercise] + timedelta(days=self.extra_days.get(student, 0))
        late = (
            datetime.fromisoformat(time) - due - timedelta(minutes=self.grace_minutes)
        )
        return max(0, math.ceil(late / timedelta(days=1)))

    def kept(self, days, free):
        """Return what part of the points is kept, of which `free` days cost nothing."""
        if days > self.limit:
            return 0.0
        return max(0.0, 1 - self.penalty * max(0, days - free))


def read(path):
    """Return the Policy of a file; the defaults if there is none.

    Raises:
        UsageError: the file says what no policy can say.
    """
    if not path.exists():
        return Policy()
    try:
        text = path.read_text("utf-8")
        found = tomllib.loads(text)
    except (OSError, ValueError) as e:
        raise UsageError(f"{path} cannot be read: {e}") from None
    check_keys(path, "", found)
    late = found.pop("late", {})
    check_keys(path, "late", late)
    found["exercises"] = tuple(found.get("exercises", ()))
    policy = Policy(**found, **late, text=text)
    check_values(path, policy)
    return policy


def check_keys(path, table, found):
    known = KEYS[table]
    where = f"{path}, [{table}]" if table else str(path)
    for key, value in found.items():
        if key not in known:
            near = difflib.get_close_matches(key, known, 1)
            advice = f": did you mean {near[0]}?" if near else ""
            raise UsageError(f"{where} has {key}, which is no rule{advice}")
        if not isinstance(value, known[key]) or isinstance(value, bool):
            raise UsageError(f"{where}: {key} cannot be {value!r}")


def check_values(path, policy):
    choices = {"attempts": ("latest", "best"), "hidden": LEVELS}
    for key, allowed in choices.items():
        if (value := getattr(policy, key)) not in allowed:
            raise UsageError(f"{path}: {key} is {' or '.join(allowed)}, got {value!r}")
    for key in ("drop_lowest", "grace_minutes", "free_days", "limit"):
        value = getattr(policy, key)
        most = math.inf if key == "limit" else LONG
        if not 0 <= value <= most:
            raise UsageError(f"{path}: {key} is from 0 to {most:g}, got {value}")
    for name in policy.exercises:
        if not isinstance(name, str):
            raise UsageError(f"{path}: exercises are names, got {name!r}")
        if policy.exercises.count(name) > 1:
            raise UsageError(f"{path}: exercises names {name} twice")
    if not 0 <= policy.penalty <= 1:
        raise UsageError(f"{path}: penalty is from 0 to 1, got {policy.penalty}")
    for exercise, due in policy.due.items():
        known = isinstance(due, datetime) and due.tzinfo and 1970 < due.year < 3000
        if not known:
            raise UsageError(
                f"{path}: due of {exercise} needs a time and a time zone, such as "
                "2026-11-30T23:59:00+01:00"
            )
    for student, days in policy.extra_days.items():
        number = isinstance(days, NUMBER) and not isinstance(days, bool)
        if not (number and abs(days) <= LONG):
            raise UsageError(f"{path}: extra_days of {student} is a number of days")


def check_exercises(path, policy, course):
    """See that exercises in a policy are the course's."""
    known = {exercise.name for exercise in course.exercises}
    for name in (*policy.exercises, *policy.due):
        if name not in known:
            near = difflib.get_close_matches(name, known, 1)
            advice = f": did you mean {near[0]}?" if near else ""
            raise UsageError(f"{path}: there is no exercise {name}{advice}")
