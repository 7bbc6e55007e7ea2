import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy import special

from course.checks import check_function
from modules.foundations.learning.losses import (
    binary_cross_entropy_from_logits,
    cross_entropy,
    cross_entropy_from_logits,
    squared_error,
)

RNG = np.random.default_rng(0)
Z = RNG.normal(scale=2, size=(4, 5)).astype("float32")
P = special.softmax(Z, axis=1)
Y = RNG.dirichlet(np.ones(5), size=4).astype("float32")
ONE_HOT = np.eye(5, dtype="float32")[[3, 0, 4, 1]]


def slope(function, y, z):
    z = tf.constant(z)
    with tf.GradientTape() as tape:
        tape.watch(z)
        loss = function(y, z)
    return tape.gradient(loss, z)


@pytest.mark.parametrize(
    ("function", "y_shape"),
    [
        (squared_error, (4,)),
        (cross_entropy, (4,)),
        (cross_entropy_from_logits, (4,)),
        (binary_cross_entropy_from_logits, (4, 5)),
    ],
)
def test_function(function, y_shape):
    check_function(function, Y, P, y_shape=y_shape)


def test_squared_error():
    want = keras.losses.mean_squared_error(Y, Z) * 5 / 2
    np.testing.assert_allclose(squared_error(Y, Z), want, rtol=1e-5)
    np.testing.assert_allclose(slope(squared_error, Y, Z), Z - Y, rtol=1e-5)


@pytest.mark.parametrize("y", [Y, ONE_HOT])
def test_cross_entropy_equals_keras(y):
    want = keras.losses.categorical_crossentropy(y, Z, from_logits=True)
    np.testing.assert_allclose(cross_entropy_from_logits(y, Z), want, rtol=1e-5)
    np.testing.assert_allclose(cross_entropy(y, P), want, rtol=1e-5)


def test_one_hot_is_the_negative_log_likelihood():
    want = -np.log(P[range(4), ONE_HOT.argmax(axis=1)])
    np.testing.assert_allclose(cross_entropy(ONE_HOT, P), want, rtol=1e-5)


def test_uniform_probabilities_cost_ln_k():
    np.testing.assert_allclose(
        cross_entropy(Y, np.full_like(Y, 1 / 5)), np.log(5), rtol=1e-6
    )
    np.testing.assert_allclose(
        cross_entropy_from_logits(Y, 0 * Z + 7), np.log(5), rtol=1e-6
    )


def test_cross_entropy_is_entropy_and_divergence():
    """So it is never below H(y), and equal to it where p = y."""
    entropy = special.entr(Y).sum(axis=1)
    divergence = special.rel_entr(Y, P).sum(axis=1)
    np.testing.assert_allclose(cross_entropy(Y, P), entropy + divergence, rtol=1e-5)
    assert divergence.min() > 0.01
    np.testing.assert_allclose(cross_entropy(Y, Y), entropy, rtol=1e-5)


@pytest.mark.parametrize("y", [Y, ONE_HOT])
def test_gradient_in_the_logits_is_p_minus_y(y):
    got = slope(cross_entropy_from_logits, y, Z)
    np.testing.assert_allclose(got, P - y, atol=1e-6)


def test_only_logits_survive_certainty():
    """Keras clips probabilities, so it cannot say how wrong a sure answer is."""
    y, z = np.float32([[1, 0], [0, 1]]), np.float32([[0, 500], [0, 500]])
    p = special.softmax(z, axis=1)
    np.testing.assert_array_equal(cross_entropy(y, p), [np.inf, 0])
    np.testing.assert_array_equal(cross_entropy_from_logits(y, z), [500, 0])
    np.testing.assert_allclose(
        slope(cross_entropy_from_logits, y, z), [[-1, 1], [0, 0]]
    )
    clipped = keras.losses.categorical_crossentropy(y, p)
    np.testing.assert_allclose(clipped, [16.118, 0], atol=1e-3)


def test_what_does_not_count_has_no_gradient_and_no_nan():
    p = np.float32([[0, 1, 0, 0, 0]])
    np.testing.assert_array_equal(slope(cross_entropy, p, p), [[0, -1, 0, 0, 0]])


@pytest.mark.parametrize("z", [Z, np.float32([[0, -1e4, 1e4, 80, -80]] * 4)])
def test_binary_equals_two_classes(z):
    two = np.stack([Y, 1 - Y], axis=-1), np.stack([z, 0 * z], axis=-1)
    got = binary_cross_entropy_from_logits(Y, z)
    np.testing.assert_allclose(got, cross_entropy_from_logits(*two), rtol=1e-4)
    keras_mean = keras.losses.binary_crossentropy(Y, z, from_logits=True)
    np.testing.assert_allclose(np.mean(got, axis=1), keras_mean, rtol=1e-5)


def test_gradient_of_binary_is_s_minus_y():
    z = np.concatenate(
        [
            Z[:3],
            0 * Z[:1],
        ]
    )
    got = slope(binary_cross_entropy_from_logits, Y, z)
    np.testing.assert_allclose(got, special.expit(z) - Y, atol=1e-6)
