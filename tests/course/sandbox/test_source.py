"""A learner's file is read, or it is said in one sentence what is wrong with it."""

import json

import pytest

from course.sandbox import source

SOLVED = "def f(x):\n    return x + 1\n"
STUB = "def f(x):\n    # TODO: add\n    raise NotImplementedError\n"


def run(path, content):
    program = source.read(path, content)
    names = {}
    exec(program.code, names)
    return program, names


def notebook(*cells, kind="code"):
    cells = [{"cell_type": kind, "source": c.splitlines(keepends=True)} for c in cells]
    return json.dumps({"cells": cells, "nbformat": 4}).encode()


@pytest.mark.parametrize(
    "content, said",
    [
        (b"x = 1\ndef f(:\n", "line 2: Python cannot read this .*def f"),
        (b"\xff\xfe", "byte 0 of x.py is not UTF-8: save the file as UTF-8"),
        (b"x = '\0'", "cannot read"),
        (b"x = " + b"(" * 5000 + b")" * 5000, "Python cannot read"),
        (b"if True:\nx = 1", "line 2: Python cannot read this"),
        (b"return 1", "line 1: Python cannot read this"),
    ],
)
def test_unreadable_files(content, said):
    with pytest.raises(source.Unusable, match=said):
        source.read("x.py", content)


def test_byte_order_mark_is_fine():
    _, names = run("x.py", b"\xef\xbb\xbf" + SOLVED.encode())
    assert names["f"](1) == 2


FORBIDDEN = (
    "ops.moments",
    "tf.nn.moments",
    "modules.vision.norm",
    "BatchNormalization",
)


@pytest.mark.parametrize(
    "code",
    [
        "import keras\nkeras.ops.moments(1)",
        "from keras import ops\nops.moments(1)",
        "from keras import ops as o\no.moments(1)",
        "from keras.ops import moments",
        "from keras.ops import moments as m",
        "from keras.ops import *\nmoments(1)",
        "import tensorflow as tf\ntf.nn.moments(1)",
        "import tensorflow\ntensorflow.nn.moments(1)",
        "from tensorflow.nn import moments",
        "import modules.vision.norm",
        "from modules.vision import norm",
        "from modules.vision.norm import Layer",
        "from keras import layers\nlayers.BatchNormalization()",
        "def f():\n    from keras import ops\n    return ops.moments",
    ],
)
def test_forbidden_names_are_refused(code):
    with pytest.raises(source.Refused, match=r"line \d uses .*, which this exercise"):
        source.read("x.py", code.encode(), FORBIDDEN)


@pytest.mark.parametrize(
    "code",
    [
        "from keras import ops\nops.mean(1)",
        "def moments(x):\n    return x\nmoments(1)",
        "import numpy as np\nnp.moments",
        "class A:\n    moments = 1\nA.moments",
        "# ops.moments\ntext = 'ops.moments'",
        "from modules.vision import normal",
    ],
)
def test_other_names_are_not(code):
    assert source.read("x.py", code.encode(), FORBIDDEN).text == code


def test_missing_name_suggests_the_nearest():
    program = source.read("x.py", b"def gate(x): pass\n")
    with pytest.raises(source.Missing, match=r"defines no gates \(is it your gate\?\)"):
        raise source.Missing("gates", program)


def test_changed_arguments_are_told():
    _, names = run("x.py", b"def gates(x): pass\n")
    with pytest.raises(source.Unusable, match=r"gates\(x\) cannot be called as"):
        source.check_call(names["gates"], [1, 2], {})
    source.check_call(names["gates"], [1], {})


NOTEBOOKS = {
    "plain": [SOLVED],
    "in two cells": ["import math\n", SOLVED],
    "magics": ["%matplotlib inline\n!pip install keras\n?print\n" + SOLVED],
    "timed cell": ["%%time\n" + SOLVED],
    "lambda": ["f = lambda x: x + 1"],
    "cell magic": ["%%time\nf = 5\n", SOLVED],
    "training around": [SOLVED, "history = open('/nowhere')\nprint(f(1))\nf(1)"],
    "stub above": [STUB, SOLVED],
    "stub below": [SOLVED, STUB],
    "twice": ["def f(x):\n    return x\n", SOLVED],
    "broken cell": ["this is not python", SOLVED],
    "empty cells": ["", "\n\n", SOLVED],
    "constant": [
        "ONE = 1\nunused = open('/nowhere')",
        "def f(x):\n    return x + ONE\n",
    ],
    "constant below": ["def f(x):\n    return x + ONE\n", "ONE = 1\n"],
    "import below": ["def f(x):\n    return int(math.exp(0)) + x\n", "import math"],
    "operators first": [
        "%matplotlib inline\ndef f(x):\n    y = (\n        x + 100\n        % 100\n"
        "    )\n    return y + (\n        x\n        != 2\n    )\n"
    ],
    "form feed": ["import math\n\x0c\ns = 'a\u2028b'\n" + SOLVED],
    "carriage returns": ["import math\r\ndef f(x):\r\n    return x + 1\r\n"],
    "imports around it": [
        "import matplotlib.nothing, no_such_package\nfrom course.figures import save",
        "import os.path\nimport os, math as m",
        "def f(x):\n    return x + len(os.path.join('', 'a')) * int(m.exp(0))",
        "from __future__ import annotations",
    ],
    "locals called as scratch": [
        "x = open('/nowhere')\ny = input('what? ')\nmath = None",
        "ONE = 1\nTWO = ONE + 1",
        "def f(x, y=TWO):\n    def g():\n        return x - y\n"
        "    total = [y for y in (g(), 3)]\n    return sum(total) - x + ONE",
    ],
    "decorated": ["import functools\n@functools.cache\ndef f(x):\n    return x + 1\n"],
    "helper": ["def g(x):\n    return x + 1\n", "def f(x):\n    return g(x)\n"],
}


@pytest.mark.parametrize("cells", NOTEBOOKS.values(), ids=NOTEBOOKS)
def test_notebooks_give_their_definitions(cells):
    _, names = run("x.ipynb", notebook(*cells))
    assert names["f"](1) == 2


def test_markdown_cells_are_text():
    with pytest.raises(KeyError):
        run("x.ipynb", notebook(SOLVED, kind="markdown"))[1]["f"]


def test_notebook_lines_are_told_as_cells():
    program, _ = run(
        "x.ipynb", notebook("import math", "\n\ndef f(x):\n    return y\n")
    )
    line = program.text.splitlines().index("    return y") + 1
    assert program.where(line) == "cell 2, line 4"


def test_skipped_cells_are_told_when_a_name_is_missing():
    program = source.read("x.ipynb", notebook("x = 1", "def f(:"))
    with pytest.raises(source.Missing, match="cell 2 was left out"):
        raise source.Missing("f", program)


@pytest.mark.parametrize("content", [b"{}", b"[]", b"not json", b'{"cells": 3}'])
def test_what_is_no_notebook(content):
    with pytest.raises(source.Unusable, match="is not a notebook: save it again"):
        source.read("x.ipynb", content)
