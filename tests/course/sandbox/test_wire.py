"""The codec carries plain data exactly, and refuses everything else in time."""

import json
import math
import socket
import struct
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from hypothesis.extra import numpy as some_numpy

from course.sandbox import wire


def parts(frame):
    size, _ = wire._LENGTHS.unpack(frame[:12])
    return frame[12 : 12 + size], frame[12 + size :]


def there_and_back(value):
    return wire.decode(*parts(wire.encode(value)))


def same(a, b):
    if isinstance(a, np.ndarray):
        return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()
    if isinstance(a, float) and math.isnan(a):
        return isinstance(b, float) and math.isnan(b)
    if isinstance(a, (list, tuple)):
        return type(a) is type(b) and len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict):
        return list(a) == list(b) and all(same(a[k], b[k]) for k in a)
    return type(a) is type(b) and a == b


ARRAYS = some_numpy.arrays(
    some.sampled_from(["?", "i1", "i4", "i8", "u2", "f2", "f4", "f8", "c8"]),
    some_numpy.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4),
)
LEAVES = (
    some.none()
    | some.booleans()
    | some.integers(-(2**62), 2**62)
    | some.floats()
    | some.text(max_size=20)
    | ARRAYS
)
VALUES = some.recursive(
    LEAVES,
    lambda inner: (
        some.lists(inner, max_size=4)
        | some.lists(inner, max_size=3).map(tuple)
        | some.dictionaries(
            some.text(max_size=5) | some.integers(0, 9), inner, max_size=3
        )
    ),
    max_leaves=12,
)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(VALUES)
def test_values_come_back_as_they_were(value):
    assert same(there_and_back(value), value)


@settings(max_examples=1000, deadline=None, derandomize=True)
@given(VALUES, some.data())
def test_damaged_frames_are_refused_or_read(value, data):
    """Whatever bytes come, the answer is a value or BrokenFrame."""
    header, body = parts(wire.encode(value))
    place = data.draw(some.integers(0, len(header) - 1))
    byte = data.draw(some.integers(0, 255))
    header = header[:place] + bytes([byte]) + header[place + 1 :]
    try:
        wire.decode(header, body)
    except wire.BrokenFrame:
        pass


class Liar(np.ndarray):
    def __eq__(self, other):
        return np.ones(self.shape, bool)

    def __array__(self, *args, **kwargs):
        return np.zeros(3)


def test_a_subclass_crosses_as_its_bytes():
    liar = np.arange(3.0).view(Liar)
    got = there_and_back(liar)
    assert type(got) is np.ndarray and got.tolist() == [0, 1, 2]


def test_half_a_character_is_replaced():
    """No later print or file can fail on it."""
    got = there_and_back({"a\ud800": ["b\udfff"]})
    assert got == {"a?": ["b?"]}


def test_what_stands_for_an_object_may_hold_objects():
    got = wire.decode(
        *parts(wire.encode({1, 2}, lambda value: [{3}] if 1 in value else 5))
    )
    assert got == [5]


def test_other_byte_order_and_strides_come_back_plain():
    array = np.arange(12, dtype=">i4").reshape(3, 4)[:, ::2]
    got = there_and_back(array)
    assert got.dtype == np.dtype("<i4") and got.tolist() == array.tolist()


@pytest.mark.parametrize(
    "value",
    [object(), {1.5: 2}, b"bytes", np.array(["text"]), np.array([object()])],
    ids=["object", "float key", "bytes", "strings", "objects"],
)
def test_what_is_no_plain_data_does_not_cross(value):
    with pytest.raises(ValueError, match="cannot cross the wire"):
        wire.encode(value)


def test_deep_and_large_values_do_not_cross():
    deep = []
    for _ in range(50):
        deep = [deep]
    with pytest.raises(ValueError, match="deep"):
        wire.encode(deep)
    with pytest.raises(ValueError, match="too large"):
        wire.encode(np.zeros(wire.BODY_MAX // 4, "f8"))


def document(value, buffers=()):
    return json.dumps({"value": value, "buffers": list(buffers)}).encode()


BROKEN = {
    "not json": (b"{", b""),
    "no object": (b"[]", b""),
    "unknown tag": (document({"code": "import os"}), b""),
    "no such array": (document({"array": 0}), b""),
    "negative array": (document({"array": -1}, [["f4", [1]]]), bytes(4)),
    "object dtype": (document({"array": 0}, [["O", [1]]]), bytes(8)),
    "structured": (document({"array": 0}, [["f4,f4", [1]]]), bytes(8)),
    "huge shape": (document({"array": 0}, [["f8", [2**40]]]), b""),
    "overflow": (document({"array": 0}, [["f8", [2**20, 2**20, 2**20]]]), b""),
    "negative shape": (document({"array": 0}, [["f8", [-1]]]), b""),
    "too many axes": (document({"array": 0}, [["f4", [1] * 9]]), bytes(4)),
    "short body": (document({"array": 0}, [["f4", [2]]]), bytes(4)),
    "long body": (document(1), bytes(4)),
    "deep": (b'{"buffers":[],"value":' + b"[" * 5000 + b"]" * 5000 + b"}", b""),
    "double key": (document({"dict": [["a", 1], ["a", 2]]}), b""),
    "list as key": (document({"dict": [[["a"], 1]]}), b""),
    "big integer": (document(2**80), b""),
    "long integer": (b'{"buffers":[],"value":' + b"9" * 5000 + b"}", b""),
}


@pytest.mark.parametrize("case", BROKEN, ids=str)
def test_broken_frames_are_refused(case):
    with pytest.raises(wire.BrokenFrame):
        wire.decode(*BROKEN[case])


def test_announced_sizes_are_checked_before_anything_is_read():
    here, there = socket.socketpair()
    with here, there:
        there.sendall(struct.pack("<IQ", 10, 1 << 50))
        with pytest.raises(wire.BrokenFrame, match="was announced"):
            wire.receive(here)


def test_silence_and_hanging_up():
    here, there = socket.socketpair()
    with here, there:
        there.sendall(b"\0\0")
        with pytest.raises(TimeoutError):
            wire.receive(here, time.monotonic() + 0.05)
    here, there = socket.socketpair()
    with here, there:
        there.sendall(b"\0\0")
        there.shutdown(socket.SHUT_WR)
        with pytest.raises(EOFError):
            wire.receive(here, time.monotonic() + 5)
