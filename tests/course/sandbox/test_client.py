"""The warm process: kept, found again, replaced, ended; and the spare one."""

import os
import time

import numpy as np
import pytest

from course.grading import fit, gradient, keep, raises, reload, symbolic
from course.sandbox import client, session
from course.sandbox.session import Gone, Raised, Unusable

SUBMISSION = (
    "mine.py",
    b"""
import keras
from keras import layers, ops

RATE = 0.5
calls = []

def double(x):
    return 2 * x

def kind(x):
    return type(x).__name__ + " " + getattr(getattr(x, "dtype", None), "name", "")

def dtype(x):
    return str(x.dtype)

def apply(f, x):
    return f(x)

def many(f, n):
    for i in range(n):
        f(i)
    return n

def everything():
    return {"a": [1, 2.5, None, True, "text"], 3: (ops.ones((2, 3)),)}

def noise():
    return keras.random.normal((3,))

def model(units):
    model = keras.Sequential([layers.Input((2,)), layers.Dense(units)])
    model.compile("sgd", "mse")
    return model

class Counting(layers.Dense):
    def call(self, x):
        calls.append(1)
        return super().call(x)

def counting(*inputs):
    model = keras.Sequential([*map(layers.Input, inputs), Counting(1)])
    model.compile("adam", "mse", jit_compile=False)
    calls.clear()
    return model

def strange():
    return object()

def fail():
    raise KeyError("nothing")

def todo():
    raise NotImplementedError

def say(text):
    print(text)
""",
)


@pytest.fixture(scope="module")
def opened(sandboxes):
    with client.sandbox(sandboxes, SUBMISSION) as found:
        yield found


@pytest.fixture
def mine(opened):
    opened.start("a check", 7, 20)
    return opened.root


def test_floats_and_integers_arrive_narrow_and_as_tensors(mine):
    x = np.arange(3)
    assert "Tensor" in mine.kind(x)
    assert mine.dtype(x) == "<dtype: 'int32'>"
    assert mine.dtype(x / 2) == "<dtype: 'float32'>"
    assert mine.dtype(keep(x / 2)) == "<dtype: 'float64'>"
    assert mine.dtype(x > 1) == "<dtype: 'bool'>"
    assert mine.kind(2).startswith("int") and mine.kind(np.float64(2)).startswith(
        "float"
    )


def test_plain_data_crosses_by_value(mine):
    got = mine.everything()
    assert got["a"] == [1, 2.5, None, True, "text"]
    assert isinstance(got[3], tuple) and got[3][0].tolist() == [[1, 1, 1], [1, 1, 1]]
    assert mine.RATE == 0.5


def test_objects_stay_as_handles(mine):
    model = mine.model(3)
    assert model.count_params() == 9
    assert [w.shape for w in model.weights] == [(2, 3), (3,)]
    assert model.layers[0].units == 3
    assert model.layers[0](np.ones((1, 2))).shape == (1, 3)
    assert mine.apply(model, np.ones((4, 2))).shape == (4, 3)
    assert isinstance(mine.strange(), session.Proxy)


def test_functions_of_the_judge_are_called_back(mine):
    seen = []

    def judge(x):
        seen.append(x)
        return x + 1

    assert mine.apply(judge, np.zeros(2)).tolist() == [1, 1]
    assert isinstance(seen[0], np.ndarray)
    assert mine.many(judge, 100) == 100 and len(seen) == 101


def test_too_many_callbacks_are_an_error(mine, monkeypatch):
    monkeypatch.setattr(session, "CALLBACKS_MAX", 50)
    mine._session.start("a check", 7, 20)
    with pytest.raises(Raised, match="more than 50 calls"):
        mine.many(lambda x: x, 51)


def test_exceptions_come_with_the_learners_line(mine):
    raised = raises("LookupError", mine.fail)
    assert raised.type == "KeyError" and raised.message == "'nothing'"
    code = 'raise KeyError("nothing")'
    before = SUBMISSION[1].decode().partition(code)[0]
    assert (raised.line, raised.text) == (f"line {before.count(chr(10)) + 1}", code)
    with pytest.raises(Raised) as caught:
        raises("NotImplementedError", mine.todo)
    assert caught.value.type == "NotImplementedError"


def test_every_check_starts_from_its_seed(opened):
    drawn = []
    for seed in (1, 1, 2):
        opened.start("a check", seed, 20)
        drawn.append(opened.root.noise().tolist())
    assert drawn[0] == drawn[1] != drawn[2]


