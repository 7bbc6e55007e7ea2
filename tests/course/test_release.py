"""The students' copy: everything that a learner needs, and no answer."""

import ast
import json
import os
import re
import subprocess
import sys

import pytest

from course import catalog, cli
from course.catalog import ROOT, Course
from course.releasing import tree

COURSE = Course()
NAME = "vision/classification/batch_norm_backward"
HIDDEN = "test_constant_channel"


@pytest.fixture(scope="module")
def released(tmp_path_factory):
    out = tmp_path_factory.mktemp("release") / "course"
    assert cli.main(["release", "--out", str(out)]) == 0
    return out


def run(released, *argv, code=0):
    """Run a command of the released course, and return what it printed."""
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    environment["COURSE_PROGRESS"] = str(released / "progress.json")
    found = subprocess.run(
        [sys.executable, "-m", "course", *argv],
        cwd=released,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert found.returncode == code, found.stderr
    assert "Traceback" not in found.stderr
    return found.stdout + found.stderr


def test_no_answers(released):
    """No solution, no mistake's source, no hidden check, not a line of either."""
    files = {p: p.read_text("utf-8") for p in released.rglob("*") if p.suffix == ".py"}
    assert not (released / "solutions").exists()
    assert not [p for p in files if "alternatives" in p.parts or "samples" in p.parts]
    for exercise in COURSE.exercises:
        name = exercise.assignment.relative_to(ROOT)
        record = json.loads(exercise.record.read_text("utf-8"))
        assert files[released / name] == record["stub"]
    told = "".join(text for path, text in files.items() if "tests" in path.parts)
    assert HIDDEN not in told and "hidden=True" not in told


def test_records_keep_what_names_mistakes_and_nothing_of_hidden_checks(released):
    exercise = catalog.Course(released).exercise(NAME)
    record = json.loads(exercise.record.read_text("utf-8"))
    full = json.loads(COURSE.exercise(NAME).record.read_text("utf-8"))
    assert HIDDEN in full["checks"] and HIDDEN not in record["checks"]
    assert len(record["checks"]) == len(full["checks"]) - 1
    assert record["hints"] == full["hints"]


def test_hidden_checks_are_counted(released):
    exercise = catalog.Course(released).exercise(NAME)
    assert "HIDDEN = (1, 1.0)" in exercise.test.read_text("utf-8")
    out = run(released, "grade", NAME, code=1)
    assert "1 more check, worth 1, your instructor runs" in out and "0 of 14" in out


def test_what_only_hidden_checks_use_goes_with_them(tmp_path):
    exercise = catalog.Exercise(tmp_path, "unit/x")
    exercise.test.parent.mkdir(parents=True)
    text = """import numpy as np
KNOWN = 3
ANSWER = 42

def deep():
    return ANSWER

def oracle(x):
    return deep() * x

def common(x):
    return x + KNOWN

@points(1)
def test_a(submission):
    close(submission.f(1), common(1))

@points(2, hidden=True)
def test_b(submission):
    close(submission.f(np.zeros(3)), oracle(2) + common(2))
"""
    exercise.test.write_text(text)
    found = tree.without(text, exercise)
    names = {getattr(n, "name", None) for n in ast.parse(found).body}
    assert {"common", "test_a"} <= names and not names & {"oracle", "deep", "test_b"}
    assert "ANSWER" not in found and "42" not in found and "HIDDEN = (1, 2.0)" in found
    other = text.replace(
        "@points(2, hidden=True)", "# it is 42\n@points(2, None, True)"
    )
    exercise.test.write_text(other)
    assert [c[3] for c in exercise.checks()] == [False, True]
    assert "42" not in tree.without(other, exercise)
    waits = text.replace("@points(1)", '@points(1, after="test_b")')
    with pytest.raises(
        tree.UsageError, match="test_a waits for test_b, which is hidden"
    ):
        tree.without(waits, exercise)


def test_every_learners_command_works(released):
    assert f"{len(COURSE.exercises)} exercises" in run(released)
    assert NAME.rpartition("/")[2] in run(released, "list")
    assert "Batch" in run(released, "show", "vision/classification")
    assert "squeeze_excite.py" in run(released, "where", "squeeze")
    assert run(released, "hint", NAME)
    assert "learning" in run(released, "demo")
    assert "isolation" in run(released, "doctor")
    notebook = released / "mine.ipynb"
    assert run(released, "notebook", NAME, "--out", str(notebook))
    assert json.loads(notebook.read_text("utf-8"))["nbformat"] == 4
    path = released / "assignments" / f"{NAME}.py"
    stub = path.read_text("utf-8")
    path.write_text(COURSE.exercise(NAME).solution.read_text("utf-8"))
    assert "14 of 14 points" in run(released, "grade", NAME)
    mistaken = path.read_text("utf-8").replace("gamma * ", "")
    path.write_text(mistaken)
    run(released, "grade", NAME, code=1)
    assert run(released, "reset", NAME) and path.read_text("utf-8") == stub
    more = {"release": ["--out", "x"], "package": ["--exercise", NAME]}
    for command in ("check", "stubs", "release", "package"):
        out = run(released, command, *more.get(command, []), code=2)
        assert "this is a students' copy" in out


def test_no_dead_links(released):
    for page in released.rglob("*.md"):
        text = re.sub(r"```.*?```", "", page.read_text("utf-8"), flags=re.S)
        for link in re.findall(r"\]\(([^)#\s]+)", text):
            if not link.startswith(("http", "mailto")):
                assert (page.parent / link).exists(), f"{page}: {link}"


def test_a_release_is_made_anew_and_nothing_else(released, tmp_path, capsys):
    (tmp_path / "mine.txt").write_text("…")
    assert cli.main(["release", "--out", str(tmp_path)]) == 2
    assert "is not empty and no release" in capsys.readouterr().err
    for name in (".git/HEAD", ".github/workflows/ci.yml", "syllabus.md"):
        (released / name).parent.mkdir(parents=True, exist_ok=True)
        (released / name).write_text("mine")
    (released / "modules/old.py").write_text("x = 1")  # of an earlier release
    mark = released / ".course-release"
    mark.write_text(json.dumps([*json.loads(mark.read_text()), "modules/old.py"]))
    link = tmp_path / "link"
    link.symlink_to(released)
    assert cli.main(["release", "--out", str(link)]) == 0
    assert not (released / "modules/old.py").exists()
    for name in (".git/HEAD", ".github/workflows/ci.yml", "syllabus.md"):
        assert (released / name).read_text() == "mine"


def test_a_release_into_a_new_repository(tmp_path):
    (tmp_path / ".git").mkdir()
    assert cli.main(["release", "--out", str(tmp_path)]) == 0
    top = {path.name for path in tmp_path.iterdir()}
    assert not top & {"run_autograder.gradescope", "setup.sh.gradescope"}


def test_nothing_is_released_with_an_answer_in_it(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(tree, "without", lambda text, exercise: text)
    assert cli.main(["release", "--out", str(tmp_path / "out")]) == 2
    assert "nothing is released: " in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
