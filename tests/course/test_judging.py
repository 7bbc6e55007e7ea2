"""A judge in a process of its own: what it tells, and how it is ended when it hangs."""

import textwrap

import pytest

from course import catalog, judge, judging
from course.judge import GraderFault

TEST = """
import signal
import time
from course.grading import close, points

def stuck():
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGALRM})  # as a loop in C is
    time.sleep(99)

@points(1)
def test_first(submission):
    \"\"\"first\"\"\"
    close(submission.double(1.0), 2.0)

@points(2, seconds=0.1)
def test_second(submission):
    \"\"\"second\"\"\"
    MIDDLE

@points(4)
def test_third(submission):
    \"\"\"third\"\"\"
    close(submission.double(3.0), 6.0)
"""
RIGHT = "def double(x):\n    return 2 * x\n"


@pytest.fixture
def judged(sandboxes, tmp_path):
    """Judge a file by three checks, of which the second is given."""

    def run(middle, source=RIGHT, hidden=None):
        exercise = catalog.Exercise(tmp_path, "tiny/one")
        exercise.test.parent.mkdir(parents=True, exist_ok=True)
        exercise.test.write_text(TEST.replace("MIDDLE", middle))
        (tmp_path / "assignments/tiny").mkdir(parents=True, exist_ok=True)
        exercise.assignment.write_text('"""Exercise: one."""\n')
        (tmp_path / "mine.py").write_text(source)
        course = catalog.Course(tmp_path)
        job = (exercise.name, tmp_path / "mine.py", "mine.py", "seed", sandboxes)
        return judging.judged(course, *job, hidden=hidden)

    run.sandboxes = sandboxes
    return run


def test_a_result_tells_what_its_inputs_were(judged):
    first, second = judged("pass"), judged("pass")
    assert first["score"] == first["max_score"] == 7
    told = [check["inputs_sha256"] for check in first["checks"]]
    assert len(set(told)) == 3
    assert told == [check["inputs_sha256"] for check in second["checks"]]
    other = judged("close(submission.double(5.0), 10.0)")
    assert told[1] != other["checks"][1]["inputs_sha256"]


def test_a_judge_that_hangs_costs_the_check_it_was_at(judged, monkeypatch):
    monkeypatch.setattr(judging, "MARGIN", -29)
    found = judged("stuck()")
    assert [c["status"] for c in found["checks"]] == ["passed", "timeout", "timeout"]
    assert [c["score"] for c in found["checks"]] == [1, 0, 0] and found["score"] == 1
    assert "could not finish on what your file" in found["checks"][1]["message"]
    assert "not tried" in found["checks"][2]["message"]


def test_a_judge_that_dies_is_the_graders_fault(judged):
    with pytest.raises(GraderFault, match="the judge died"):
        judged("import os\n    os._exit(0)")


def test_a_judge_that_says_nothing_is_the_graders_fault(judged, monkeypatch):
    monkeypatch.setattr(judging, "SETTLE", 0.0)
    with pytest.raises(GraderFault, match="did not finish"):
        judged("pass")


HIDDEN = """
from course.grading import close, points

@points(3)
def NAME(submission):
    \"\"\"double of a negative number\"\"\"
    close(submission.double(-4.0), -8.0)
"""


def test_hidden_checks_from_a_folder_of_the_instructors(judged, tmp_path):
    hidden = tmp_path / "hidden.py"
    hidden.write_text(HIDDEN.replace("NAME", "test_negative"))
    found = judged("pass", "def double(x):\n    return 2 * abs(x)\n", hidden=hidden)
    assert [c["hidden"] for c in found["checks"]] == [False, False, False, True]
    assert (found["score"], found["max_score"]) == (7, 10)
    alone = judged("pass")
    assert alone["max_score"] == 7
    assert alone["exercise_sha256"] != found["exercise_sha256"]


TELLTALE = """
SEEN = []

def double(x):
    SEEN.append(float(x))
    if x == 3.0:
        raise ValueError(f"seen: {SEEN}")
    return 2 * x
"""


def test_what_a_hidden_check_asked_is_told_by_no_visible_one(judged, tmp_path):
    """It comes last, in a sandbox of its own, wherever it stands."""
    hidden = tmp_path / "hidden.py"
    hidden.write_text(HIDDEN.replace("NAME", "test_negative"))
    found = judged("pass", TELLTALE, hidden=hidden)
    assert "seen: [1.0, 3.0]" in found["checks"][2]["message"]
    between = TEST.replace("@points(1)", "@points(1, hidden=True)")
    between = (
        between.replace("MIDDLE", "pass").replace("1.0", "7.0").replace("2.0", "14.0")
    )
    exercise = catalog.Exercise(tmp_path, "tiny/one")
    exercise.test.write_text(between)
    submission = ("mine.py", TELLTALE.encode())
    opener = judging.opener(judged.sandboxes)
    found = judge.examine(exercise, submission, "seed", opener)
    assert [c["hidden"] for c in found["checks"]] == [True, False, False]
    assert found["checks"][0]["status"] == "passed"
    assert "seen: [3.0]" in found["checks"][2]["message"]


def test_no_visible_check_waits_for_a_hidden_one(tmp_path):
    exercise = catalog.Exercise(tmp_path, "tiny/one")
    exercise.test.parent.mkdir(parents=True)
    text = TEST.replace("@points(1)", "@points(1, hidden=True)")
    text = text.replace("@points(4)", '@points(4, after="test_first")')
    exercise.test.write_text(text.replace("MIDDLE", "pass"))
    with pytest.raises(GraderFault, match="test_third waits for a hidden check"):
        judge.load_tests(exercise)


def test_a_hidden_check_wants_a_name_of_its_own(judged, tmp_path):
    hidden = tmp_path / "hidden.py"
    hidden.write_text(textwrap.dedent(HIDDEN.replace("NAME", "test_first")))
    with pytest.raises(GraderFault, match="give test_first another name"):
        judged("pass", hidden=hidden)
