"""A program in a terminal of its own, and a copy of the course to run it in."""

import os
import pty
import re
import select
import shutil
import subprocess
import sys
import termios
import time

from course.catalog import Course

ROOT = Course().root
PATIENCE = 60


class Terminal:
    """A program in a terminal: what it shows, and keys to press."""

    def __init__(self, home, *argv):
        self.ours, self.theirs = pty.openpty()
        env = {k: v for k, v in os.environ.items() if k != "COURSE_PROGRESS"}
        self.before = termios.tcgetattr(self.theirs)
        self.process = subprocess.Popen(
            [sys.executable, "-m", "course", *argv],
            cwd=home,
            env={**env, "TERM": "xterm"},
            stdin=self.theirs,
            stdout=self.theirs,
            stderr=self.theirs,
            start_new_session=True,
        )
        self.shown = ""

    def wait(self, pattern):
        """Return what is shown up to a pattern, and forget it."""
        deadline = time.monotonic() + PATIENCE
        while not (found := re.search(pattern, self.shown, re.S)):
            assert time.monotonic() < deadline, f"no {pattern!r} in {self.shown!r}"
            if select.select([self.ours], [], [], 0.5)[0]:
                self.shown += os.read(self.ours, 1 << 16).decode().replace("\r", "")
        said, self.shown = self.shown[: found.end()], self.shown[found.end() :]
        return said

    def press(self, key):
        os.write(self.ours, key.encode())


def copied(home):
    """Copy the learner's part of the course into a folder, and return it."""
    for name in ("course", "modules", "assignments", "tests/assignments"):
        ignored = shutil.ignore_patterns("__py*")
        shutil.copytree(ROOT / name, home / name, ignore=ignored)
    return home
