"""The grammar of a solution, and what is said where it is broken."""

import pytest

from course import stubs

SOLUTION = '''"""Exercise: x."""


def gates(x):
    """Statement."""
    # BEGIN SOLUTION average, squash
    # HINT average first
    if x:
        s = (x +
             1)
        # WRONG for i in range(2):
        # WRONG     s = i
        # WHY the loop
        # WHY goes on
    y = s
    # WRONG pass
    # WHY it is gone
    # HINT then squash
    return s
    # WRONG return 0
    # WHY nothing comes
    # WRONG return 1
    # WHY one comes
    # END SOLUTION


class Given:
    """Given."""

    def call(self):
        # BEGIN SOLUTION call it
        return 1
        # END SOLUTION
'''
STUB = '''"""Exercise: x."""


def gates(x):
    """Statement."""
    # TODO: average, squash
    raise NotImplementedError


class Given:
    """Given."""

    def call(self):
        # TODO: call it
        raise NotImplementedError
'''


def read(tmp_path, text):
    path = tmp_path / "x.py"
    path.write_text(text)
    return stubs.read(path)


def test_stub_and_hints(tmp_path):
    found = read(tmp_path, SOLUTION)
    assert found.stub == STUB
    assert found.hints == {"gates": ["average first", "then squash"]}


def test_mutants(tmp_path):
    mutants = read(tmp_path, SOLUTION).mutants
    whys = ["the loop goes on", "it is gone", "nothing comes", "one comes"]
    assert [m.why for m in mutants] == whys
    assert "        for i in range(2):\n            s = i\n    y = s" in mutants[0].text
    assert "(x +" not in mutants[0].text and "(x +" in mutants[1].text
    assert "1)\n    pass\n    return s" in mutants[1].text
    assert "    return 0\n" in mutants[2].text and "return s" not in mutants[2].text
    assert "return 0" not in mutants[3].text
    assert not any("WRONG" in m.text or "WHY" in m.text for m in mutants)


BODY = "def f():\n    # BEGIN SOLUTION do it\n    x = 1\n{}    # END SOLUTION\n"


@pytest.mark.parametrize(
    "text, line, said",
    [
        ("# BEGIN SOLUTION x\n# END SOLUTION\n", 1, "inside functions only"),
        ("def f():\n    # BEGIN SOLUTION\n    pass\n", 2, "needs a few words"),
        ("def f():\n    # BEGIN SOLUTION x\n    pass\n", 2, "without END SOLUTION"),
        ("def f():\n    pass\n    # END SOLUTION\n", 3, "outside a solution"),
        ("def f():\n    pass\n    # HINT x\n", 3, "HINT outside a solution"),
        (
            BODY.format("    # BEGIN SOLUTION x\n"),
            4,
            "a solution inside that of line 2",
        ),
        (BODY.format("    # WRONG x = 2\n"), 4, "a WRONG without its WHY"),
        (BODY.format("    # WHY x\n"), 4, "a WHY without its WRONG"),
        (BODY.format("    # WRONG x = (\n    # WHY y\n"), 4, "the file is no Python"),
        (BODY.format("    #WRONG x = 2\n"), 4, "looks like a mark, and is none"),
        (BODY.format("    # BEGIN SOL\n"), 4, "looks like a mark, and is none"),
        (BODY.format("        # WRONG x = 2\n        # WHY y\n"), 4, "own indentation"),
        (
            "def f():\n    # BEGIN SOLUTION x\n    # WRONG x\n    # WHY y\n    pass\n",
            3,
            "no statement above",
        ),
    ],
)
def test_broken_marks_name_file_and_line(tmp_path, text, line, said):
    with pytest.raises(stubs.MarkError, match=said) as caught:
        read(tmp_path, text)
    assert str(caught.value).startswith(f"{tmp_path / 'x.py'}:{line}: ")
