"""A draw from a Gaussian is a smooth function of its mean and deviation."""

import numpy as np
import pytest
import tensorflow as tf

from course.checks import check_function, check_layer
from modules.generative.reparameterization import Reparameterize, reparameterize

RNG = np.random.default_rng(0)
MEAN, LOG, NOISE = RNG.normal(size=(3, 2, 5)).astype("float32")
NODES, WEIGHTS = np.polynomial.hermite_e.hermegauss(9)  # exact for degree 17
WEIGHTS = WEIGHTS / WEIGHTS.sum()


def test_function():
    check_function(reparameterize, MEAN, LOG, NOISE, y_shape=(2, 5))


def test_layer():
    # A layer with two inputs, and random when training: its parts are examined below.
    layer = Reparameterize(seed=0)
    np.testing.assert_array_equal(layer(MEAN, LOG), MEAN)  # inference: the mean
    check_layer(
        lambda: Reparameterize(seed=0), (MEAN, LOG), (2, 5), 0, training="differs"
    )


def test_draws_have_the_mean_and_deviation():
    many = np.ones((20_000, 1), "float32")
    z = Reparameterize(seed=0)(2 * many, np.log(9) * many, training=True)
    np.testing.assert_allclose([np.mean(z), np.std(z)], [2, 3], atol=0.06)


def test_every_example_and_call_has_its_own_noise():
    layer = Reparameterize(seed=0)
    zeros = np.zeros((4, 3), "float32")
    first, second = (layer(zeros, zeros, training=True) for _ in range(2))
    assert len(np.unique(np.concatenate([first, second]))) == 24


def test_derivatives_are_one_and_the_noise():
    mean, sigma = tf.Variable(MEAN), tf.Variable(np.exp(LOG / 2))
    with tf.GradientTape() as tape:
        z = reparameterize(mean, 2 * tf.math.log(sigma), NOISE)
    by_mean, by_sigma = tape.gradient(z, [mean, sigma])
    np.testing.assert_allclose(by_mean, np.ones_like(MEAN))
    np.testing.assert_allclose(by_sigma, NOISE, rtol=1e-5)


@pytest.mark.parametrize("mu, sigma", [(0.3, 0.5), (-1.0, 1.7)])
def test_gradient_is_the_score_function_gradient_in_the_mean(mu, sigma):
    """E[f'(z) dz/dtheta] = E[f(z) d ln q(z) / dtheta], both exact for a polynomial."""

    def f(z):
        return z**4 - 2 * z**3 + z

    mean = tf.Variable(mu, dtype="float64")
    log = tf.Variable(2 * np.log(sigma), dtype="float64")
    with tf.GradientTape() as tape:
        z = reparameterize(mean, log, NODES)
        expectation = tf.reduce_sum(WEIGHTS * f(z))
    got = tape.gradient(expectation, [mean, log])
    values = WEIGHTS * f(mu + sigma * NODES)
    score = np.sum(values * NODES) / sigma, np.sum(values * (NODES**2 - 1)) / 2
    np.testing.assert_allclose(got, score, rtol=1e-8)


def test_pathwise_gradient_varies_less_than_the_score():
    noise = RNG.normal(size=10_000)
    pathwise = 2 * (1 + noise)  # f(z) = z^2, mu = 1, sigma = 1
    score = (1 + noise) ** 2 * noise
    assert pathwise.var() < score.var() / 5
