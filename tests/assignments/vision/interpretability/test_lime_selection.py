"""Grades assignments/vision/interpretability/lime_selection.py."""

import numpy as np

from course.grading import close, points

FORBIDDEN = (
    "modules.vision.interpretability",
    "sklearn.linear_model",
    "lime",
)


def softmax(z):
    p = np.exp(z - z.max(axis=-1, keepdims=True))
    return p / p.sum(axis=-1, keepdims=True)


def ridge(z, y, weights, penalty):
    """Return w and b of a least-squares problem with d more rows, one a penalty."""
    root, count = np.sqrt(weights)[:, None], z.shape[1]
    rows = root * np.pad(z, [(0, 0), (1, 0)], constant_values=1)
    rows = np.concatenate([rows, np.sqrt(penalty) * np.eye(count + 1)[1:]])
    y = np.concatenate([root[:, 0] * y, np.zeros(count)])
    found = np.linalg.lstsq(rows, y, rcond=None)[0]
    return found[1:], found[0]


def chosen(z, y, weights, penalty, count):
    found = []
    for _ in range(count):
        errors = {}
        for i in set(range(z.shape[1])) - set(found):
            part = z[:, [*found, i]]
            w, b = ridge(part, y, weights, penalty)
            errors[i] = (weights * (y - b - part @ w) ** 2).sum()
        found.append(min(sorted(errors), key=errors.get))
    return found


def scene(rng):
    """Return an image, its segments, masks and a colour."""
    image, fill = rng.uniform(0.1, 1, size=(4, 5, 3)), rng.uniform(0.1, 1, size=3)
    segments = rng.permutation(np.arange(20) % 6).reshape(4, 5)
    masks = (rng.random((7, 6)) < 0.5).astype(float)
    masks[0], masks[1] = 1, [0, 1, 1, 0, 0, 1]
    return image, segments, masks, fill


def problem(rng):
    """Return masks, y and weights; some segments say nearly the same.

    Segment 4 says the most alone, and nothing beside 0 and 1; 2 is much like 3. The
    weights are large where y is something else.
    """
    z = (rng.random((80, 7)) < 0.5).astype(float)
    z[:, 4] = np.maximum(z[:, 0], z[:, 1])
    z[:, 2] = np.where(rng.random(80) < 0.15, 1 - z[:, 3], z[:, 3])
    near = rng.random(80) < 0.5
    y = 3 * z[:, 0] + 2.6 * z[:, 1] + 1.5 * z[:, 3] + 0.7 * z[:, 6]
    y = np.where(near, y, 4 * z[:, 5] - y) + 0.1 * rng.normal(size=80)
    return z, y, np.where(near, 1.0, 0.05) * rng.uniform(0.7, 1.3, size=80)


@points(2)
def test_hide(submission, rng):
    """a segment that the mask hides is replaced by the colour, and no other"""
    image, segments, masks, fill = scene(rng)
    want = np.where(masks[:, segments][..., None] > 0, image, fill)
    got = submission.hide(image, segments, masks, fill)
    close(got, want, hint="What does a 1 in a mask mean?")


@points(2)
def test_responses(submission, rng):
    """the class explained is that of the image itself, for every perturbed image"""
    logits, original = 2 * rng.normal(size=(6, 4)), rng.normal(size=4)
    original[2] = 3.0
    want = softmax(logits)[:, 2]
    close(submission.responses(logits, original), want, hint="Which class is it?")


@points(2)
def test_kernel(submission, rng):
    """an image counts less, the more of it is hidden"""
    masks = (rng.random((9, 6)) < 0.6).astype(float)
    masks[0], masks[1] = 1, [1, 1, 0, 1, 1, 0]
    width = rng.uniform(1.5, 2.5)
    want = np.exp(-(1 - masks).sum(axis=1) / width**2)
    close(submission.kernel(masks, width), want, hint="What is D squared?")


@points(4)
def test_weighted_ridge(submission, rng):
    """the weighted fit agrees with least squares; the intercept is not penalised"""
    z, y = rng.normal(size=(30, 4)) + 0.5, 3 + rng.normal(size=30)
    weights, penalty = rng.uniform(0.1, 2, size=30), rng.uniform(2, 4)
    got = submission.weighted_ridge(z, y, weights, penalty)
    want = ridge(z, y, weights, penalty)
    close(got, want, hint="What is penalised, and what is weighted?")


@points(4)
def test_select(submission, rng):
    """segments are chosen one after the other, each beside those chosen before"""
    z, y, weights = problem(rng)
    for count in (4, 1):
        want = chosen(z, y, weights, 0.5, count)
        got = [int(i) for i in submission.select(z, y, weights, 0.5, count)]
        close(np.array(got), np.array(want), hint="Which error, and beside which?")


@points(1, hidden=True)
def test_linear(submission, rng):
    """a linear response gives its own coefficients, whatever the weights"""
    z, w = rng.normal(size=(40, 5)), rng.uniform(1, 2, size=5)
    w[3] = 0
    for weights in (np.ones(40), rng.uniform(0.01, 3, size=40)):
        got = submission.weighted_ridge(z, z @ w + 0.7, weights, 1e-6)
        close(got, (w, 0.7), rtol=1e-3, atol=1e-3, hint="Where does it go wrong?")


@points(2, after="test_select")
def test_explain(submission, rng):
    """of a network that looks at one quarter, your explanation finds that quarter"""
    model = submission.network()
    row, column = np.arange(6) // 3, np.arange(8) // 2
    segments = 4 * row[:, None] + column  # eight, two a quarter
    masks = (rng.random((60, 8)) < 0.6).astype(float)
    for quarter, want in ((1, {2, 3}), (2, {4, 5})):
        image = rng.uniform(0, 0.1, size=(6, 8, 1))
        image[(segments // 4 * 2 + segments % 4 // 2) == quarter] += 1
        arguments = image, segments, masks, np.zeros(1), 2.0, 0.01, 2
        found, w = submission.explain(model, *arguments)
        got = {int(i) for i in found}
        assert got == want, f"chosen {sorted(got)}, expected {sorted(want)}"
        assert np.min(w) > 0.05, "both segments speak for the class"
