"""Whole gradings of hostile files: a wrong answer earns nothing, whatever it does, and
neither the judge nor the next submission is harmed.
"""

import json
import os
import re
import textwrap
import time

import pytest

from course import catalog, cli, judge, judging
from course.sandbox import client

COURSE = catalog.Course()
NAME = "vision/classification/channel_attention"
EXERCISE = COURSE.exercise(NAME)
RIGHT = EXERCISE.solution.read_text("utf-8")


def graded(sandboxes, source, exercise=EXERCISE):
    found = judge.examine(
        exercise, ("x.py", source.encode()), "a seed", judging.opener(sandboxes)
    )
    json.dumps(found).encode()
    assert found["isolation"]["backend"] in ("namespaces", "uid", "landlock")
    return found


def statuses(found):
    return [check["status"] for check in found["checks"]]


def added(code):
    return RIGHT + "\n\n" + textwrap.dedent(code)


def gates(body):
    """Return the solution with another body of `gates`; `right` is the old one."""
    body = textwrap.indent(textwrap.dedent(body), "    ")
    return added(f"import os\nright = gates\ndef gates(x, kernel):\n{body}")


SEND = "from course.sandbox import wire\nimport numpy as np\nos.write(3, "
HOSTILE = {
    "exit": ("os._exit(0)", "crashed", r"ended in the middle .*exit code 0"),
    "exit as exception": ("raise SystemExit(0)", "crashed", "SystemExit"),
    "abort": ("os.abort()", "crashed", "ended in the middle .*signal"),
    "hang up": ("os.closerange(3, 64)", "crashed", "ended in the middle"),
    "forged answer": (
        SEND
        + "wire.encode(['value', np.ones((2, 8), 'f4')]))\nreturn right(x, kernel)",
        "failed",
        "16 of 16 values are wrong",
    ),
    "forged verdict": (SEND + "wire.encode(['passed', 3]))", "invalid", "no answer"),
    "forged callback": (
        SEND + "wire.encode(['callback', [10**9, []]]))",
        "invalid",
        "no answer",
    ),
    "overflow": (
        "import json, struct\n"
        "h = json.dumps({'value': {'float': 10**400}, 'buffers': []}).encode()\n"
        "os.write(3, struct.pack('<IQ', len(h), 0) + h)",
        "invalid",
        "cannot be read",
    ),
    "a long telling": (
        SEND + "wire.encode(['raised', {'types': ['E'], 'message': [[0] * 99] * 99,"
        "'line': '', 'text': ''}]))",
        "invalid",
        "no answer",
    ),
    "array as kind": (
        SEND + "wire.encode([np.zeros(0), 1]))",
        "invalid",
        "no answer",
    ),
    "noise": ("while True:\n    os.write(3, bytes(999))", "invalid", "cannot be read"),
    "subclass": (
        """
        import numpy as np
        class Liar(np.ndarray):
            __eq__ = __le__ = __lt__ = lambda self, other: np.ones(self.shape, bool)
            __sub__ = __rsub__ = __abs__ = lambda self, *_: np.zeros(self.shape)
        return np.full((2, 8), 0.5, "float32").view(Liar)
        """,
        "failed",
        "16 of 16 values are wrong",
    ),
    "object": (
        """
        class Equal:
            shape, dtype, size, ndim = (2, 8), "float32", 16, 2
            __eq__ = __le__ = __lt__ = lambda self, other: True
        return Equal()
        """,
        "failed",
        "got a gates, expected an array",
    ),
    "attributes": (
        """
        class Trap:
            def __getattr__(self, name):
                raise KeyError(name)
        return Trap()
        """,
        "invalid",
        "what you returned cannot be read: KeyError",
    ),
    "class lies": (
        "class A:\n    __class__ = float\nreturn A()",
        "invalid",
        "what you returned cannot be read",
    ),
    "inputs": (
        """
        for a in (x, kernel):
            a.numpy().setflags(write=True)
            a.numpy().fill(0)
        return ops.full((2, 8), 0.5)
        """,
        "failed",
        "16 of 16 values are wrong",
    ),
    "nan": ("return right(x, kernel) * float('nan')", "failed", "are not finite"),
    "scalar": ("return ops.mean(right(x, kernel))", "failed", r"shape \(\), expected"),
    "nothing": ("return None", "failed", "got None, expected an array"),
    "large": (
        "import numpy as np\nreturn np.zeros(60 << 20, 'b1')",
        "memory",
        "returned more than 16 MB",
    ),
    "one array many times": (
        "import numpy as np\nx = np.zeros(1 << 20, 'b1')\n"
        "frame = wire_frame(x)\nwhile frame:\n    frame = frame[os.write(3, frame):]",
        "memory",
        "returned more than 16 MB",
    ),
    "many keys": (
        "return {str(i): i for i in range(90_000)}",
        "invalid",
        "too large",
    ),
    "deep": (
        "x = []\nfor _ in range(99):\n    x = [x]\nreturn x",
        "invalid",
        "nested more than",
    ),
    "no text": (
        """
        class Mute(Exception):
            def __str__(self):
                raise self
        raise Mute
        """,
        "crashed",
        "Mute: its text cannot be had",
    ),
    "half a character": (r"raise ValueError('a \ud800')", "crashed", r"a \?"),
    "expected error": ("raise AssertionError", "crashed", "AssertionError"),
    "todo": ("raise NotImplementedError", "todo", ""),
    "memory": (
        "kept = []\nwhile True:\n    kept.append(bytearray(1 << 26))",
        "memory",
        "MemoryError",
    ),
    "shared memory": (
        "import mmap\nm = mmap.mmap(-1, 4 << 30)\n"
        "for i in range(0, 4 << 30, 4096):\n    m[i] = 1",
        "memory",
        "it took more than 1536 MB",
    ),
    "threads": (
        "import threading, time\nfor _ in range(999):\n"
        "    threading.Thread(target=time.sleep, args=(99,)).start()",
        "crashed",
        "can't start new thread",
    ),
}
FRAME = """
import json, struct
def wire_frame(x):
    value = {"value": ["value", [{"array": 0}] * 40_000], "buffers": [["b1", [x.size]]]}
    header = json.dumps(value).encode()
    return struct.pack("<IQ", len(header), x.size) + header + x.tobytes()
"""


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_answers(sandboxes, name):
    body, status, said = HOSTILE[name]
    found = graded(sandboxes, gates(body) + FRAME)
    kernel_size, wrong, network = found["checks"]
    assert statuses(found) == ["passed", status, "waiting"]
    assert found["score"] == kernel_size["score"] == 2.0 and wrong["score"] == 0.0
    assert re.search(said, wrong["message"]), wrong["message"]


