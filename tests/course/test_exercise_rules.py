"""Rule 1 sees each breach, made on purpose in a small exercise."""

import pytest

from course import authoring, exercise_rules
from course.catalog import Exercise

SOLUTION = '''"""Exercise: twice.

Time:  1 minute
"""

import keras


def twice(x):
    """Return 2 x."""
    # BEGIN SOLUTION double it
    # HINT add it to itself
    return 2 * x
    # WRONG return x * x
    # WHY you square
    # WRONG return x + 2
    # WHY you add two
    # END SOLUTION
'''
TEST = '''"""Grades twice."""

import numpy as np

from course.grading import close, points


@points(1)
def test_twice(submission, rng):
    """twice doubles"""
    x = rng.normal(size=(2, 3)) + 5
    close(submission.twice(x), 2 * x)
'''
ALTERNATIVES = ("return x + x", "return x * 2.0")


@pytest.fixture
def exercise(tmp_path, sandboxes):
    """A small exercise for which the rule holds."""
    found = Exercise(tmp_path, "unit/twice")
    texts = {found.solution: SOLUTION, found.test: TEST}
    for number, body in enumerate(ALTERNATIVES, 1):
        path = found.test.parent / f"alternatives/twice_{number}.py"
        texts[path] = f"def twice(x):\n    {body}\n"
    for path, text in texts.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    found.assignment.parent.mkdir(parents=True)
    stub, record, trials = authoring.generate(found, sandboxes)
    assert len(trials) == 2
    authoring.write(found, stub, record)
    return found


def said(exercise, sandboxes):
    return "\n".join(exercise_rules.breaches(exercise, sandboxes))


def replace(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_a_sound_exercise_holds(exercise, sandboxes):
    assert said(exercise, sandboxes) == ""


def test_an_edited_stub(exercise, sandboxes):
    exercise.assignment.write_text("# edited\n")
    assert "is not what its solution makes" in said(exercise, sandboxes)


def test_an_old_record(exercise, sandboxes):
    replace(exercise.record, "you square", "you cube")
    assert "is out of date" in said(exercise, sandboxes)


def test_other_numbers_in_the_record(exercise, sandboxes):
    record = authoring.diagnosis.read(exercise)
    record["checks"]["test_twice"]["right"][0][1]["values"][0] += 0.01
    authoring.write(exercise, exercise.assignment.read_text(), record)
    assert "is out of date" in said(exercise, sandboxes)


def test_a_wrong_solution(exercise, sandboxes):
    replace(exercise.solution, "return 2 * x", "return 3 * x")
    assert "test_twice: 6 of 6 values are wrong" in said(exercise, sandboxes)


def test_a_mistake_that_costs_nothing(exercise, sandboxes):
    replace(exercise.solution, "# WRONG return x * x", "# WRONG return x + x")
    assert "this WRONG loses no points" in said(exercise, sandboxes)


def test_a_mistake_that_cannot_be_named(exercise, sandboxes):
    replace(exercise.solution, "# WRONG return x + 2", "# WRONG return x ** 2")
    assert said(exercise, sandboxes).count("this WRONG is not named") == 2


def test_a_mistake_that_only_raises(exercise, sandboxes):
    replace(exercise.solution, "# WRONG return x + 2", "# WRONG return y")
    assert "this WRONG is not named" in said(exercise, sandboxes)


def test_a_stray_mark(exercise, sandboxes):
    replace(exercise.solution, "    # END SOLUTION\n", "")
    assert "BEGIN SOLUTION without END SOLUTION" in said(exercise, sandboxes)


def test_too_few_alternatives(exercise, sandboxes):
    exercise.alternatives[0].unlink()
    assert "write two alternatives" in said(exercise, sandboxes)


def test_an_alternative_that_fails(exercise, sandboxes):
    exercise.alternatives[0].write_text("def twice(x):\n    return x\n")
    assert "twice_1.py: seed rule-0: test_twice: failed" in said(exercise, sandboxes)


def test_a_seed_that_decides(exercise, sandboxes):
    replace(exercise.test, "+ 5", "* 3")
    exercise.alternatives[0].write_text(
        "def twice(x):\n    return 2 * x + 1.0 * (float(x[0, 0]) > 4)\n"
    )
    assert "twice_1.py: seed rule-" in said(exercise, sandboxes)


@pytest.mark.parametrize(
    "check, who",
    [
        ("np.ones(1)", "answering"),
        ("assert submission.twice(x).shape == x.shape", "noise"),
        ("close(0 * submission.twice(x), 0 * x)", "zeros"),
        ("assert submission.twice(x) is None or True", "None"),
        ("submission", "the untouched stub"),
    ],
)
def test_points_for_nothing(exercise, sandboxes, check, who):
    replace(exercise.test, "close(submission.twice(x), 2 * x)", check)
    found = said(exercise, sandboxes)
    assert "earns points" in found and who in found


def test_a_mistake_seen_in_a_part_trains_nothing(exercise, sandboxes):
    """Trials are spared the checks that wait for a part once any part is lost."""
    more = "\n\n@points(1)\ndef test_one(submission):\n    '''one is 1'''\n"
    more += "    assert submission.one() == 1\n\n\n@points(1, after='test_twice')\n"
    more += "def test_whole(submission):\n    '''whole'''\n"
    exercise.test.write_text(TEST + more)
    text = "def twice(x):\n    return 2 * x\ndef one():\n    return 2\n"
    for frugal, last in ((False, "passed"), (True, "waiting")):
        checks = authoring.examined(exercise, text, sandboxes, frugal)
        assert [c.status for c in checks] == ["passed", "failed", last]
    text = text.replace("return 2\n", "return 1\n")
    checks = authoring.examined(exercise, text, sandboxes, frugal=True)
    assert [c.status for c in checks] == ["passed"] * 3
