"""What a student may read of a result: all of it, but for hidden checks."""

import re

from course.present import WORDS, clean, sentence

COUNTED = re.compile(r"\d+ of \d+ (?:values are wrong|values are not finite|values)")


def lines(check):
    """Return the lines below a check that was not passed, for a reader."""
    first, *rest = clean(check["message"]).split("\n")
    why = check["misconception"]
    said = [first, *([sentence(why)] if why else []), *rest]
    return [line for line in said if line]


def magnitude(check):
    """Return how far off a hidden check is, without a value: "3 of 16 values"."""
    if check["status"] != "failed":
        return WORDS[check["status"]]
    found = COUNTED.search(check["message"])
    return found[0] if found else "not what the check asks for"


def shown(check, level):
    """Return a check as its student may read it, or None.

    Args:
        check: of a result of schema 1.
        level: what is told of hidden checks: nothing, title, magnitude, full.
    """
    facts = {key: check[key] for key in ("status", "points", "score", "hidden")}
    if not check["hidden"] or level == "full":
        told = lines(check) if check["status"] != "passed" else []
        return {**facts, "title": check["title"], "lines": told}
    if level == "nothing":
        return None
    far = [magnitude(check)] if level == "magnitude" and check["score"] == 0 else []
    return {**facts, "title": check["title"], "lines": far}


def visible(result, level):
    """Return (checks as a student reads them, count and points of those not shown)."""
    told = [(check, shown(check, level)) for check in result["checks"]]
    silent = [check for check, seen in told if seen is None]
    count, points = len(silent), sum(check["points"] for check in silent)
    return [seen for _, seen in told if seen], count, points