@pytest.mark.parametrize(
    "code, status",
    [
        ("import os\nos._exit(0)", "crashed"),
        ("raise SystemExit(0)", "invalid"),
        ("raise KeyboardInterrupt", "invalid"),
        ("import time\ntime.sleep(99)", "timeout"),
        ("while True:\n    try:\n        x = 1\n    except:\n        pass", "timeout"),
        ("import modules.vision.classification.squeeze_excite", "refused"),
        ("x = " + "-" * 100_000 + "1", "invalid"),
    ],
)
def test_files_that_cannot_be_loaded(sandboxes, monkeypatch, code, status):
    """They are tried once, and the result is as full as any other."""
    monkeypatch.setattr(client.load, "__defaults__", ((), 0.5))
    started = time.monotonic()
    found = graded(sandboxes, added(code))
    assert statuses(found) == [status] * 3 and found["score"] == 0
    assert time.monotonic() - started < 2.8  # on the clock, 0.5 s are 1.5 s


def test_neighbours_are_not_harmed(sandboxes):
    right = ("x.py", RIGHT.encode())
    with client.sandbox(sandboxes, right) as neighbour:
        for name in ("memory", "threads", "noise"):
            graded(sandboxes, gates(HOSTILE[name][0]))
        neighbour.start("a check", 0, 10)
        assert neighbour.root.kernel_size(128) == 5
    assert graded(sandboxes, RIGHT)["score"] == 6.0


def test_what_was_printed_is_kept(sandboxes):
    assert graded(sandboxes, "print('here')\nraise ValueError")["printed"] == "here\n"


@pytest.mark.parametrize(
    "code",
    [
        "import numpy as np\nright = gates\n"
        "def gates(x, kernel): return np.asarray(right(x, kernel), 'float64')",
        "right = gates\ndef gates(x, kernel): return keras.Variable(right(x, kernel))",
        "import tensorflow as tf\nright = gates\n"
        "def gates(x, kernel): return tf.Variable(right(x, kernel))",
        "right, number = gates, kernel_size\nimport numpy as np\n"
        "def gates(x, kernel): return ops.cast(right(x, kernel), 'float64')\n"
        "def kernel_size(channels): return np.int64(number(channels))",
        "import functools\nimport tensorflow as tf\ngates = tf.function(gates)\n"
        "kernel_size = functools.cache(kernel_size)",
        "right = kernel_size\n"
        "def kernel_size(channels): return ops.convert_to_tensor(right(channels))",
    ],
)
def test_right_answers_in_other_idioms(sandboxes, code):
    assert statuses(graded(sandboxes, added(code)))[:2] == ["passed", "passed"]


