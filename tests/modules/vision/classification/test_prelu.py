import keras
import numpy as np
import pytest
import tensorflow as tf

from course.checks import check_layer, noise_weights
from modules.vision.classification.prelu import PReLU

X = np.random.default_rng(0).normal(size=(2, 4, 3, 5)).astype("float32")


@pytest.mark.parametrize(("shared", "weights"), [(False, 5), (True, 1)])
def test_layer(shared, weights):
    check_layer(lambda: PReLU(shared), X, X.shape, weights)


def test_starts_at_a_quarter():
    np.testing.assert_allclose(PReLU()(X), np.where(X > 0, X, X / 4))


@pytest.mark.parametrize(
    ("slope", "want"),
    [(0.0, np.maximum(X, 0)), (1.0, X), (-1.0, np.abs(X)), (2.0, np.minimum(X, 2 * X))],
)
def test_slopes_of_any_size(slope, want):
    """0 is ReLU, 1 the identity, -1 the absolute value."""
    layer = PReLU()
    layer.build(X.shape)
    layer.slope.assign(5 * [slope])
    np.testing.assert_array_equal(layer(X), want)


def test_equals_keras_with_shared_axes():
    theirs, ours = keras.layers.PReLU(shared_axes=[1, 2]), PReLU()
    theirs.build(X.shape)
    ours.build(X.shape)
    noise_weights(ours, seed=0)
    theirs.set_weights([ours.slope.numpy().reshape(1, 1, 5)])
    np.testing.assert_allclose(ours(X), theirs(X), rtol=1e-6)


def test_keras_counts_elements_and_starts_as_relu():
    theirs = keras.layers.PReLU()
    np.testing.assert_array_equal(theirs(X), np.maximum(X, 0))
    assert theirs.count_params() == 4 * 3 * 5


def test_gradient_of_a_slope_sums_over_its_places():
    layer, up = PReLU(), np.random.default_rng(1).normal(size=X.shape)
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(layer(X) * up.astype("float32"))
    want = (up * np.minimum(X, 0)).sum(axis=(0, 1, 2))
    np.testing.assert_allclose(tape.gradient(loss, layer.slope), want, rtol=1e-4)
