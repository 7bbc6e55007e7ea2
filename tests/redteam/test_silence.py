"""Silence is failure: whatever kills a sandbox, and whatever it sends, is no pass."""

import random
import resource
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import psutil
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as some

from course.judge import GraderFault
from course.sandbox import client, wire
from course.sandbox.session import Gone, Proxy, Raised, Session, Unusable
from tests.redteam import attack

FRAMES, EACH = 10_000, 10  # mutated frames, of which so many come from one example
BLOAT = 100 << 10  # kilobytes that the judge may grow
PLAIN = some.none() | some.booleans() | some.integers(-9, 9) | some.floats(-9, 9)
PLAIN |= some.text(max_size=9) | some.builds(np.zeros, some.integers(0, 9))
VALUES = some.recursive(
    PLAIN,
    lambda inner: (
        some.lists(inner, max_size=4)
        | some.dictionaries(some.text(max_size=4), inner, max_size=4)
    ),
    max_leaves=8,
)
RAISED = some.fixed_dictionaries(
    {"types": some.lists(some.text(max_size=9)), "message": some.text(max_size=99)},
    optional={
        "line": some.text(max_size=9) | some.none(),
        "text": some.text(max_size=9),
    },
)
UNUSABLE = some.fixed_dictionaries({"message": some.text(), "status": some.text()})
REPLIES = some.tuples(
    some.sampled_from(["value", "raised", "unusable", "callback", "passed", "ready"]),
    VALUES
    | RAISED
    | UNUSABLE
    | some.tuples(some.integers(-2, 3), some.lists(PLAIN, max_size=3)),
).map(list)


class Wire:
    """A link whose other end answers every question with the same bytes."""

    def __init__(self, answer):
        self.answer = answer

    def allow(self, seconds):
        pass

    def patience(self, seconds):
        return 0.2

    def exchange(self, frame, deadline):
        mine, other = socket.socketpair()
        with mine, other:
            other.sendall(self.answer[: 1 << 16])
            other.shutdown(socket.SHUT_WR)
            try:
                return wire.receive(mine, deadline)
            except wire.BrokenFrame as e:
                raise Gone("invalid", str(e)) from None
            except (TimeoutError, EOFError, OSError):
                raise Gone("crashed", "it has ended") from None

    def kill(self):
        pass


def mutated(frame, rng):
    """Return a frame with bytes flipped, cut out, doubled, or its lengths changed."""
    data = bytearray(frame)
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(len(data)) if data else 0
        match rng.randrange(5):
            case 0 if data:
                data[at] ^= 1 << rng.randrange(8)
            case 1:
                del data[at : at + rng.randrange(9)]
            case 2:
                data[at:at] = data[at : at + rng.randrange(9)]
            case 3 if len(data) >= 12:
                data[rng.randrange(12)] = rng.randrange(256)
            case 4:
                data[at:at] = rng.randbytes(rng.randrange(9))
    return bytes(data)


def test_ten_thousand_mutated_frames():
    """The judge gets a value, an error that it knows, or nothing; and does not grow."""
    seen = []
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    # of each kind one at least that mutation can leave whole, whatever is drawn
    @example(["value", [1.5, "text"]], 0)
    @example(["raised", {"types": ["ValueError"], "message": "no " * 30}], 0)
    @example(["unusable", {"message": "no " * 30, "status": "invalid"}], 0)
    @settings(max_examples=FRAMES // EACH, deadline=None, derandomize=True)
    @given(REPLIES, some.integers(0, 2**32))
    def hear(reply, seed):
        rng = random.Random(seed)
        frame = wire.encode(reply)
        for _ in range(EACH):
            session = Session(Wire(mutated(frame, rng)))
            session.functions.append(lambda *args: 1.0)
            started = time.monotonic()
            try:
                value = session.ask("call", "f", Proxy(session, 0, "f"), [], {})
                seen.append(type(value).__name__)
            except (Raised, Gone, Unusable) as e:
                seen.append(type(e).__name__)
            assert time.monotonic() - started < 5

    hear()
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert len(seen) >= FRAMES and grown < BLOAT
    assert {"Gone", "Raised", "Unusable"} < set(seen)  # and values among them


KILLS = 200
SLOW = """
import time

def scale(x, k):
    time.sleep(20)
    return k * x

def total(x):
    time.sleep(20)
    return float(x.numpy().sum())
"""


@pytest.fixture
def killer():
    """Kill processes below a warm process at random moments."""
    with client.cold() as path:
        with open(f"{path}.pid") as file:
            zygote = psutil.Process(int(file.read()))
        done, kills = threading.Event(), []

        def kill():
            rng = random.Random(0)
            while not done.is_set():
                time.sleep(rng.uniform(0.005, 0.05))
                victims = zygote.children(recursive=True)
                if victims:
                    try:
                        rng.choice(victims).kill()
                        kills.append(time.monotonic())
                    except psutil.NoSuchProcess:
                        pass

        thread = threading.Thread(target=kill)
        thread.start()
        yield path, kills
        done.set()
        thread.join()


def test_two_hundred_kills_are_no_pass(killer, tmp_path):
    """Of a file that would be right, had it lived: no check passes."""
    path, kills = killer
    target = attack.exercise(tmp_path)
    ends = []

    def grade(_):
        while len(kills) < KILLS:
            try:
                found = attack.graded(target, SLOW.encode(), path)
                ends.append(tuple(check["status"] for check in found["checks"]))
            except (client.SandboxFault, GraderFault):
                ends.append("the grader's fault")

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(grade, range(3)))
    assert len(kills) >= KILLS and len(ends) > 20
    told = {status for end in ends if isinstance(end, tuple) for status in end}
    assert told <= {"crashed", "timeout", "invalid"} and "crashed" in told
