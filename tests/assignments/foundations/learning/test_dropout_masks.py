"""Grades assignments/foundations/learning/dropout_masks.py."""

from itertools import product

import numpy as np

from course.grading import close, fit, points

FORBIDDEN = (
    "modules.foundations.learning.dropout",
    "layers.Dropout",
    "layers.SpatialDropout1D",
    "layers.AlphaDropout",
    "layers.GaussianDropout",
    "random.dropout",
    "nn.dropout",
    "nn.experimental.stateless_dropout",
)


def some_rate(rng):
    """Return a rate whose multiples, quotients and complements all differ."""
    return float(rng.uniform(0.2, 0.35))


def half(rng, *shape):
    """Return a mask with about two zeros in five, different in each example."""
    mask = (np.arange(np.prod(shape)) % 5 > 1).astype(float)
    return mask[rng.permutation(mask.size)].reshape(shape)


@points(2)
def test_keep_mask(submission, rng):
    """every value of every example is kept where its own noise is at least rate"""
    rate, noise = some_rate(rng), rng.random((4, 3, 5))
    noise[0, 0, :3] = [0.05, 0.5, 0.95]
    noise[1, 0, :3] = [0.5, 0.05, 0.95]
    want = np.where(noise >= rate, 1.0, 0.0)
    close(submission.keep_mask(noise, rate), want, hint="Is a noise of 0.95 kept?")


@points(3)
def test_dropout(submission, rng):
    """training masks and scales, inference hands on"""
    rate, x, mask = some_rate(rng), rng.uniform(1, 2, (3, 7)), half(rng, 3, 7)
    got = submission.dropout(x, mask, rate, True)
    hint = "Averaged over many masks, what should come out?"
    close(got, np.where(mask > 0, x / (1 - rate), 0), hint=hint)
    got = submission.dropout(x, mask, rate, False)
    close(got, x, hint="What does inference have to make up for?")


@points(2)
def test_dropout_gradient(submission, rng):
    """the gradient goes where the value went, with the same factor"""
    rate, mask = some_rate(rng), half(rng, 2, 3, 4)
    dy = rng.normal(size=mask.shape)
    got = submission.dropout_gradient(dy, mask, rate)
    want = np.where(mask > 0, dy / (1 - rate), 0)
    close(got, want, hint="By which number did dropout multiply each value?")


@points(2)
def test_test_time_weights(submission, rng):
    """the paper's form: one network gives the mean of all thinned ones"""
    rate, x = some_rate(rng), rng.uniform(1, 2, 4)
    kernel, bias = rng.normal(size=(4, 3)), rng.uniform(1, 2, 3)
    mean = np.zeros(3)
    for mask in product([0, 1], repeat=4):
        chance = np.prod([1 - rate if kept else rate for kept in mask])
        mean += chance * (x * mask @ kernel + bias)
    got = submission.test_time_weights(kernel, bias, rate)
    close(got, ((1 - rate) * kernel, bias), hint="What did the mask lie over?")
    close(x @ got[0] + got[1], mean)


@points(2)
def test_mask_probability(submission, rng):
    """the probabilities of all 2^n thinned networks, which sum to 1"""
    rate, masks = some_rate(rng), np.array(list(product([0.0, 1.0], repeat=5)))
    kept = masks.sum(axis=1)
    got = submission.mask_probability(masks, rate)
    want = (1 - rate) ** kept * rate ** (5 - kept)
    close(got, want, hint="How likely is it that no unit is kept?")
    close(np.sum(got), 1.0)


@points(2, after="test_dropout")
def test_network(submission, rng):
    """your layer draws anew for every example and call, and a network learns with it"""
    layer, x = submission.MaskedDropout(0.25), np.ones((30, 100))
    close(layer(x), x, hint="inference")
    first, second = (layer(x, training=True) for _ in range(2))
    close(first, np.where(first > 0, 4 / 3, 0), hint="values are 0 or 1 / (1 - rate)")
    for a, b, what in [(first, second, "calls"), (first[0], first[1], "examples")]:
        assert a.shape == b.shape and (a != b).mean() > 0.1, f"two {what} are alike"
    assert abs(first.mean() - 1) < 6 * np.sqrt(1 / 3 / x.size), "the mean is not kept"

    labels = np.arange(24) % 3
    x = rng.normal(size=(24, 20)) + 2 * np.eye(3, 20)[labels]
    losses = fit(submission.network(), x, labels, 10)
    assert losses[-1] < 0.6 * losses[0], f"the loss went {losses[0]} to {losses[-1]}"
