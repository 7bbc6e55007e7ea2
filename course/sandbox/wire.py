"""The wire between judge and sandbox: a bounded codec for plain data.

A frame is 12 bytes (header length, body length), a JSON header and the raw
little-endian buffers of its arrays. Every size is checked before anything is
allocated. Nothing here can execute what the other side sent: no pickle, no npz,
no Keras deserialisation.
"""

import json
import math
import struct
import time

import numpy as np

HEADER_MAX = 1 << 20  # bytes of JSON
BODY_MAX = 64 << 20  # bytes of arrays
DEPTH_MAX = 16
RANK_MAX = 8
DTYPES = {
    f"{kind}{size}"
    for kind, sizes in {"i": (1, 2, 4, 8), "u": (1, 2, 4, 8), "f": (2, 4, 8)}.items()
    for size in sizes
} | {"b1", "c8", "c16"}
_LENGTHS = struct.Struct("<IQ")


class BrokenFrame(Exception):
    """The other side sent something that is not a frame within the bounds."""


class Handle:
    """A name for an object that stays in the sandbox."""

    def __init__(self, number, type_name):
        self.number, self.type_name = number, type_name


class Callback:
    """A name for a function that stays with the judge."""

    def __init__(self, number):
        self.number = number


def encode(value, other=None):
    """Return the bytes of one frame.

    Args:
        value: plain data, arrays, `Handle` and `Callback`, nested.
        other: function that turns anything else into one of those.

    Raises:
        ValueError: the value is too deep or too large for a frame.
    """
    buffers = []
    tree = _pack(value, other, buffers, 0)
    described = [[a.dtype.str[1:], list(a.shape)] for a in buffers]
    header = json.dumps({"value": tree, "buffers": described}, allow_nan=False)
    header = header.encode()
    body = b"".join(a.tobytes() for a in buffers)
    if len(header) > HEADER_MAX or len(body) > BODY_MAX:
        raise ValueError(f"a value of {len(header) + len(body)} bytes is too large")
    return _LENGTHS.pack(len(header), len(body)) + header + body


def _pack(value, other, buffers, depth):
    if depth > DEPTH_MAX:
        raise ValueError(f"a value is nested more than {DEPTH_MAX} deep")
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, int):
        return int(value) if abs(value) < 2**63 else {"float": repr(float(value))}
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else {"float": repr(float(value))}
    if isinstance(value, (list, tuple)):
        items = [_pack(item, other, buffers, depth + 1) for item in value]
        return items if isinstance(value, list) else {"tuple": items}
    if isinstance(value, dict) and all(type(k) in (str, int) for k in value):
        pairs = value.items()
        return {"dict": [[k, _pack(v, other, buffers, depth + 1)] for k, v in pairs]}
    if isinstance(value, Handle):
        return {"handle": value.number, "type": value.type_name}
    if isinstance(value, Callback):
        return {"callback": value.number}
    if isinstance(value, (np.ndarray, np.generic)) and value.dtype.str[1:] in DTYPES:
        array = np.array(value, subok=False)  # the bytes, whatever a subclass claims
        buffers.append(array.astype(array.dtype.newbyteorder("<"), copy=False))
        return {"array": len(buffers) - 1}
    if other is None:
        raise ValueError(f"a {type(value).__name__} cannot cross the wire")
    return _pack(other(value), other, buffers, depth + 1)


def decode(header, body):
    """Return the value of one frame.

    Raises:
        BrokenFrame: it is not what `encode` makes.
    """
    try:
        document = json.loads(header)
        arrays = _arrays(document["buffers"], body)
        return _unpack(document["value"], arrays, 0)
    except (LookupError, TypeError, ValueError, ArithmeticError, RecursionError) as e:
        raise BrokenFrame(f"{type(e).__name__}: {str(e)[:80]}") from None


def _arrays(described, body):
    plan, offset = [], 0
    for dtype, shape in described:
        if dtype not in DTYPES or len(shape) > RANK_MAX:
            raise ValueError(f"dtype {dtype!r} or rank {len(shape)} is not allowed")
        if not all(type(n) is int and 0 <= n <= BODY_MAX for n in shape):
            raise ValueError(f"shape {shape} is not allowed")
        dtype = np.dtype("<" + dtype)
        size = math.prod(shape) * dtype.itemsize
        plan.append((dtype, shape, offset, size))
        offset += size
    if offset != len(body):
        raise ValueError(f"{len(body)} bytes came, {offset} were announced")
    view = memoryview(body)
    return [
        np.frombuffer(view[start : start + size], dtype).reshape(shape).copy()
        for dtype, shape, start, size in plan
    ]


def _unpack(tree, arrays, depth):
    if depth > DEPTH_MAX:
        raise ValueError("nested too deep")

    def inner(item):
        return _unpack(item, arrays, depth + 1)

    if isinstance(tree, str):
        return tree.encode("utf-8", "replace").decode()  # no half of a pair
    if isinstance(tree, list):
        return [inner(item) for item in tree]
    if not isinstance(tree, dict):
        if isinstance(tree, int) and abs(tree) >= 2**63:
            raise ValueError("an integer of more than 64 bits")
        return tree
    (tag, content), *rest = tree.items()
    if tag == "tuple" and isinstance(content, list):
        return tuple(inner(item) for item in content)
    if tag == "dict":
        pairs = {inner(k): inner(v) for k, v in content}
        if len(pairs) != len(content) or any(type(k) not in (str, int) for k in pairs):
            raise ValueError("keys must be strings or integers, each once")
        return pairs
    if tag == "array" and type(content) is int and content >= 0:
        return arrays[content]
    if tag == "float":
        return float(content)
    if tag == "handle" and type(content) is int:
        return Handle(content, str(dict(rest)["type"])[:80])
    if tag == "callback" and type(content) is int:
        return Callback(content)
    raise ValueError(f"unknown tag {tag[:20]!r}")


def send(connection, value, other=None):
    """Write one frame to a socket."""
    connection.sendall(encode(value, other))


def receive(connection, deadline=None):
    """Read one frame from a socket.

    Args:
        connection: a stream socket.
        deadline: `time.monotonic()` value after which to give up.

    Raises:
        EOFError: the other side is gone.
        TimeoutError: the deadline has passed.
        BrokenFrame: what came is no frame.
    """
    lengths = _LENGTHS.unpack(_exactly(connection, _LENGTHS.size, deadline))
    if lengths[0] > HEADER_MAX or lengths[1] > BODY_MAX:
        raise BrokenFrame(f"a frame of {sum(lengths)} bytes was announced")
    header = _exactly(connection, lengths[0], deadline)
    return decode(header, _exactly(connection, lengths[1], deadline))


def _exactly(connection, size, deadline):
    data = bytearray()
    while len(data) < size:
        if deadline is not None:
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError
            connection.settimeout(left)
        part = connection.recv(min(size - len(data), 1 << 20))
        if not part:
            raise EOFError
        data += part
    return bytes(data)
