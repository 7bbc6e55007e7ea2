"""What a class's results say: distributions, items, misconceptions. Plain numbers."""

import statistics
from collections import Counter, defaultdict
from dataclasses import dataclass, field

BINS = 10


@dataclass
class Item:
    """One check of an exercise, over all who handed it in."""

    name: str
    title: str
    points: float
    hidden: bool
    scores: list = field(default_factory=list)  # parts of its points, a student each
    rests: list = field(default_factory=list)  # points in all other checks
    statuses: Counter = field(default_factory=Counter)
    seconds: list = field(default_factory=list)

    @property
    def tried(self):
        return len(self.scores)

    @property
    def lost(self):
        """How many did not get all of its points."""
        return sum(score < 1 for score in self.scores)

    @property
    def mean(self):
        return statistics.fmean(self.scores)

    @property
    def mean_seconds(self):
        return statistics.fmean(self.seconds)

    @property
    def discrimination(self):
        """Correlation with the points in all other checks; None if there is none.

        Near 0 or below, the check does not tell who can do the rest: look at it.
        """
        if len(set(self.scores)) < 2 or len(set(self.rests)) < 2:
            return None
        return statistics.correlation(self.scores, self.rests)

    def other_statuses(self):
        """Return what came of it beside passed and failed, as (status, count)."""
        usual = ("passed", "failed")
        return [(s, n) for s, n in self.statuses.most_common() if s not in usual]


def items(results):
    """Return the Items of an exercise, in the order of its checks."""
    found = {}
    for result in results:
        for check in result["checks"]:
            facts = [check[key] for key in ("name", "title", "points", "hidden")]
            item = found.setdefault(check["name"], Item(*facts))
            item.scores.append(check["score"] / check["points"])
            item.rests.append(result["score"] - check["score"])
            item.statuses[check["status"]] += 1
            item.seconds.append(check["seconds"])
    return list(found.values())


@dataclass(frozen=True)
class Misconception:
    """A mistake with a name, and who makes it."""

    exercise: str
    why: str
    title: str  # of the check that showed it
    students: tuple


def misconceptions(results):
    """Return the Misconceptions of {(student, exercise): result}, most frequent first.

    A student counts once, at the first check that shows it.
    """
    found, titles = defaultdict(list), {}
    for (student, exercise), result in sorted(results.items()):
        for check in result["checks"]:
            key = exercise, check["misconception"]
            if check["misconception"] and student not in found[key]:
                found[key].append(student)
                titles.setdefault(key, check["title"])
    ordered = sorted(found.items(), key=lambda item: (-len(item[1]), item[0]))
    return [Misconception(*k, titles[k], tuple(who)) for k, who in ordered if who]


def histogram(parts):
    """Return how many parts (0 to 1) fall in each tenth; 1 is in the last."""
    counts = [0] * BINS
    for part in parts:
        counts[min(BINS - 1, max(0, int(part * BINS + 1e-9)))] += 1
    return counts


def summary(values):
    """Return (mean, median) of numbers, or None of none."""
    if not values:
        return None
    return statistics.fmean(values), statistics.median(values)