def test_probes(mine):
    x = np.array([1.0, 2.0])
    assert gradient(mine.double, x).tolist() == [2, 2]
    assert gradient(mine.double, x, cotangent=np.array([1.0, 0.0])).tolist() == [2, 0]
    assert [g.tolist() for g in gradient(mine.double, x, wrt=(0,))] == [[2, 2]]
    assert symbolic(mine.double, (None, 3)) == (None, 3)
    model = mine.model(1)
    y = np.array([[1.0], [2.0]])
    losses = fit(model, np.eye(2), y, 30)
    assert len(losses) == 30 and losses[-1] < losses[0]
    got = reload(model, np.eye(2))
    np.testing.assert_allclose(got, model(np.eye(2)), rtol=1e-6)


def test_a_training_step_is_traced_once(mine):
    x, y = np.eye(2), np.ones((2, 1))
    fit(mine.counting([2]), x, y, 3)
    assert len(mine.calls) == 1
    losses = fit(mine.counting(), x, y, 3)  # without weights before its first step
    assert losses[-1] < losses[0]


def test_observations_are_kept_for_the_diagnosis(opened):
    opened.start("a check", 7, 20)
    opened.root.double(np.ones(1))
    raises("KeyError", opened.root.fail)
    assert [(op, name) for op, name, _ in opened.observed] == [
        ("call", "double"),
        ("call", "fail"),
    ]


def test_what_a_learner_prints_is_kept(sandboxes):
    with client.sandbox(sandboxes, SUBMISSION) as found:
        found.root.say("hello from me")
    assert found.link.printed == "hello from me\n"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder of sockets of our own; what it starts is ended."""
    private = tmp_path / "r"
    private.mkdir(mode=0o700)
    monkeypatch.setenv("COURSE_RUN_DIR", str(private))
    yield private
    for pid_file in private.glob("*.pid"):
        client.stop(pid_file)


def gone(path):
    for _ in range(100):
        if not client.listening(path):
            return True
        time.sleep(0.05)
    return False


def answer(path):
    with client.sandbox(path, SUBMISSION) as found:
        return found.root.double(1.5)


def test_warm_is_kept_replaced_and_ended(folder, monkeypatch):
    first = client.warm()
    assert answer(first) == 3.0
    pid = int((folder / f"{first.name}.pid").read_text())
    assert client.warm() == first
    assert int((folder / f"{first.name}.pid").read_text()) == pid
    real = client.fingerprint
    monkeypatch.setattr(client, "fingerprint", lambda name: real(name)[::-1])
    second = client.warm(idle=1.0)
    assert second != first and gone(first)
    assert answer(second) == 3.0
    assert gone(second)  # it ends itself after an idle second


def test_fingerprint_sees_the_library_change(tmp_path, monkeypatch):
    for name in ("course/sandbox", "modules"):
        (tmp_path / name).mkdir(parents=True)
    file = tmp_path / "modules/x.py"
    file.write_text("x = 1")
    monkeypatch.setattr(client, "LIBRARY", tmp_path)
    seen = {client.fingerprint("auto"), client.fingerprint("process")}
    file.write_text("x = 22")
    seen.add(client.fingerprint("auto"))
    monkeypatch.setenv("COURSE_DATA", "/elsewhere")
    seen.add(client.fingerprint("auto"))
    assert len(seen) == 4


def test_a_dead_socket_is_replaced(folder):
    first = client.warm()
    pid_file = folder / f"{first.name}.pid"
    while not pid_file.read_text():  # it listens a moment before it says who it is
        time.sleep(0.01)
    os.kill(int(pid_file.read_text()), 9)
    assert gone(first) and first.exists()
    assert answer(client.warm()) == 3.0


def test_cold_leaves_nothing(folder):
    with client.cold() as path:
        assert answer(path) == 3.0
        assert any(folder.iterdir())
    assert gone(path) and list(folder.iterdir()) == []


def test_spare_process_where_forking_is_not_safe(folder):
    with client.cold(spare=True) as path:
        assert answer(path) == 3.0
        with client.sandbox(path, SUBMISSION) as found:
            assert found.link.info["isolation"]["backend"] == "process"
            found.root.say("hello")
            found.start("a check", 0, 0.5)
            with pytest.raises(Gone) as caught:
                found.root.many(lambda x: time.sleep(0.01), 10_000)
        assert caught.value.status == "timeout"
        assert answer(path) == 3.0


def test_no_sandbox_is_nobodys_fault(tmp_path):
    with pytest.raises(client.SandboxFault, match="run python -m course doctor"):
        client.Link(tmp_path / "nothing")


def test_a_large_file_is_refused(opened):
    with pytest.raises(Unusable, match="larger than 20 MB: remove its data"):
        client.load(opened, ("x.ipynb", bytes(21 << 20)))
