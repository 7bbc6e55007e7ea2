"""Negative controls of the generated sets: wrong models fail, right ones succeed."""

import importlib
import os
import subprocess
import sys

import pytest

from course.catalog import ROOT
from course.data.controls import __main__ as controls

README = (ROOT / "course/data/README.md").read_text("utf-8")


@pytest.fixture(scope="module")
def said():
    """What the command prints for all sets, run once as a reader runs it."""
    command = [sys.executable, "-m", "course.data.controls"]
    env = os.environ | {"CUDA_VISIBLE_DEVICES": "-1"}
    run = {"cwd": ROOT, "env": env, "capture_output": True, "text": True}
    return subprocess.run(command, **run, timeout=900).stdout


@pytest.mark.parametrize("name", controls.names())
def test_controls(name, said):
    _, _, after = said.partition(f"course_{name}, ")
    rows = after.partition("\ncourse_")[0].splitlines()[1:]
    assert len(rows) >= 2, said
    assert not [row for row in rows if row.startswith("!!")], rows


@pytest.mark.parametrize("name", controls.names())
def test_page_names_what_is_measured(name):
    bounds = importlib.import_module(f"course.data.controls.{name}").BOUNDS
    missing = [what for what in bounds if f"   {what}\n" not in README]
    assert not missing, f"course/data/README.md has no row for {missing}"
    assert all(low < high for low, high in bounds.values())


def test_a_wrong_number_is_marked(monkeypatch, capsys):
    rows = [("fine", 1.0, 0, 2), ("too good", 3.0, 0, 2)]
    monkeypatch.setattr(controls, "run", lambda name: rows)
    monkeypatch.setattr(controls, "names", lambda: ["one"])
    assert controls.main([]) == 1
    said = capsys.readouterr().out.splitlines()
    assert said[1].startswith("        1.0") and said[2].startswith("!!      3.0")


def test_unknown_control(capsys):
    assert controls.main(["zorb"]) == 2
    assert "no controls for 'zorb'; there are: " in capsys.readouterr().out
