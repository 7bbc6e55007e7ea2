"""Every example that a reader sees does what it says; and a wrong one is seen."""

import sys

import pytest

from course import examples

ROOT = examples.ROOT


@pytest.mark.filterwarnings("default")  # examples need not be free of warnings
@pytest.mark.parametrize(
    "path", examples.subjects(), ids=lambda p: p.relative_to(ROOT).as_posix()
)
def test_examples(path):
    assert list(examples.failures(path)) == []


def test_a_wrong_snippet_is_seen(tmp_path, monkeypatch):
    monkeypatch.setattr(examples, "ROOT", tmp_path)
    path = tmp_path / "README.md"
    path.write_text(
        "# One\n\n```python\nx = 1\n```\n\n```python\nassert x == 1\n"
        "assert x == 2\n```\n\n```text\nnot python\n```\n"
    )
    said = list(examples.failures(path))
    assert len(said) == 1 and said[0].startswith("README.md:9: AssertionError")


def test_a_wrong_doctest_is_seen(tmp_path, monkeypatch):
    monkeypatch.setattr(examples, "ROOT", tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    path = tmp_path / "wrong_example_of_a_doctest.py"
    path.write_text('"""Wrong.\n\n>>> 1 + 1\n3\n"""\n')
    assert "Expected: 3 Got: 2" in next(examples.failures(path))
    sys.modules.pop(path.stem)
