import numpy as np
import pytest
import tensorflow as tf
from scipy import special

from course.checks import check_function
from modules.foundations.learning.softmax import log_softmax, softmax, softmax_jacobian

RNG = np.random.default_rng(0)
Z = RNG.normal(scale=2, size=(3, 5)).astype("float32")
LARGE = np.float32([[1e4, 0, -1e4], [1e4, 1e4, -1e4]])


@pytest.mark.parametrize("function", [softmax, log_softmax])
def test_function(function):
    check_function(function, Z, y_shape=Z.shape)


def test_jacobian_function():
    check_function(softmax_jacobian, softmax(Z).numpy(), y_shape=(3, 5, 5))


@pytest.mark.parametrize("axis", [-1, 0])
@pytest.mark.parametrize("z", [Z, LARGE])
def test_equals_scipy(z, axis):
    np.testing.assert_allclose(
        softmax(z, axis=axis), special.softmax(z, axis), rtol=1e-5
    )
    want = special.log_softmax(z, axis)
    np.testing.assert_allclose(log_softmax(z, axis=axis), want, rtol=1e-5, atol=1e-6)


def test_every_example_sums_to_one_by_itself():
    p = softmax(Z).numpy()
    np.testing.assert_allclose(p.sum(axis=1), 1, rtol=1e-6)
    assert np.abs(p.sum(axis=0) - 1).max() > 0.1
    np.testing.assert_allclose(softmax(Z[1:2])[0], p[1], rtol=1e-6)


def test_a_constant_changes_nothing():
    shift = np.float32([[-30], [0.5], [30]])
    np.testing.assert_allclose(softmax(Z + shift), softmax(Z), rtol=1e-4)


def test_temperature():
    np.testing.assert_allclose(softmax(Z, 3.0), softmax(Z / 3), rtol=1e-6)
    hottest = np.eye(5)[Z.argmax(axis=1)]
    np.testing.assert_allclose(softmax(Z, 1e-3), hottest, atol=1e-6)
    np.testing.assert_allclose(softmax(Z, 1e5), np.full(Z.shape, 1 / 5), atol=1e-4)


@pytest.mark.parametrize("z", [Z, LARGE])
def test_jacobian_equals_automatic_differentiation(z):
    z = tf.constant(z, "float64")
    with tf.GradientTape() as tape:
        tape.watch(z)
        p = softmax(z)
    got = softmax_jacobian(p).numpy()
    np.testing.assert_allclose(got, tape.batch_jacobian(p, z), atol=1e-12)
    np.testing.assert_allclose(got.sum(axis=-1), 0, atol=1e-12)
    np.testing.assert_array_equal(got, got.transpose(0, 2, 1))


def test_training_needs_no_jacobian():
    p, v = softmax(Z).numpy(), RNG.normal(size=Z.shape)
    want = np.einsum("bij,bi->bj", softmax_jacobian(p), v)
    got = p * (v - (p * v).sum(axis=1, keepdims=True))
    np.testing.assert_allclose(got, want, atol=1e-6)


@pytest.mark.parametrize("temperature", [0, -1.0])
def test_rejects(temperature):
    with pytest.raises(ValueError, match="temperature must be > 0, got"):
        softmax(Z, temperature)
