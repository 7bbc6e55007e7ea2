"""Gradescope: a results.json for one submission, or for each student of a run."""

from course.present import WORDS

STATUS = {True: "passed", False: "failed"}


def results(points, checks, silent=(0, 0), said="", seconds=0.0, visibility="visible"):
    """Return what Gradescope reads as results.json.

    Args:
        points: of the whole submission.
        checks: as `feedback.visible` gives them.
        silent: count and points of the checks that are not told.
        said: a sentence above all checks.
    """
    lines = [said] if said else []
    if silent[0]:
        lines.append(f"{silent[0]} hidden checks, {silent[1]:g} points, are included.")
    return {
        "score": round(points, 4),
        "execution_time": round(seconds, 2),
        "output": "\n".join(lines),
        "output_format": "text",
        "visibility": visibility,
        "stdout_visibility": "hidden",
        "tests": [test(number, check) for number, check in enumerate(checks, 1)],
    }


def test(number, check):
    """Return one entry of `tests`."""
    word = "" if check["status"] == "passed" else WORDS[check["status"]]
    return {
        "number": str(number),
        "name": check["title"],
        "name_format": "text",
        "score": check["score"],
        "max_score": check["points"],
        "status": STATUS[check["status"] == "passed"],
        "output": "\n".join(filter(None, [word, *check["lines"]])),
        "output_format": "text",
        "visibility": "visible",
    }
