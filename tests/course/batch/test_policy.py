"""Late days, best-of and drop-lowest, worked out by hand."""

import pytest

from course.batch import grades, policy
from course.batch.run import Run
from course.catalog import Course
from course.cli import UsageError

COURSE = Course()
ONE, TWO, THREE = [exercise.name for exercise in COURSE.exercises[:3]]
DUE = f"""
[due]
"{ONE}" = 2026-11-10T12:00:00+00:00
"{TWO}" = 2026-11-20T12:00:00+00:00
"""


@pytest.fixture
def run(tmp_path):
    return Run(tmp_path / "run")


def hand_in(run, student, exercise, score, time=None, state="final", most=10.0):
    """Let a student hand in a file that is worth so much."""
    content = f"{student} {exercise} {score} {time}".encode()
    work = run.work(exercise, content, ".py", "c", "e")
    run.hand_in([(student, exercise, work.sha256, work.unit, "x.py", time)])
    if state:
        run.keep(work, {"score": score, "max_score": most, "seconds": 1.0}, state)


def marks(run, text, student="ann"):
    """Return {exercise: points} and the total of a student under a policy."""
    (run.folder / policy.NAME).write_text(text)
    found = grades.Grades(run)
    return {m.exercise: m.points for m in found.of(student)}, found.total(student)


def test_without_a_policy_the_latest_counts_in_full(run):
    hand_in(run, "ann", ONE, 8.0, "2026-11-30T00:00:00+00:00")
    hand_in(run, "ann", ONE, 3.0, "2026-12-01T00:00:00+00:00")
    hand_in(run, "bo", TWO, 5.0)
    points, total = marks(run, "")
    assert points == {ONE: 3.0, TWO: None} and total == (3.0, 20.0)


def test_the_best_attempt(run):
    hand_in(run, "ann", ONE, 8.0)
    hand_in(run, "ann", ONE, 3.0)
    assert marks(run, 'attempts = "best"')[0] == {ONE: 8.0}


def test_the_best_attempt_is_the_best_after_penalties(run):
    """9 points two days late are 0.8 * 9 = 7.2; 8 on time are more."""
    hand_in(run, "ann", ONE, 8.0, "2026-11-10T11:00:00+00:00")
    hand_in(run, "ann", ONE, 9.0, "2026-11-12T11:00:00+00:00")
    late = "[late]\npenalty = 0.1\n"
    assert marks(run, 'attempts = "best"\n' + late + DUE)[0] == {ONE: 8.0}
    assert marks(run, late + DUE)[0] == {ONE: pytest.approx(7.2)}


@pytest.mark.parametrize(
    ("time", "rules", "points"),
    [
        ("2026-11-10T12:00:00+00:00", "penalty = 0.1", 10.0),  # the last moment
        ("2026-11-10T13:00:00+01:00", "penalty = 0.1", 10.0),  # the same moment
        ("2026-11-10T12:00:01+00:00", "penalty = 0.1", 9.0),  # a day has begun
        ("2026-11-10T12:10:00+00:00", "penalty = 0.1\ngrace_minutes = 10", 10.0),
        ("2026-11-11T12:00:00+00:00", "penalty = 0.1", 9.0),
        ("2026-11-13T11:00:00+00:00", "penalty = 0.25", 2.5),
        ("2026-11-20T11:00:00+00:00", "penalty = 0.25", 0.0),  # never below nothing
        ("2026-11-13T11:00:00+00:00", "limit = 2", 0.0),
        ("2026-11-12T11:00:00+00:00", "limit = 2", 10.0),
        ("2026-11-12T11:00:00+00:00", "penalty = 0.1\nfree_days = 1", 9.0),
        (None, "penalty = 0.1", 10.0),  # nobody knows when: it is not late
    ],
)
def test_late_days(run, time, rules, points):
    hand_in(run, "ann", ONE, 10.0, time)
    found, _ = marks(run, f"[late]\n{rules}\n{DUE}")
    assert found == {ONE: pytest.approx(points)}


