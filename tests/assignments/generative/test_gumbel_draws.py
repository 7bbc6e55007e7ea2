"""Grades assignments/generative/gumbel_draws.py."""

import numpy as np

from course.grading import close, fit, gradient, points

FORBIDDEN = ("modules.generative.gumbel_softmax", "random.gumbel", "random.categorical")


def soft(y):
    e = np.exp(y - y.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def noise(rng, *shape):
    return -np.log(-np.log(rng.uniform(0.05, 0.95, size=shape)))


@points(2)
def test_gumbel_noise(submission, rng):
    """the noise is -ln(-ln u), and finite even for u = 0"""
    u = rng.uniform(0.05, 0.95, size=(3, 5))
    want = -np.log(-np.log(u))
    close(submission.gumbel_noise(u), want, hint="Where are the two minus signs?")
    u[1, 2], want[1, 2] = 0, -np.log(-np.log(1e-20))
    close(submission.gumbel_noise(u), want, hint="What is the logarithm of 0?")


@points(3)
def test_relaxed_draw(submission, rng):
    """a soft draw is the softmax of noisy logits over the temperature"""
    logits, g = rng.normal(size=(4, 5)), noise(rng, 4, 5)
    for temperature in (0.5, 3.0):
        want = soft((logits + g) / temperature)
        got = submission.relaxed_draw(logits, g, temperature)
        close(got, want, hint="What does a low temperature give?")


@points(3)
def test_straight_through(submission, rng):
    """the value is one-hot, the gradient that of the soft draw"""
    y = soft(rng.permuted(np.tile(np.arange(5) * 0.3, (4, 1)), axis=1))
    want = np.eye(5)[y.argmax(axis=-1)]
    got = submission.straight_through(y)
    close(got, want, hint="What is the value, going forward?")
    cotangent = rng.normal(size=y.shape)
    slope = gradient(submission.straight_through, y, cotangent=cotangent)
    close(slope, cotangent, hint="What should the gradient be, going back?")


@points(2)
def test_distinct_draws(submission, rng):
    """k different classes, in the order of the noisy logits"""
    noisy = rng.permuted(np.tile(np.arange(6.0), (4, 1)), axis=1)
    noisy[:2] = [[0, 5, 2, 4, 1, 3], [3, 1, 5, 0, 4, 2]]
    logits = rng.normal(size=noisy.shape)
    logits[0] = [4, 0, 3, -3, 2, -2]  # the noise decides
    want = np.argsort(-noisy, axis=-1)[:, :3]
    got = submission.distinct_draws(logits, noisy - logits, 3)
    close(got, want, hint="Which comes first?")


@points(1, hidden=True)
def test_frequencies(submission, rng):
    """the classes come as often as their probabilities say"""
    p = np.array([0.1, 0.2, 0.7])
    count = 10_000
    logits = np.tile(np.log(p) + 1.5, (count, 1))
    g = submission.gumbel_noise(rng.uniform(size=(count, 3)))
    drawn = submission.distinct_draws(logits, g, 2)
    close(drawn[:, 0] == drawn[:, 1], np.zeros(count, bool), hint="Are they distinct?")
    share = np.bincount(drawn[:, 0], minlength=3) / count
    close(share, p, rtol=0, atol=0.05, hint="Is the noise Gumbel's?")
    second = np.bincount(drawn[drawn[:, 0] == 2, 1], minlength=3)[:2]
    close(second / second.sum(), p[:2] / 0.3, rtol=0, atol=0.06)


@points(2, after="test_straight_through")
def test_network(submission, rng):
    """a network with one of four classes as its code learns with your draws"""
    x = np.eye(4)[np.arange(64) % 4]
    model = submission.network()
    losses = fit(model, x, x, 10)
    assert losses[-1] < losses[0] - 0.05, f"the loss went {losses[0]} to {losses[-1]}"
    u = rng.uniform(size=(64, 4))
    y = submission.relaxed_draw(x, submission.gumbel_noise(u), 0.5)
    want = soft(2 * (x - np.log(-np.log(u))))
    close(y, want, rtol=1e-3, hint="Are all of your functions right?")
