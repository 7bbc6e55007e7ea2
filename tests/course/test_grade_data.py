"""An exercise that names a data set: built outside, read inside, asked for in words."""

import os
from contextlib import nullcontext

import pytest

from course import cli, grade, progress
from course.catalog import Course
from course.data import embedded

NAME = "unit/digits"
FILE = '''"""Exercise: count digits."""


def count(split):
    from course.data.load import load

    found = load("course_digits", split, as_supervised=True, batch_size=-1)
    return len(found[1])


def stream():
    from course.data.load import load

    pairs = load("course_digits", "train", as_supervised=True).shuffle(100)
    pairs = pairs.map(lambda x, y: (x, y), num_parallel_calls=-1).batch(32).prefetch(2)
    return sum(1 for _ in pairs)
'''
TEST = '''"""Grades it."""
from course.grading import points
DATA = ("course_digits",)

@points(1)
def test_count(submission):
    """it reads both splits"""
    found = [submission.count("train"), submission.count("test"), submission.stream()]
    assert found == [1497, 300, 47], found
'''


@pytest.fixture
def course(tmp_path, monkeypatch):
    for path, text in [
        (f"assignments/{NAME}.py", FILE),
        ("tests/assignments/unit/test_digits.py", TEST),
    ]:
        (tmp_path / path).parent.mkdir(parents=True)
        (tmp_path / path).write_text(text)
    monkeypatch.setattr(grade, "Course", lambda: Course(tmp_path))
    monkeypatch.setattr(progress, "FILE", tmp_path / "progress.json")
    monkeypatch.setenv("COURSE_DATA", str(tmp_path / "data"))
    return tmp_path


def test_data_is_built_outside_and_read_inside(course, capsys):
    assert cli.main(["grade", NAME, "--cold"]) == 0
    out, err = capsys.readouterr()
    assert "1 of 1 points" in out and "building course_digits, once" in err
    assert embedded.prepared("course_digits", course / "data")  # not built again


@pytest.fixture
def no_sandboxes(monkeypatch):
    """These end before anything runs: do not start a warm process for them."""
    monkeypatch.setattr(grade, "sandboxes", lambda options: nullcontext("nowhere"))


@pytest.mark.usefixtures("no_sandboxes")
def test_data_that_cannot_be_built(course, capsys):
    (course / "data").write_text("a file where the folder should be")
    assert cli.main(["grade", NAME]) == 2
    said = capsys.readouterr().err.splitlines()[-1]
    assert said.startswith("course: course_digits") and "set COURSE_DATA" in said


@pytest.mark.usefixtures("no_sandboxes")
def test_unknown_data_is_an_error_of_the_exercise(course, capsys):
    test = course / "tests/assignments/unit/test_digits.py"
    test.write_text(TEST.replace("course_digits", "course_digts"))
    with pytest.raises(ValueError, match="ours: course_digits"):
        cli.main(["grade", NAME])


@pytest.mark.usefixtures("no_sandboxes")
def test_data_closed_to_the_spare_user(course, capsys, monkeypatch):
    monkeypatch.setattr(grade, "backend_in_force", lambda path: "uid")
    monkeypatch.setattr(grade.embedded, "prepare", lambda names, folder: None)
    (course / "data").mkdir(mode=0o700)
    os.chmod(course / "data", 0o700)
    assert cli.main(["grade", NAME]) == 2
    said = capsys.readouterr().err
    assert "is closed to other users: set COURSE_DATA" in said
