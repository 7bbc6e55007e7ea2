"""A class that never was: results without judges, for the tests of what comes out."""

import random

from course.batch import grades, policy
from course.batch.run import Run
from course.catalog import Course

EXERCISES = [exercise.name for exercise in Course().exercises[:4]]
HOSTILE = [
    '=HYPERLINK("http://evil.example","A")',
    "<script>alert(1)</script>",
    'O\'Neil, "Bobby"',
    "two\nlines",
    "\u202eevil\u202c",
    "+1+1",
    "@SUM(A1)",
    "-2",
    "Zoë Ångström",
    "名前",
    "a&b <i>c</i>",
    "%41/../..",
    "x" * 240,
]
WHY = ["p is the part that is dropped", "the sigmoid is missing", "the bias is late"]
CHECKS = [("test_shape", 1.0), ("test_values", 3.0), ("test_learns", 2.0)]


def a_class(folder, size=40, seed=0, hostile=True):
    """Return a Run of `size` students, some with hostile names and messages."""
    run, rng = Run(folder), random.Random(seed)
    names = [f"student{n:03d}" for n in range(size)] + (HOSTILE if hostile else [])
    for student in names:
        for exercise in EXERCISES:
            if rng.random() < 0.9:
                hand_in(run, student, exercise, rng)
    run.hand_in([], ["eve/<b>x.py: no exercise of this name"])
    return run


def hand_in(run, student, exercise, rng):
    content = f"# {student} {exercise}\nx = {rng.random()}\n".encode()
    work = run.work(exercise, content, ".py", "checks", "environment")
    time = f"2026-11-{rng.randint(9, 12):02d}T10:00:00+00:00"
    row = (student, exercise, work.sha256, work.unit, f"{student}/x.py", time)
    run.hand_in([row])
    if rng.random() < 0.03:
        run.keep(work, {"fault": "the judge died"}, "fault")
    else:
        run.keep(work, result(exercise, rng), "final")


def result(exercise, rng):
    able = rng.random()
    checks = [check(name, points, rng.random() < able, rng) for name, points in CHECKS]
    checks.append({**check("test_hidden", 4.0, able > 0.5, rng), "hidden": True})
    return {
        "schema": 1,
        "exercise": exercise,
        "score": sum(c["score"] for c in checks),
        "max_score": sum(c["points"] for c in checks),
        "exercise_sha256": "e" * 64,
        "seed": "0123456789abcdef",
        "seconds": 0.4,
        "checks": checks,
        "isolation": {"backend": "namespaces"},
        "environment": {"python": "3.11"},
        "printed": "",
    }


def check(name, points, right, rng):
    said = f"3 of 16 values are wrong, the first at [0, 1]: got 1.5, expected {points}"
    found = {
        "name": name,
        "title": f"{name[5:]} are as <b>NumPy</b>'s",
        "points": points,
    }
    found |= {"score": points if right else 0.0, "hidden": False, "seconds": 0.1}
    status = "passed" if right else rng.choice(["failed"] * 4 + ["crashed", "todo"])
    found |= {"status": status, "message": "" if right else said, "misconception": ""}
    if status == "failed":
        found["misconception"] = rng.choice(["", *WHY])
        found["message"] += "\n<img src=x onerror=alert(1)>\x1b[31m secret 42.5"
    return {**found, "inputs_sha256": "0" * 64}


def with_policy(run, level="title"):
    text = f'hidden = "{level}"\n[late]\npenalty = 0.1\nfree_days = 1\n[due]\n'
    text += f'"{EXERCISES[0]}" = 2026-11-10T12:00:00+00:00\n'
    (run.folder / policy.NAME).write_text(text)
    why = ("an <i>oral</i> examination", "Dr. X")
    grades.override(run, "student001", EXERCISES[1], 7.5, *why)
    return run
