"""The tree is the registry: order from links, names from paths."""

import pytest

from course.catalog import Course, NotFound


@pytest.fixture
def course(tmp_path):
    files = {
        "course/README.md": "[b](units/b/README.md) [a](units/a/deep/README.md)\n\n"
        "| unit | chapters |\n| a | [deep](units/a/deep/README.md) · wide sea |\n",
        "course/units/a/deep/README.md": "[y](../../../../assignments/a/deep/y.py)",
        "course/units/b/README.md": "x",
        "course/units/c/README.md": "not linked",
        "assignments/a/deep/x.py": '"""Exercise: ex.\n\nTime:  5 minutes\n"""',
        "assignments/a/deep/y.py": '"""Exercise: why."""',
        "assignments/b/x.py": '"""Exercise: other."""',
        "assignments/b/z_last.py": '"""Exercise: zed."""',
        "tests/assignments/a/deep/alternatives/x_1.py": "",
        "tests/assignments/a/deep/alternatives/x_more_1.py": "",
        "tests/assignments/a/deep/test_x.py": (
            "from course.grading import points\n\n"
            '@points(2.5)\ndef test_a(submission):\n    """first"""\n\n'
            "def helper():\n    pass\n\n"
            '@points(1, after="test_a", hidden=True)\n'
            'def test_b(submission):\n    """second\n\n    more"""\n'
        ),
    }
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return Course(tmp_path)


def test_order_is_that_of_the_links(course):
    assert course.chapters == ["b", "a/deep", "c"]
    names = [e.name for e in course.exercises]
    assert names == ["b/x", "b/z_last", "a/deep/y", "a/deep/x"]


def test_an_exercise_knows_its_files(course):
    exercise = course.exercise("a/deep/x")
    assert exercise.test.name == "test_x.py" and exercise.test.exists()
    assert [p.name for p in exercise.alternatives] == ["x_1.py"]
    assert exercise.record.as_posix().endswith("assignments/a/deep/.course/x.json")
    assert (exercise.title, exercise.field("Time")) == ("ex", "5 minutes")
    assert exercise.checks() == [
        ("test_a", "first", 2.5, False),
        ("test_b", "second", 1.0, True),
    ]


@pytest.mark.parametrize(
    "given", ["a/deep/y", "y", "deep/y", "a/deep/y.py", "a/deep/y/"]
)
def test_names_may_be_short(course, given):
    assert course.exercise(given).name == "a/deep/y"


def test_a_path_is_a_name(course, monkeypatch):
    path = course.root / "assignments/b/x.py"
    assert course.exercise(str(path)).name == "b/x"
    monkeypatch.chdir(course.root)
    assert course.exercise("assignments/b/x.py").name == "b/x"


def test_what_is_not_found_or_not_clear_is_said(course):
    with pytest.raises(NotFound, match="is the name of b/x and a/deep/x: say which"):
        course.exercise("x")
    with pytest.raises(NotFound, match=r"did you mean b/z_last\?"):
        course.exercise("z_lost")
    with pytest.raises(NotFound, match="see python -m course list"):
        course.exercise("quite different")
    with pytest.raises(NotFound, match="there is no chapter"):
        course.chapter("nothing")
    assert course.chapter("deep") == "a/deep"


def test_units_lead_to_their_chapters(course):
    assert course.chapter("a") == "a/deep"
    (course.root / "course/units/a/high").mkdir()
    (course.root / "course/units/a/high/README.md").write_text("x")
    with pytest.raises(NotFound, match="a has a/deep, a/high: say which"):
        Course(course.root).chapter("a")
    for planned in ("wide sea", "a/wide_sea"):
        with pytest.raises(NotFound, match="is planned and not yet here"):
            course.chapter(planned)


@pytest.mark.parametrize("given", ["zlast", "z-last", "last", "Z_LAST"])
def test_parts_of_names_are_suggestions(course, given):
    with pytest.raises(NotFound, match=r"did you mean b/z_last\?"):
        course.exercise(given)
