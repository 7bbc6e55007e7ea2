"""What the notebooks of exercises can do: %grade, and cells that wait for full marks.

Loaded by the first cell of a notebook, with %load_ext course.magics.
"""

import ast
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from course.sandbox.source import blank_magics, lines

ROOT = Path(__file__).parents[1]


def load_ipython_extension(shell):
    """Give a notebook its magics, and TensorFlow less to say."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    if not shutil.which("nvidia-smi"):  # or it complains that there is no GPU
        os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
    done = set()

    def grade(line):
        """Grade an exercise on what the cells of this session have defined."""
        done.clear()
        name = line.strip().strip("'\"")
        if not name:
            print("Say which exercise: %grade vision/classification/channel_attention")
        elif run(name, inputs(shell)) == 0:
            done.add(True)

    def when_done(line, cell):
        """Run the cell if the last %grade gave full marks."""
        if done:
            shell.run_cell(cell)
        else:
            print("This cell waits until %grade gives full marks.")

    shell.register_magic_function(grade, "line", "grade")
    shell.register_magic_function(when_done, "cell", "when_done")


def inputs(shell):
    """Return the sources of the cells that this session has run, in order.

    Definitions that are no more, because their cell failed or they were deleted, are
    made comments, so that lines keep their numbers.
    """
    return [
        standing(text, shell.user_ns)
        for text in shell.history_manager.input_hist_raw[1:]
    ]


def standing(text, names):
    rows = blank_magics(lines(text))
    try:
        body = ast.parse("\n".join(rows)).body
    except (SyntaxError, ValueError):
        return text
    for node in body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and node.name not in names:
            first = min([node.lineno, *(d.lineno for d in node.decorator_list)])
            count = node.end_lineno - first + 1
            rows[first - 1 : node.end_lineno] = ["#"] * count
    return "\n".join(rows)


def run(exercise, sources):
    """Grade the session's cells as a notebook; print, and return the exit code."""
    cells = [{"cell_type": "code", "source": source} for source in sources]
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