TEST = """
import numpy as np
from course.grading import close, points

@points(1, seconds=0.5)
def test_first(submission):
    \"\"\"first\"\"\"
    {}

@points(1)
def test_second(submission):
    \"\"\"second\"\"\"
    close(submission.double(2.0), 4.0)
"""


@pytest.fixture
def tiny(sandboxes, tmp_path):
    """Grade a file on a check of one's own and on a neighbour of it."""

    def grade(test, source):
        exercise = catalog.Exercise(tmp_path, "tiny/one")
        exercise.test.parent.mkdir(parents=True)
        exercise.test.write_text(TEST.format(textwrap.indent(test, "    ").strip()))
        source += "\ndef double(x):\n    return 2 * x"
        first, second = graded(sandboxes, source, exercise)["checks"]
        assert second["status"] == "passed", second
        return first["status"], first["message"]

    return grade


def test_an_endless_loop_ends(tiny):
    loop = "while True:\n        try:\n            while True: pass\n"
    loop += "        except BaseException: pass"
    status, _ = tiny("submission.f()", f"def f():\n    {loop}")
    assert status == "timeout"


def test_an_endless_text_ends(tiny):
    error = "class E(Exception):\n    def __str__(self):\n        while True: pass"
    status, _ = tiny("submission.f()", f"{error}\ndef f():\n    raise E")
    assert status == "timeout"


def test_a_sleeper_is_woken(tiny):
    status, _ = tiny("submission.f()", "import time\ndef f():\n    time.sleep(99)")
    assert status == "timeout"


def test_a_number_that_makes_the_check_loop(tiny, monkeypatch):
    alarm = judge.alarm
    monkeypatch.setattr(judge, "alarm", lambda seconds: alarm(0.5))
    test = "for _ in range(submission.f()): pass"
    status, message = tiny(test, "def f(): return 10**12")
    assert status == "timeout" and "could not finish on what your file" in message


def test_a_number_that_makes_the_check_allocate(tiny):
    status, message = tiny("np.zeros(submission.f())", "def f(): return 10**15")
    assert status == "invalid" and "what your file returned" in message


def test_an_object_where_the_check_wants_data(tiny):
    """Whoever gave it is to blame, not the grader."""
    status, message = tiny("submission.f[0]", "def f(): return 1")
    assert status == "invalid" and "TypeError" in message


def test_a_callback_called_wrongly(tiny):
    """The learner reads it at the line of the call."""
    test = "close(submission.f(lambda x: 2 * x), 6.0)"
    status, message = tiny(test, "def f(g):\n    return g(3.0, 4.0)")
    assert status == "crashed" and "return g(3.0, 4.0)" in message


def test_a_callback_that_fails(tiny):
    """The check has failed, also if the submission does not care; the next goes on."""
    test = "def g(x): assert x > 5, 'x is small'\nsubmission.f(g)"
    source = "def f(g):\n    try:\n        g(3.0)\n    except Exception:\n        pass"
    assert tiny(test, source) == ("failed", "x is small")


def grade(path, *more):
    return cli.main(["grade", NAME, "--submission", str(path), *more])


def test_a_large_file_is_no_fault(sandboxes, tmp_path, capsys):
    path = tmp_path / "x.py"
    with path.open("wb") as file:
        file.truncate(6 << 30)  # takes no room on the disk
    assert grade(path) == cli.LOST
    said = " ".join(capsys.readouterr().out.split())
    assert "x.py is larger than 20 MB: remove its data" in said


def test_only_files_are_read(tmp_path, capsys):
    os.mkfifo(tmp_path / "fifo.py")
    (tmp_path / "zero.py").symlink_to("/dev/zero")
    for path in tmp_path.iterdir():
        assert grade(path) == cli.USAGE
        assert "is no .py or .ipynb file" in capsys.readouterr().err


def test_names_of_files_cannot_write_to_the_terminal(sandboxes, tmp_path, capsys):
    for student in ("ada", "e\x1b[31m\nbo"):
        path = tmp_path / student / f"{NAME}.py"
        path.parent.mkdir(parents=True)
        path.write_text("raise ValueError('\x1b[32m :x: [red]')")
        (tmp_path / student / "other.py").touch()
    assert grade(tmp_path) == cli.LOST
    said = capsys.readouterr()
    assert "\x1b" not in said.out + said.err
    assert "\nbo" not in said.out + said.err and ":x: [red]" in said.out


def test_numbers_of_numpy_as_keys(tiny):
    source = "import numpy as np\ndef f(): return {np.int64(3): np.float32(1.5)}"
    assert tiny("close(submission.f(), {3: 1.5})", source) == ("passed", "")
