"""What the notebooks of exercises can do: %grade, and cells that wait for full marks.

Loaded by the first cell of a notebook, with %load_ext course.magics.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]


def load_ipython_extension(shell):
    """Give a notebook its magics, and TensorFlow less to say."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    if not shutil.which("nvidia-smi"):  # or it complains that there is no GPU
        os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
    done = set()

    def grade(line):
        """Grade an exercise on what the cells of this session have defined."""
        if run(line.split()[0], shell.user_ns["In"]) == 0:
            done.add(True)
        else:
            done.clear()

    def when_done(line, cell):
        """Run the cell if the last %grade gave full marks."""
        if done:
            shell.run_cell(cell).raise_error()
        else:
            print("This cell waits until %grade gives full marks.")

    shell.register_magic_function(grade, "line", "grade")
    shell.register_magic_function(when_done, "cell", "when_done")


def run(exercise, inputs):
    """Grade the session's inputs as a notebook; print, and return the exit code."""
    cells = [{"cell_type": "code", "source": source} for source in inputs[1:]]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "session.ipynb"
        path.write_text(json.dumps({"cells": cells}), "utf-8")
        command = ["-m", "course", "grade", exercise, "--submission", str(path)]
        child = subprocess.run(
            [sys.executable, *command],
            cwd=ROOT,
            env=os.environ | {"PYTHONIOENCODING": "utf-8"},
            capture_output=True,
            text=True,
            encoding="utf-8",
        )
    print(child.stdout + child.stderr, end="")
    return child.returncode
