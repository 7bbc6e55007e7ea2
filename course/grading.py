"""What an autograder test is written with. NumPy only; see course/instructors.md.

from course.grading import close, points

@points(3)
def test_gates(submission, rng):
    \"\"\"the line that the student reads\"\"\"
    close(submission.gates(x, kernel), want, hint="Does kernel[2] …?")
"""

import numpy as np

from course.sandbox.session import Keep, Proxy, Raised, narrow

__all__ = [
    "Raised",
    "close",
    "fit",
    "gradient",
    "keep",
    "points",
    "raises",
    "reload",
    "symbolic",
]

RTOL = 1e-4  # a thousand roundings of float32 in one value
ATOL = 1e-5  # the same, relative to the largest value beside it


def points(worth, after=None, hidden=False, seconds=10):
    """Make a function a check.

    Args:
        worth: the points of the check.
        after: name of a check that must pass before this one is tried.
        hidden: kept out of a student release.
        seconds: processor time that the submission may spend in this check.
    """

    def mark(test):
        test.points, test.after, test.hidden = float(worth), after, hidden
        test.seconds = float(seconds)
        return test

    return mark


def keep(array):
    """Send an array in its own dtype instead of float32 or int32."""
    return Keep(array)


def close(got, want, hint="", rtol=RTOL, atol=ATOL):
    """Compare what a submission returned with the oracle.

    Looks at the type, the shape, the kind of dtype, then for NaN and infinity, then
    at the values: |got - want| <= rtol |want| + max(1e-6, atol max|want|).

    Raises:
        AssertionError: says in a few lines what was expected and what came.
    """
    message = difference(got, want, rtol, atol)
    if message:
        raise AssertionError("\n".join(filter(None, [message, hint])))


def difference(got, want, rtol=RTOL, atol=ATOL, where=""):
    """Return how got differs from want, in words, or an empty string."""
    at = f"{where}: " if where else ""
    if want is None or isinstance(want, str):
        same = type(got) is type(want) and got == want
        return "" if same else f"{at}got {_show(got)}, expected {_show(want)}"
    if isinstance(want, (list, tuple)):
        if not isinstance(got, (list, tuple)):
            return f"{at}got {_show(got)}, expected a {type(want).__name__}"
        if len(got) != len(want):
            return f"{at}got {len(got)} items, expected {len(want)}"
        pairs = zip(got, want, strict=True)
        parts = (
            difference(g, w, rtol, atol, f"{where}[{i}]")
            for i, (g, w) in enumerate(pairs)
        )
        return next(filter(None, parts), "")
    if isinstance(want, dict):
        if not isinstance(got, dict) or set(got) != set(want):
            return f"{at}got {_show(got)}, expected the keys {sorted(want, key=str)}"
        parts = (
            difference(got[k], want[k], rtol, atol, f"{where}[{k!r}]") for k in want
        )
        return next(filter(None, parts), "")
    return _array_difference(got, np.asarray(want), rtol, atol, at)


def _array_difference(got, want, rtol, atol, at):
    scalar = want.ndim == 0
    if not isinstance(got, (np.ndarray, np.generic)):
        if not (scalar and isinstance(got, (int, float))):
            expected = _show(want) if scalar else f"an array of shape {want.shape}"
            return f"{at}got {_show(got)}, expected {expected}"
        got = np.asarray(got)
    if got.shape != want.shape:
        return f"{at}shape {got.shape}, expected {want.shape}"
    kinds = {"f": "fiu" if scalar else "f", "i": "iu", "u": "iu"}
    if got.dtype.kind not in kinds.get(want.dtype.kind, want.dtype.kind):
        if scalar:
            return f"{at}got {_show(got)}, expected {_show(want)}"
        return f"{at}dtype {got.dtype}, expected {_kind(want)}"
    if want.dtype.kind in "biu":
        wrong = got != want
    else:
        finite = np.isfinite(want)
        if not np.isfinite(got[finite]).all():
            bad = np.argwhere(finite & ~np.isfinite(got))
            return f"{at}{len(bad)} of {got.size} values are not finite{_first(bad[0])}"
        scale = np.abs(want[finite]).max(initial=0)
        with np.errstate(invalid="ignore"):
            far = np.abs(got - want) > rtol * np.abs(want) + max(1e-6, atol * scale)
        wrong = np.where(finite, far, (got != want) & ~(np.isnan(got) & np.isnan(want)))
    if not wrong.any():
        return ""
    if scalar:
        return f"{at}got {_show(got)}, expected {_show(want)}"
    first = tuple(np.argwhere(wrong)[0])
    return (
        f"{at}{wrong.sum()} of {wrong.size} values are wrong{_first(first)}: "
        f"got {_show(got[first])}, expected {_show(want[first])}"
    )


def _first(index):
    return f", the first at {[int(i) for i in index]}" if len(index) else ""


def _kind(array):
    return {"f": "float", "i": "int", "u": "int", "b": "bool"}.get(
        array.dtype.kind, str(array.dtype)
    )


def _show(value):
    if isinstance(value, np.ndarray) and value.ndim:
        return f"an array of shape {value.shape}"
    if isinstance(value, (np.ndarray, np.generic)):
        value = value.item()
    if isinstance(value, float):
        return repr(float(f"{value:.6g}"))
    if isinstance(value, Proxy):
        return f"a {value._name}"
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def raises(error, function, *args, **kwargs):
    """Check that a call raises, by the name of the error.

    Raises:
        AssertionError: it returned, or raised something else.
        Raised: it raised NotImplementedError, which is never the expected error.
    """
    try:
        got = function(*args, **kwargs)
    except Raised as raised:
        if error in raised.types and raised.type != "NotImplementedError":
            return raised
        if raised.type == "NotImplementedError":
            raise
        raise AssertionError(f"raised {raised.type}, expected {error}") from None
    raise AssertionError(f"returned {_show(got)}, expected it to raise {error}")


def gradient(function, *args, wrt=0, cotangent=None):
    """Return d<cotangent, function(*args)> / d args[wrt], taken in the sandbox.

    Args:
        function: a function of the submission, or a handle that can be called.
        wrt: index of an argument, or a tuple of indices for a list of gradients.
        cotangent: array of the output's shape; ones when None.
    """
    return _probe("gradient", function, list(args), wrt, cotangent)


def symbolic(function, *shapes):
    """Return the output shape for symbolic inputs; None stands for an unknown size."""
    return _probe("symbolic", function, [list(shape) for shape in shapes])


def fit(model, x, y, steps):
    """Train a compiled model on one batch and return its losses, one a step."""
    return _probe("fit", model, x, y, steps)


def reload(model, *args):
    """Return what a model gives for args after it was saved and loaded."""
    return _probe("reload", model, list(args))


def _probe(op, target, *payload):
    name = f"{op}({target._name})"
    return target._session.ask(op, name, target, *(narrow(p) for p in payload))
