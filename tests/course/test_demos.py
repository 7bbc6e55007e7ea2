"""Demos can be run, say what they show, and have left a small figure."""

import ast
import importlib
import struct

import pytest

from course.catalog import Course

ROOT = Course().root
DEMOS = sorted(ROOT.glob("course/units/**/demos/*.py"))
FIGURE_BYTES = 100_000


@pytest.mark.parametrize("path", DEMOS, ids=lambda p: p.stem)
def test_demo(path):
    tree = ast.parse(path.read_text("utf-8"))
    assert ast.get_docstring(tree).partition("\n")[0].endswith(".")
    name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
    demo = importlib.import_module(name)
    figure = demo.FIGURE
    assert figure == path.parents[1] / "figures" / f"{path.stem}.png"
    assert demo.main.__defaults__ == (figure,)
    readme = path.parents[1].joinpath("README.md").read_text("utf-8")
    chapter = path.parents[1].relative_to(ROOT / "course/units").as_posix()
    assert f"python -m course demo {chapter}/{path.stem}" in readme


@pytest.mark.parametrize("path", DEMOS, ids=lambda p: p.stem)
def test_figure(path):
    content = (path.parents[1] / "figures" / f"{path.stem}.png").read_bytes()
    assert content[:8] == b"\x89PNG\r\n\x1a\n" and len(content) < FIGURE_BYTES
    width, height = struct.unpack(">II", content[16:24])
    assert 500 <= width <= 2000 and 250 <= height <= 1200
