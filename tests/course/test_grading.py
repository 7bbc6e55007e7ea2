"""`close` sees what a naive comparison lets pass, and says it in few lines."""

import numpy as np
import pytest

from course.grading import close, difference, points, raises
from course.sandbox.session import Raised

WANT = np.arange(12.0).reshape(3, 4) / 7
RIGHT = WANT.astype("float32")


@pytest.mark.parametrize(
    "got, want",
    [
        (RIGHT, WANT),
        (RIGHT * np.float32(1 + 1e-6), WANT),
        (WANT.astype("float16") if False else RIGHT, WANT),
        (np.float32(0.5), 0.5),
        (1, 1.0),
        (np.array(3, "int32"), 3),
        ([RIGHT, 1], [WANT, 1]),
        ((RIGHT,), [WANT]),
        ({"a": RIGHT}, {"a": WANT}),
        (np.array([True, False]), np.array([True, False])),
        (np.array([np.inf, 1.0]), np.array([np.inf, 1.0])),
        (np.zeros(3, "f4") + 1e-7, np.zeros(3)),
        (np.array(True), True),
        ("text", "text"),
        (None, None),
    ],
)
def test_close_accepts(got, want):
    close(got, want)


@pytest.mark.parametrize(
    "got, want, said",
    [
        (None, WANT, r"got None, expected an array of shape \(3, 4\)"),
        (0.0, WANT, "got 0.0, expected an array"),
        (np.zeros((), "f4"), WANT, r"shape \(\), expected \(3, 4\)"),
        (RIGHT.T, WANT, r"shape \(4, 3\), expected \(3, 4\)"),
        (RIGHT[None], WANT, r"shape \(1, 3, 4\)"),
        (RIGHT.tolist(), WANT, "expected an array"),
        (np.zeros((3, 4), "int32"), WANT, "dtype int32, expected float"),
        (np.full((3, 4), np.nan), WANT, "12 of 12 values are not finite, the first at"),
        (
            np.zeros((3, 4), "f4"),
            WANT,
            r"11 of 12 values are wrong, the first at \[0, 1\]",
        ),
        (RIGHT + 1e-3, WANT, "values are wrong"),
        (np.zeros(3), np.full(3, 1e-8) + 1e-4, "3 of 3"),
        (np.array([np.inf]), np.array([-np.inf]), "1 of 1"),
        (np.array([1.0, 0.0]), np.array([True, False]), "dtype float64, expected bool"),
        (4, 3, "got 4, expected 3"),
        (3.0, 3, "got 3.0, expected 3"),
        (np.array(False), True, "got False, expected True"),
        (3.5, 3, "got 3.5"),
        (True, 1, "got True"),
        ("3", 3, "got '3', expected 3"),
        ([RIGHT], [WANT, WANT], "got 1 items, expected 2"),
        ([RIGHT, RIGHT + 1], [WANT, WANT], r"\[1\]: 12 of 12"),
        ({"b": RIGHT}, {"a": WANT}, r"expected the keys \['a'\]"),
        ({"a": RIGHT + 1}, {"a": WANT}, r"\['a'\]: 12 of 12"),
        (1, True, "got 1, expected True"),
        (np.array(["a"]).tolist(), "a", "expected 'a'"),
    ],
)
def test_close_refuses(got, want, said):
    with pytest.raises(AssertionError, match=said) as caught:
        close(got, want, hint="Which axis?")
    lines = str(caught.value).split("\n")
    assert len(lines) <= 6 and lines[-1] == "Which axis?"


def test_tolerance_is_relative_to_the_values():
    """Zeros for something small earn nothing; noise beside something large passes."""
    assert difference(np.zeros(5), np.full(5, 1e-5))
    big = np.array([1e6, 1.0])
    assert not difference(big + [1.0, 1.0], big)
    assert difference(big + [0.0, 100.0], big)


def test_points_are_marks_on_the_function():
    @points(3, after="test_a", hidden=True, seconds=30)
    def test_b(submission):
        """b"""

    marks = (test_b.points, test_b.after, test_b.hidden, test_b.seconds)
    assert marks == (3.0, "test_a", True, 30.0)


def raiser(*types):
    def call():
        raise Raised([*types], "message")

    return call


def test_raises():
    assert raises("ValueError", raiser("ValueError", "Exception")).type == "ValueError"
    assert raises("LookupError", raiser("KeyError", "LookupError"))
    with pytest.raises(AssertionError, match="raised TypeError, expected ValueError"):
        raises("ValueError", raiser("TypeError"))
    with pytest.raises(AssertionError, match="returned 1, expected it to raise"):
        raises("ValueError", lambda: 1)


def test_not_implemented_is_never_the_expected_error():
    for expected in ("NotImplementedError", "RuntimeError", "Exception"):
        with pytest.raises(Raised):
            raises(expected, raiser("NotImplementedError", "RuntimeError", "Exception"))