def test_free_days_are_spent_as_exercises_are_due(run):
    """Two days late each, three free: none, then one day is paid for."""
    hand_in(run, "ann", TWO, 10.0, "2026-11-22T11:00:00+00:00")
    hand_in(run, "ann", ONE, 10.0, "2026-11-12T11:00:00+00:00")
    found, _ = marks(run, f"[late]\npenalty = 0.1\nfree_days = 3\n{DUE}")
    assert found == {ONE: 10.0, TWO: pytest.approx(9.0)}


def test_extra_days_for_one_student(run):
    for student in ("ann", "bo"):
        hand_in(run, student, ONE, 10.0, "2026-11-12T11:00:00+00:00")
    text = f"[late]\npenalty = 0.1\n{DUE}\n[extra_days]\nbo = 1.5\n"
    assert marks(run, text, "ann")[0] == {ONE: 8.0}
    assert marks(run, text, "bo")[0] == {ONE: 9.0}


def test_the_lowest_is_dropped_by_its_part_of_the_points(run):
    hand_in(run, "ann", ONE, 4.0, most=5.0)
    hand_in(run, "ann", TWO, 6.0, most=10.0)
    hand_in(run, "bo", THREE, 1.0, most=2.0)
    points, total = marks(run, "drop_lowest = 1")
    assert points[THREE] is None and total == (10.0, 15.0)  # what is missing goes first
    assert marks(run, "drop_lowest = 2")[1] == (4.0, 5.0)
    assert marks(run, "drop_lowest = 9")[1] == (4.0, 5.0)  # one is always left


def test_only_what_the_policy_names_counts(run):
    hand_in(run, "ann", ONE, 4.0)
    hand_in(run, "ann", TWO, 6.0)
    text = f'exercises = ["{TWO}", "{THREE}"]'
    points, total = marks(run, text)
    worth = sum(check[2] for check in COURSE.exercise(THREE).checks())
    assert points == {TWO: 6.0, THREE: None} and total == (6.0, 10.0 + worth)


def test_what_is_not_final_has_no_points(run):
    hand_in(run, "ann", ONE, 4.0, state="unsure")
    hand_in(run, "ann", TWO, 4.0, state="fault")
    hand_in(run, "ann", THREE, 4.0, state=None)
    states = [mark.state for mark in grades.Grades(run).of("ann")]
    assert sorted(states) == ["fault", "unsure", "waiting"]
    assert marks(run, "")[0] == {ONE: None, TWO: None, THREE: None}


def test_the_same_file_again_keeps_its_first_time(run):
    hand_in(run, "ann", ONE, 10.0, "2026-11-10T11:00:00+00:00")
    content = f"ann {ONE} 10.0 2026-11-10T11:00:00+00:00".encode()
    work = run.work(ONE, content, ".py", "c", "e")
    late = "2026-11-12T11:00:00+00:00"
    run.hand_in([("ann", ONE, work.sha256, work.unit, "x.py", late)])
    assert marks(run, f"[late]\npenalty = 0.5\n{DUE}")[0] == {ONE: 10.0}


def test_free_days_are_not_spent_on_nothing(run):
    """Neither on an attempt without points nor on one that was replaced by hand."""
    text = f"[late]\npenalty = 0.5\nfree_days = 1\n{DUE}"
    hand_in(run, "ann", ONE, 0.0, "2026-11-11T11:00:00+00:00")
    hand_in(run, "ann", TWO, 10.0, "2026-11-21T11:00:00+00:00")
    assert marks(run, text)[0] == {ONE: 0.0, TWO: 10.0}
    hand_in(run, "bo", ONE, 9.0, "2026-11-11T11:00:00+00:00")
    hand_in(run, "bo", TWO, 10.0, "2026-11-21T11:00:00+00:00")
    grades.override(run, "bo", ONE, 7.0, "oral", "Dr. X")
    assert marks(run, text, "bo")[0] == {ONE: 7.0, TWO: 10.0}


