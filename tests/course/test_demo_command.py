"""The command `demo` as its users meet it, with demos that take no time."""

import os
import pty
import select
import signal
import subprocess
import sys

import pytest

from course import cli, demo
from course.catalog import Course

ROOT = Course().root
DEMO = '''"""A demo shows something."""
{imports}

def main(out):
    {body}
'''


@pytest.fixture
def course(tmp_path, monkeypatch):
    """Return a function that writes a demo with some body into a course."""
    folder = tmp_path / "course/units/unit"
    (folder / "demos").mkdir(parents=True)
    (folder / "README.md").write_text("# Unit\n")
    (tmp_path / "tensorflow.py").write_text("")  # imported first; these need none
    monkeypatch.setattr(demo, "Course", lambda: Course(tmp_path))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))

    def write(body, name="shows", imports="import sys, time"):
        text = DEMO.format(body=body, imports=imports)
        (folder / "demos" / f"{name}.py").write_text(text)
        return tmp_path

    return write


def test_list(capsys):
    assert cli.main(["demo"]) == 0
    said = capsys.readouterr().out
    name = "vision/classification/residual_depth"
    assert f"  {name}\n      Degradation: deeper plain networks train worse" in said


@pytest.mark.parametrize(
    "argv, said",
    [
        (["residual_dept"], "did you mean vision/classification/residual_depth?"),
        (["qqq"], "there is no demo qqq: see python -m course demo"),
        (["residual_depth", "--out", "x.jpg"], "ends in .png, got x.jpg"),
        (
            ["residual_depth", "--out", "/dev/null/x.png"],
            "cannot be written (",
        ),
    ],
)
def test_wrong_usage(argv, said, capsys):
    assert cli.main(["demo", *argv]) == 2
    assert said in capsys.readouterr().err


def test_runs_and_writes_where_it_is_told(course, capfd):
    root = course("open(out, 'w').write('a figure'); print('accuracy 97.0 %')")
    out = root / "mine.png"
    assert cli.main(["demo", "shows", "--out", str(out)]) == 0
    said = capfd.readouterr()
    assert said.out == "accuracy 97.0 %\n" and said.err == ""
    assert out.read_text() == "a figure"


def test_the_page_keeps_its_figure_unless_it_is_renewed(course, capfd):
    root = course("print(out)")
    assert cli.main(["demo", "unit/shows"]) == 0
    assert cli.main(["demo", "unit/shows", "--write"]) == 0
    page = root / "course/units/unit/figures/shows.png"
    told = [str(root / ".course/figures/shows.png"), str(page)]
    assert capfd.readouterr().out.splitlines() == told


def test_missing_data_is_a_sentence(course, capfd):
    root = course("from course.data.load import load; load('mnist')")
    (root / "tensorflow.py").unlink()
    assert cli.main(["demo", "shows"]) == 1
    said = capfd.readouterr().err.splitlines()
    assert said[-1].startswith("course: data set 'mnist' is not on this computer: set")
    assert not any("Traceback" in line for line in said)


def test_interrupted(course):
    root = course("print('begun', flush=True); time.sleep(60)")
    path = root / "course/units/unit/demos/shows.py"
    code = f"from course import demo; demo.run({str(path)!r}, 'x.png', '.', False)"
    child = subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=root,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    child.stdout.readline()
    os.killpg(child.pid, signal.SIGINT)
    _, said = child.communicate(timeout=30)
    assert said == "course: stopped\n"


BAR = """
import keras, numpy as np
from course.bar import Bar
bar = Bar(5)
model = keras.Sequential([keras.layers.Dense(1)])
model.compile("sgd", "mse")
model.fit(np.ones((8, 1)), np.ones(8), 2, 4, verbose=0, callbacks=[bar])
bar.step()
print("done", bar.done)
"""


def test_bar_shows_in_a_terminal_and_nowhere_else():
    quiet = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "TERM": "xterm"}
    run = {"cwd": ROOT, "env": quiet, "stdout": subprocess.PIPE}
    ours, theirs = pty.openpty()
    command = [sys.executable, "-c", BAR]
    said = b""
    with subprocess.Popen(command, stderr=theirs, **run) as shown:
        while shown.poll() is None or select.select([ours], [], [], 0.2)[0]:
            if select.select([ours], [], [], 0.2)[0]:
                said += os.read(ours, 1 << 16)
        assert shown.stdout.read() == b"done 5\n"
    os.close(ours), os.close(theirs)
    assert b"of 5" in said and b"\x1b[?25h" in said, said  # the cursor is back
    piped = subprocess.run(command, stderr=subprocess.PIPE, timeout=120, **run)
    assert piped.stdout == b"done 5\n" and b"of 5" not in piped.stderr
