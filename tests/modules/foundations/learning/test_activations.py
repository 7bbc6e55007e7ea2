import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy import special

from course.checks import check_function
from modules.foundations.learning.activations import (
    binary_step,
    leaky_relu,
    relu,
    sigmoid,
    tanh,
)

Z = np.random.default_rng(0).normal(scale=3, size=(3, 7)).astype("float32")
FAR = np.float32([-1000, -80, -20, 0, 20, 80, 1000])


def slope(function, z):
    z = tf.constant(z)
    with tf.GradientTape() as tape:
        tape.watch(z)
        y = function(z)
    return tape.gradient(y, z)


@pytest.mark.parametrize("function", [sigmoid, tanh, binary_step, relu, leaky_relu])
def test_function(function):
    check_function(function, Z, y_shape=Z.shape)


@pytest.mark.parametrize("z", [Z, FAR])
def test_sigmoid_equals_scipy(z):
    np.testing.assert_allclose(sigmoid(z), special.expit(z), rtol=1e-6)
    np.testing.assert_allclose(sigmoid(z) + sigmoid(-z), 1, rtol=1e-6)


@pytest.mark.parametrize("z", [Z, FAR])
def test_slope_of_the_sigmoid(z):
    s = special.expit(z.astype("float64"))
    got = slope(sigmoid, z)
    np.testing.assert_allclose(got, s * (1 - s), rtol=1e-4, atol=1e-7)
    assert got.numpy().max() <= 0.25


def test_slope_of_the_sigmoid_at_zero_is_its_largest():
    assert float(slope(sigmoid, 0.0)) == 0.25


def test_tanh_equals_numpy():
    np.testing.assert_allclose(tanh(Z), np.tanh(Z), atol=1e-6)
    np.testing.assert_allclose(tanh(FAR), np.tanh(FAR), atol=1e-6)


def test_binary_step_teaches_nothing():
    np.testing.assert_array_equal(binary_step(FAR), [0, 0, 0, 1, 1, 1, 1])
    assert slope(binary_step, Z) is None


def test_relu():
    np.testing.assert_array_equal(relu(FAR), np.maximum(FAR, 0))
    np.testing.assert_array_equal(slope(relu, FAR), FAR > 0)


def test_leaky_relu_equals_keras_with_the_papers_slope():
    np.testing.assert_allclose(leaky_relu(FAR), np.maximum(FAR, 0.01 * FAR))
    np.testing.assert_array_equal(leaky_relu(Z), keras.ops.leaky_relu(Z, 0.01))
    np.testing.assert_allclose(slope(leaky_relu, Z), np.where(Z > 0, 1, 0.01))


def test_defaults_of_keras_are_not_the_papers():
    np.testing.assert_allclose(keras.layers.LeakyReLU()(Z), leaky_relu(Z, 0.3))
    np.testing.assert_allclose(keras.ops.leaky_relu(Z), leaky_relu(Z, 0.2))


def test_leaky_relu_without_leak_is_relu():
    np.testing.assert_array_equal(leaky_relu(Z, 0), relu(Z))


@pytest.mark.parametrize("slope", [-0.1, 1])
def test_rejects(slope):
    with pytest.raises(ValueError, match=r"negative_slope must be in \[0, 1\), got"):
        leaky_relu(Z, slope)
