"""The command `watch`, in a terminal of its own, as a learner uses it."""

import os
import queue
import signal
import termios
import time

import pytest

from course.catalog import Course
from course.watch import waiting
from tests.course.terminal import ROOT, Terminal, copied

NAME = "vision/classification/channel_attention"
COUNT = len(Course().exercises)
SOLUTION = (ROOT / f"solutions/{NAME}.py").read_text()
STUB = (ROOT / f"assignments/{NAME}.py").read_text()
NO_SIGMOID = SOLUTION.replace("return ops.sigmoid(s[:, :, 0])", "return s[:, :, 0]", 1)


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return copied(tmp_path_factory.mktemp("home"))


@pytest.fixture
def watch(home):
    terminals = []

    def start(*argv):
        terminals.append(Terminal(home, "watch", *argv))
        return terminals[-1]

    yield start
    for terminal in terminals:
        terminal.process.kill()
        terminal.process.wait()
        os.close(terminal.ours), os.close(terminal.theirs)


def test_a_session(watch, home):
    mine = home / f"assignments/{NAME}.py"
    terminal = watch(NAME)
    said = terminal.wait("q quit")
    assert "0 of 6 points, 3 of 3 checks to go" in said
    assert said.count("todo") == 1 and f"0 of {COUNT} exercises done" in said

    fresh = mine.with_suffix(".new")  # as editors save: write aside, then rename
    fresh.write_text(NO_SIGMOID)
    fresh.replace(mine)
    said = terminal.wait("q quit")
    assert "A gate must lie in (0, 1)" in said and said.count("lost") == 1
    assert "2 of 6 points, 2 of 3 checks to go" in said

    terminal.press("h")
    assert terminal.wait(r"more for \w+|last one for \w+")
    terminal.press("l")
    assert f"{NAME} " in terminal.wait("Then: .*\n")

    mine.write_text(SOLUTION)
    said = terminal.wait("q quit")
    assert "6 of 6 points. All 3 checks are passed" in said
    assert f"1 of {COUNT} exercises done" in said

    terminal.press("n")
    said = terminal.wait("q quit")
    assert NAME not in said.splitlines()[0] and "to go" in said

    mine.write_text("def gates(:\n")  # another exercise's file: it becomes the current
    said = terminal.wait("q quit")
    assert f"{NAME}\n" in said and "cannot read this" in said
    mine.unlink()
    assert f"reset {NAME}" in terminal.wait("q quit")

    terminal.press("q")
    assert terminal.process.wait(10) == 0
    assert termios.tcgetattr(terminal.theirs) == terminal.before
    mine.write_text(STUB)


def test_of_many_saves_the_last_one_is_graded():
    events = queue.Queue()
    for event in [("saved", 1), ("key", "h"), ("saved", 2), ("saved", 3)]:
        events.put(event)
    assert waiting(events) == [("key", "h"), ("saved", 3)]
    assert events.empty()


def test_q_leaves_in_the_middle_of_a_grading(watch, home):
    mine = home / "assignments/vision/classification/receptive_fields.py"
    kept = mine.read_text()
    mine.write_text("while True:\n    pass\n")
    try:
        terminal = watch("receptive_fields")
        terminal.wait("grading")
        time.sleep(0.5)
        terminal.press("q")
        assert terminal.process.wait(5) == 0
        assert termios.tcgetattr(terminal.theirs) == terminal.before
    finally:
        mine.write_text(kept)


def test_interrupted(watch):
    terminal = watch("receptive_fields")
    terminal.wait("q quit")
    terminal.process.send_signal(signal.SIGINT)
    terminal.wait("stopped")
    terminal.process.wait(10)
    assert termios.tcgetattr(terminal.theirs) == terminal.before
