"""What a learner has reached: one small file that can be deleted without harm."""

import json
import os
import sys
from pathlib import Path

from course.catalog import ROOT, Course

FILE = Path(os.environ.get("COURSE_PROGRESS", ROOT / ".course" / "progress.json"))


def read():
    """Return {exercise: {"score", "max_score", "failing", "hints"}}; else {}."""
    try:
        found = json.loads(FILE.read_text("utf-8"))
        known = {k: v for k, v in found.items() if isinstance(v, dict)}
    except (OSError, ValueError, AttributeError):
        return {}
    for old, new in Course().renamed.items() if known else ():
        if old in known:
            known.setdefault(new, known.pop(old))
    return known


def update(exercise, **values):
    """Keep values for an exercise beside what is known of it."""
    known = read()
    known.setdefault(exercise, {}).update(values)
    try:
        FILE.parent.mkdir(parents=True, exist_ok=True)
        fresh = FILE.with_suffix(f".{os.getpid()}")
        fresh.write_text(json.dumps(known, indent=1), "utf-8")
        fresh.replace(FILE)
    except OSError as e:
        print(
            f"your progress cannot be kept in {FILE} ({e.strerror}): make room, or set "
            "COURSE_PROGRESS to a file that you may write",
            file=sys.stderr,
        )
