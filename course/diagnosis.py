"""Names a mistake by what it makes a submission return.

A record holds, per check, what the solution returned at the public seed, and for every
WRONG line of the solution the first value that is different. A failing submission
that returns the right values up to there, and that wrong one, made that mistake.
"""

import json

import numpy as np

from course.grading import difference
from course.sandbox.session import Proxy, Raised

KEPT = 128  # values of an array that a record keeps
OPAQUE = {"opaque": True}  # a handle, or losses of a training run: equal to anything


def read(exercise):
    """Return the record of an exercise, or None."""
    if not exercise.record.exists():
        return None
    return json.loads(exercise.record.read_text())


def summary(observation):
    """Return what a record keeps of one observation: JSON, a few hundred values."""
    op, name, value = observation
    kept = OPAQUE if op in ("fit", "reload") else _summary(value)
    return [f"{op} {name}", kept]


def _summary(value):
    if isinstance(value, Raised):
        return {"raised": value.type}
    if isinstance(value, Proxy):
        return OPAQUE
    if isinstance(value, (np.ndarray, np.generic)):
        flat = np.ravel(value)
        if flat.dtype.kind in "fc":
            flat = flat.astype("f8" if flat.dtype.kind == "f" else "c16").real
            numbers = [float(f"{v:.7g}") for v in _chosen(flat)]
        else:
            numbers = [v.item() for v in _chosen(flat)]
        kind = value.dtype.kind
        return {"shape": list(np.shape(value)), "kind": kind, "values": numbers}
    if isinstance(value, float):
        return float(f"{value:.7g}")
    if isinstance(value, tuple):
        return {"tuple": [_summary(item) for item in value]}
    if isinstance(value, list):
        return [_summary(item) for item in value[:KEPT]]
    if isinstance(value, dict):
        return {"dict": [[str(k), _summary(v)] for k, v in value.items()]}
    return value


def _chosen(flat):
    if flat.size <= KEPT:
        return flat
    return flat[np.sort(np.random.default_rng(flat.size).permutation(flat.size)[:KEPT])]


def agree(a, b):
    """Return whether two summaries are the same within `close`'s tolerance."""
    if a == OPAQUE or b == OPAQUE:
        return True
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(agree, a, b))
    if isinstance(a, dict) and isinstance(b, dict):
        if set(a) != set(b):
            return False
        if "values" in a:
            same = a["shape"] == b["shape"] and a["kind"] == b["kind"]
            return same and _near(np.asarray(a["values"]), np.asarray(b["values"]))
        return all(agree(a[k], b[k]) for k in a)
    numbers = [isinstance(v, (int, float)) and not isinstance(v, bool) for v in (a, b)]
    if all(numbers):
        return _near(np.asarray(float(a)), np.asarray(float(b)))
    return type(a) is type(b) and a == b


def _near(a, b):
    return a.shape == b.shape and not difference(a, b)


def first_wrong(observed, right):
    """Return the index of the first summary that is not as it should be, or None."""
    for index, (mine, theirs) in enumerate(zip(observed, right, strict=False)):
        if mine[0] != theirs[0]:
            return None  # other calls: nothing to compare
        if not agree(mine[1], theirs[1]):
            return index
    return None


def telling(value):
    """Return whether a wrong value can be anybody's signature."""
    if isinstance(value, dict) and "raised" in value:
        return False
    if isinstance(value, dict) and "values" in value and value["kind"] == "f":
        return bool(np.isfinite(np.asarray(value["values"], "f8")).any())
    return True


def match(check, known):
    """Return the WHY of the one mistake that explains a failed check, or "".

    Args:
        check: a `judge.Check` that was tried at the public seed.
        known: the record of that check.
    """
    if not known or check.status != "failed":
        return ""
    index = first_wrong(map(summary, check.observed), known["right"])
    if index is None:
        return ""
    _, value = summary(check.observed[index])
    if not telling(value):
        return ""
    reasons = {
        wrong["why"]
        for wrong in known["wrong"]
        if wrong["at"] == index and agree(value, wrong["value"])
    }
    return reasons.pop() if len(reasons) == 1 else ""


def record(right, wrong):
    """Return the record of one check.

    Args:
        right: the check as the solution passed it.
        wrong: list of (why, check as that mistake left it).
    """
    values = [summary(o) for o in right.observed]
    found = []
    for why, check in wrong:
        mine = [summary(o) for o in check.observed]
        index = first_wrong(mine, values)
        if check.status == "failed" and index is not None and telling(mine[index][1]):
            found.append({"why": why, "at": index, "value": mine[index][1]})
    return {"right": values, "wrong": found}
