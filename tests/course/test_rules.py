"""The rules hold, and each one sees a breach made on purpose."""

import shutil

import pytest

from course import exercise_rules, rules
from course.catalog import Course

COURSE = Course()
QUICK = [rule for rule in rules.RULES if rule not in rules.SLOW]


@pytest.mark.parametrize("rule", QUICK, ids=lambda rule: rule.__name__)
def test_rule(rule):
    assert list(rule(COURSE)) == []


@pytest.mark.parametrize("exercise", COURSE.sources(), ids=lambda e: e.name)
def test_exercise(exercise, sandboxes):
    assert list(exercise_rules.breaches(exercise, sandboxes)) == []


MODULE = '''"""Adds one.

Source: arithmetic.
"""

import keras


@keras.saving.register_keras_serializable("unit")
class AddOne(keras.layers.Layer):
    """Add one.

    Shapes:
        x: any.
    """

    def call(self, x):
        return x + 1
'''
README = """# Unit

## Before you start

## Goals

## Often mis-stated

## Comparison

## Questions

## What lies beyond

[module](../../../modules/unit/add_one.py)
![a figure of one and of two](figures/one.png)
"""


@pytest.fixture
def house(tmp_path):
    """A small course in which the rules hold."""
    files = {
        "course/README.md": "[unit](units/unit/README.md)",
        "course/units/unit/README.md": README,
        "course/units/unit/figures/one.png": "",
        "course/units/unit/demos/one.py": '"""Shows one."""\n',
        "modules/unit/add_one.py": MODULE,
        "tests/modules/unit/test_add_one.py": '"""Tests."""\n',
    }
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    shutil.copy(COURSE.root / "pyproject.toml", tmp_path)
    return tmp_path


STRUCTURE = [
    rule for rule in QUICK if rule not in (rules.light_start, rules.exercise_headers)
]


def breaches(root):
    return [line for rule in STRUCTURE for line in rule(Course(root))]


def test_small_house_holds(house):
    assert breaches(house) == []


BROKEN = {  # a change: (file, text instead of text), and what must be said
    "no test": (
        "tests/modules/unit/test_add_one.py",
        None,
        "has no test: write tests/mod",
    ),
    "orphan test": ("tests/modules/unit/test_two.py", "", "tests nothing"),
    "orphan figure": ("course/units/unit/figures/two.png", "", "is not shown: link it"),
    "no demo": ("course/units/unit/demos/one.py", None, "has no demo: write"),
    "no figure": ("course/units/unit/demos/two.py", "", "has no figure: run it"),
    "dead link": (
        "course/README.md",
        "[unit](units/unit/README.md) [x](y.md)",
        "leads no",
    ),
    "unlinked": (
        "modules/unit/two.py",
        MODULE.replace("AddOne", "Two"),
        "does not link",
    ),
    "registered twice": ("modules/unit/two.py", MODULE, "is registered twice"),
    "no source": (
        "modules/unit/add_one.py",
        MODULE.replace("Source:", "From"),
        "name its",
    ),
    "no sentence": (
        "modules/unit/add_one.py",
        MODULE.replace("one.", "one", 1),
        "sentence",
    ),
    "no shapes": (
        "modules/unit/add_one.py",
        MODULE.replace("Shapes:", "See"),
        "no Shapes:",
    ),
    "package": (
        "modules/unit/add_one.py",
        MODULE.replace('"unit"', '"u"'),
        "in package",
    ),
    "skeleton": (
        "course/units/unit/README.md",
        README.replace("## Goals", "## Aims"),
        "there is no section '## Goals'",
    ),
    "alternative text": (
        "course/units/unit/README.md",
        README.replace("a figure of one and of two", "one"),
        "needs an alternative text",
    ),
    "import": (
        "modules/unit/add_one.py",
        MODULE.replace("import keras", "import course\nimport keras"),
        "imports course; modules may import",
    ),
    "tensorflow": (
        "modules/unit/add_one.py",
        MODULE.replace("import keras", "import keras\nimport tensorflow"),
        "say in a comment why",
    ),
    "tools": ("course/tool.py", "import modules.unit.add_one\n", "the tools never do"),
    "init": ("modules/unit/__init__.py", "x = 1\n", "has code"),
    "ruff": ("course/tool.py", "import os\n", "F401"),
    "format": ("course/tool.py", "x = {'a':1}\n", "would be reformatted"),
    "long file": ("modules/unit/add_one.py", MODULE + "x = 1\n" * 200, "second idea"),
    "long function": (
        "modules/unit/add_one.py",
        MODULE + "\n\ndef f():\n" + "    x = 1\n" * 26 + "    return x\n",
        "f has 28 lines",
    ),
    "stray stub": ("assignments/unit/x.py", '"""X."""\n', "has no solution: remove it"),
}


@pytest.mark.parametrize("change", BROKEN, ids=str)
def test_rule_sees(house, change):
    name, text, said = BROKEN[change]
    path = house / name
    if text is None:
        path.unlink()
    else:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    assert any(said in line for line in breaches(house)), breaches(house)


def test_light_start_sees_numpy(house):
    (house / "course/__init__.py").write_text("")
    (house / "course/cli.py").write_text("import numpy\ndef main(argv): pass\n")
    assert "numpy" in next(rules.light_start(Course(house)))


def test_exercise_header_rule(house):
    path = house / "assignments/unit/x.py"
    path.parent.mkdir(parents=True)
    path.write_text('"""Exercise: x.\n\nTime: 5 minutes\nGrade: grade unit/y\n"""\n')
    solution = house / "solutions/unit/x.py"
    solution.parent.mkdir(parents=True, exist_ok=True)
    marks = "# BEGIN SOLUTION x\n    # HINT a\n    # HINT b\n    return 1\n"
    solution.write_text(f'"""X."""\n\n\ndef f():\n    {marks}    # END SOLUTION\n')
    needs, hints, grade = rules.exercise_headers(Course(house))
    assert "no Needs:" in needs and "another exercise" in grade
    assert hints == "solutions/unit/x.py: give three HINTs or more"