def test_what_is_not_known_yet_is_not_the_lowest(run):
    hand_in(run, "ann", ONE, 4.0)
    hand_in(run, "ann", TWO, 6.0, state="fault")
    hand_in(run, "ann", THREE, 5.0)
    _, total = marks(run, "drop_lowest = 1")
    assert total[0] == 5.0


def test_an_earlier_attempt_that_waits_is_told_where_the_best_counts(run):
    hand_in(run, "ann", ONE, 9.0, state="fault")
    hand_in(run, "ann", ONE, 3.0)
    marks(run, "")
    assert grades.Grades(run).marks["ann", ONE].state == "graded"
    marks(run, 'attempts = "best"')
    mark = grades.Grades(run).marks["ann", ONE]
    assert (mark.state, mark.points, mark.open) == ("fault", 3.0, True)


def test_points_by_hand_stay_and_can_be_taken_back(run):
    hand_in(run, "ann", ONE, 4.0)
    why = ("an oral examination", "Dr. Ö. \u202e")
    grades.override(run, "ann", ONE, 9.5, *why)
    hand_in(run, "ann", ONE, 5.0)  # another file does not change it
    assert marks(run, "")[0] == {ONE: 9.5}
    mark = grades.Grades(run).marks["ann", ONE]
    assert (mark.override["reason"], mark.override["author"]) == why
    grades.override(run, "ann", ONE, None, *why)
    assert marks(run, "")[0] == {ONE: 5.0}
    (run.folder / grades.OVERRIDES).write_text('{"student": "ann"')
    with pytest.raises(UsageError, match="is damaged, mend its last line"):
        grades.Grades(run)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("attempt = 'best'", "attempt, which is no rule: did you mean attempts?"),
        ("attempts = 'worst'", "attempts is latest or best, got 'worst'"),
        ("attempts = true", "attempts cannot be True"),
        ("drop_lowest = -1", "drop_lowest is from 0 to 100000, got -1"),
        ("hidden = 'all'", "hidden is nothing or title or magnitude or full"),
        ("[late]\npenalty = 10", "penalty is from 0 to 1, got 10"),
        ("[late]\nfree = 3", "free, which is no rule: did you mean free_days?"),
        ('[due]\n"a/b" = 2026-11-10', "needs a time and a time zone"),
        ('[due]\n"a/b" = 2026-11-10T12:00:00', "needs a time and a time zone"),
        ("[extra_days]\nann = 'two'", "extra_days of ann is a number of days"),
        ("attempts", "cannot be read"),
        ("[late]\ngrace_minutes = inf", "grace_minutes is from 0 to 100000, got inf"),
        ("[late]\nlimit = nan", "limit is from 0 to inf, got nan"),
        ("[extra_days]\nann = inf", "extra_days of ann is a number of days"),
        ("exercises = [1]", "exercises are names, got 1"),
        ("exercises = ['a', 'a']", "exercises names a twice"),
        ('[due]\n"a/b" = 0001-01-01T00:00:00+14:00', "needs a time and a time zone"),
    ],
)
def test_a_policy_that_cannot_be_meant(tmp_path, text, said):
    path = tmp_path / "policy.toml"
    path.write_text(text)
    with pytest.raises(UsageError, match=said.replace("?", r"\?")) as e:
        policy.read(path)
    assert "\n" not in str(e.value) and str(path) in str(e.value)


def test_a_policy_names_exercises_of_the_course(tmp_path):
    found = policy.Policy(exercises=(ONE[:-1],))
    with pytest.raises(UsageError, match=f"there is no exercise .* mean {ONE}"):
        policy.check_exercises(tmp_path, found, COURSE)
    policy.check_exercises(tmp_path, policy.Policy(exercises=(ONE,)), COURSE)
