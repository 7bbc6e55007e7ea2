"""A relaxed draw: exact in its argmax, one-hot or uniform in its limits."""

import numpy as np
import pytest
import tensorflow as tf
from keras import ops
from scipy import stats

from course.checks import check_function, check_layer
from modules.generative.gumbel_softmax import (
    GumbelSoftmax,
    gumbel_noise,
    gumbel_softmax,
    straight_through,
)

RNG = np.random.default_rng(0)
LOGITS, NOISE = RNG.normal(size=(2, 4, 5)).astype("float32")
P = np.array([0.1, 0.2, 0.7])


def draws(count, **kwargs):
    layer = GumbelSoftmax(seed=0, **kwargs)
    logits = np.tile(np.log(P), (count, 1)).astype("float32")
    return ops.convert_to_numpy(layer(logits, training=True))


def test_layer():
    for hard in (False, True):
        check_layer(
            lambda hard=hard: GumbelSoftmax(0.7, hard=hard, seed=0),
            LOGITS,
            LOGITS.shape,
            weights=0,
            training="differs",
        )


def test_functions():
    check_function(gumbel_softmax, LOGITS, NOISE, y_shape=(4, 5))
    check_function(straight_through, RNG.uniform(size=(4, 5)), y_shape=(4, 5))


def test_noise_has_the_quantiles_of_scipy():
    u = np.linspace(0.001, 0.999, 999, dtype="float32")
    np.testing.assert_allclose(gumbel_noise(u), stats.gumbel_r.ppf(u), 1e-4, 1e-6)


def test_noise_is_finite_at_the_ends():
    g = ops.convert_to_numpy(gumbel_noise(np.float32([0, 1e-38, 1 - 6e-8, 1])))
    assert np.isfinite(g).all() and g[0] < -3 and g[-1] > 15


def test_argmax_has_the_frequencies_of_the_softmax():
    for temperature in (0.1, 1.0, 10.0):
        y = draws(20_000, temperature=temperature)
        counts = np.bincount(y.argmax(axis=-1), minlength=3)
        assert stats.chisquare(counts, 20_000 * P).pvalue > 1e-3


def test_constant_in_the_logits_changes_nothing():
    got = gumbel_softmax(LOGITS + 3, NOISE, 0.5)
    np.testing.assert_allclose(got, gumbel_softmax(LOGITS, NOISE, 0.5), rtol=1e-4)


def test_by_hand():
    """(0 + ln 2) / 0.5 = ln 4 against 0: 4 / 5 and 1 / 5."""
    y = gumbel_softmax(np.float32([0.0, 0.0]), np.log(np.float32([2, 1])), 0.5)
    np.testing.assert_allclose(y, [0.8, 0.2], rtol=1e-5)


def test_limits_of_the_temperature():
    winner = np.eye(5)[(LOGITS + NOISE).argmax(axis=-1)]
    np.testing.assert_allclose(gumbel_softmax(LOGITS, NOISE, 1e-3), winner, atol=1e-5)
    np.testing.assert_allclose(gumbel_softmax(LOGITS, NOISE, 1e5), 1 / 5, atol=1e-4)


def test_entropy_grows_with_the_temperature():
    found = []
    for temperature in (0.1, 0.3, 1.0, 3.0, 10.0):
        y = ops.convert_to_numpy(gumbel_softmax(LOGITS, NOISE, temperature))
        np.testing.assert_allclose(y.sum(axis=-1), 1, rtol=1e-5)
        found.append(stats.entropy(y, axis=-1))
    assert np.all(np.diff(found, axis=0) > 0)


def test_straight_through_is_one_hot_with_the_gradient_of_the_soft_draw():
    logits, cotangent = tf.Variable(LOGITS), RNG.normal(size=(4, 5)).astype("f4")

    def slope(harden):
        with tf.GradientTape() as tape:
            y = gumbel_softmax(logits, NOISE, 0.7)
            y = straight_through(y) if harden else y
        return y, tape.gradient(y, logits, cotangent)

    hard, by_hard = slope(True)
    soft, by_soft = slope(False)
    np.testing.assert_array_equal(hard, np.eye(5)[np.argmax(soft, axis=-1)])
    np.testing.assert_array_equal(by_hard, by_soft)
    assert np.abs(by_soft).min() > 0


def test_gradient_is_biased():
    """E[f(one_hot)] has a known slope; the straight-through one is another."""
    value, logits = np.float32([0.0, 1.0, 5.0]), tf.Variable(np.log(P), dtype="float32")
    u = RNG.uniform(size=(50_000, 3)).astype("float32")
    with tf.GradientTape() as tape:
        y = straight_through(gumbel_softmax(logits, gumbel_noise(u), 1.0))
        mean = tf.reduce_mean(tf.reduce_sum(y * value, axis=-1) ** 2)
    right = P * (value**2 - np.sum(P * value**2))
    np.testing.assert_allclose(mean, np.sum(P * value**2), rtol=0.02)
    assert np.abs(tape.gradient(mean, logits) - right).max() > 0.5


def test_examples_and_calls_differ_and_inference_takes_the_likeliest():
    layer = GumbelSoftmax(seed=0)
    same = np.zeros((4, 5), "float32")
    y = np.concatenate([layer(same, training=True) for _ in range(2)])
    assert len(np.unique(y[:, 0])) == 8
    np.testing.assert_array_equal(layer(LOGITS), np.eye(5)[LOGITS.argmax(axis=-1)])


def test_hard_draws_are_one_hot():
    y = draws(500, hard=True, temperature=2.0)
    assert set(np.unique(y)) == {0.0, 1.0} and np.all(y.sum(axis=-1) == 1)


@pytest.mark.parametrize("temperature", [0, -1.0, float("nan")])
def test_rejects_temperature(temperature):
    with pytest.raises(ValueError, match="temperature must be > 0, got"):
        GumbelSoftmax(temperature)
