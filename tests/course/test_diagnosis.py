"""A mistake is named when the values say so, and only then."""

import numpy as np
import pytest

from course import diagnosis
from course.judge import Check
from course.sandbox.session import Proxy, Raised


def check(*values, status="failed", names=None):
    found = Check("test_a", "a", 1.0, False, status)
    names = names or ["f"] * len(values)
    found.observed = [("call", n, v) for n, v in zip(names, values, strict=True)]
    return found


X = np.linspace(0, 1, 500, dtype="float32").reshape(2, 250)
RIGHT = check(X, 3, status="passed")
MISTAKES = [
    ("doubled", check(2 * X)),
    ("transposed", check(X.T)),
    ("four", check(X, 4)),
    ("crashes", check(Raised(["ValueError"], "no"), status="crashed")),
    ("all NaN", check(X * np.nan)),
    ("late", check(X, status="timeout")),
]
RECORD = diagnosis.record(RIGHT, MISTAKES)


def named(*values, status="failed", record=RECORD, names=None):
    return diagnosis.match(check(*values, status=status, names=names), record)


def test_what_cannot_be_told_apart_is_not_recorded():
    assert [w["why"] for w in RECORD["wrong"]] == ["doubled", "transposed", "four"]
    assert [w["at"] for w in RECORD["wrong"]] == [0, 0, 1]


def test_a_mistake_is_named():
    assert named(2 * X) == "doubled"
    assert named(X.T) == "transposed"
    assert named(X, 4) == "four"


def test_float_noise_and_dtype_of_a_scalar_do_not_matter():
    assert named(2 * X * np.float32(1 + 1e-6)) == "doubled"
    assert named(X, 4.0) == "four"


@pytest.mark.parametrize(
    "values",
    [(X, 3), (3 * X,), (X, 5), (X * np.nan,), (Raised(["ValueError"], "no"),), ()],
    ids=["right", "other", "other number", "NaN", "raised", "nothing"],
)
def test_other_values_match_nothing(values):
    assert named(*values) == ""


@pytest.mark.parametrize("status", ["timeout", "crashed", "memory", "invalid", "todo"])
def test_only_failed_checks_are_named(status):
    assert named(2 * X, status=status) == ""


def test_other_calls_match_nothing():
    assert named(2 * X, names=["g"]) == ""


def test_only_values_up_to_the_first_wrong_one_count():
    assert named(2 * X, 77) == "doubled"


def test_two_mistakes_with_the_same_values_name_neither():
    twins = [("one", check(2 * X)), ("two", check(2 * X)), ("one", check(3 * X))]
    record = diagnosis.record(RIGHT, twins)
    assert named(2 * X, record=record) == ""
    assert named(3 * X, record=record) == "one"


def test_a_value_where_an_error_was_due_is_named():
    right = check(Raised(["ValueError", "Exception"], "no"), status="passed")
    record = diagnosis.record(right, [("accepts anything", check(1))])
    assert named(1, record=record) == "accepts anything"
    assert named(Raised(["KeyError"], ""), record=record) == ""


def test_handles_and_losses_say_nothing():
    right = check(Proxy(None, 1, "model"), 3, status="passed")
    record = diagnosis.record(right, [("four", check(Proxy(None, 2, "mine"), 4))])
    assert named(Proxy(None, 9, "theirs"), 4, record=record) == "four"
    fitted = check(0.5, status="failed")
    fitted.observed = [("fit", "fit(model)", [0.5, 0.4])]
    assert diagnosis.summary(fitted.observed[0])[1] == diagnosis.OPAQUE


def test_records_stay_small():
    kept = diagnosis.summary(("call", "f", np.zeros((300, 300))))
    assert kept[1]["shape"] == [300, 300] and len(kept[1]["values"]) == diagnosis.KEPT


def test_structures_are_compared_inside():
    right = check({"a": [X, (1, "x")]}, status="passed")
    record = diagnosis.record(right, [("y", check({"a": [X, (1, "y")]}))])
    assert named({"a": [X, (1, "y")]}, record=record) == "y"
    assert named({"b": [X, (1, "y")]}, record=record) == ""
