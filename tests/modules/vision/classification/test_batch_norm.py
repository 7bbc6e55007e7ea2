import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops

from course.checks import assert_close_relative, check_layer, noise_weights
from modules.vision.classification.batch_norm import BatchNorm

X = np.random.default_rng(0).normal(size=(3, 7, 5, 4)).astype("float32")
X = X * np.float32([1, 2, 3, 4]) + np.float32([-1, 0, 1, 2])


def built(**options):
    layer = BatchNorm(**options)
    layer.build(X.shape)
    noise_weights(layer, seed=0)
    return layer


@pytest.mark.parametrize("x", [X, X[:, 0, 0]])
def test_layer(x):
    def make():
        return BatchNorm(momentum=0.9, epsilon=1e-4, unbiased=True)

    check_layer(make, x, x.shape, 2 * 4, 2 * 4, training="differs")


@pytest.mark.parametrize("training", [True, False])
def test_equals_keras(training):
    ours, theirs = built(), keras.layers.BatchNormalization()
    theirs.build(X.shape)
    theirs.set_weights(ours.get_weights())
    for x in (X, X**2):  # the second call meets what the first has kept
        want = theirs(x, training=training)
        assert_close_relative(ours(x, training=training), want, 1e-5)
    for a, b in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


def test_trained_channels_have_mean_beta_and_deviation_gamma():
    layer = built(epsilon=1e-9)
    y = np.asarray(layer(X, training=True))
    np.testing.assert_allclose(y.mean(axis=(0, 1, 2)), layer.beta, atol=1e-5)
    np.testing.assert_allclose(y.std(axis=(0, 1, 2)), layer.gamma, rtol=1e-5)


def test_fresh_layer_hardly_changes_its_input():
    np.testing.assert_allclose(BatchNorm()(X), X / np.sqrt(1.001), rtol=1e-5)


@pytest.mark.parametrize("unbiased", [False, True])
def test_moving_statistics(unbiased):
    layer = BatchNorm(momentum=0.9, unbiased=unbiased)
    layer(X, training=True)
    variance = X.var(axis=(0, 1, 2), ddof=1 if unbiased else 0)
    np.testing.assert_allclose(layer.moving_variance, 0.9 + 0.1 * variance, rtol=1e-5)
    mean = X.mean(axis=(0, 1, 2))
    np.testing.assert_allclose(layer.moving_mean, 0.1 * mean, rtol=1e-4, atol=1e-6)


def test_moving_statistics_in_half_precision_are_those_of_single():
    half, single = BatchNorm(dtype="mixed_float16"), BatchNorm()
    for layer in (half, single):
        layer(100 * X.astype("float16"), training=True)  # squares overflow float16
    for a, b in zip(half.get_weights(), single.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6)


def test_frozen_layer_infers_even_when_called_for_training():
    layer = built()
    want, kept = np.asarray(layer(X)), layer.get_weights()
    layer.trainable = False
    np.testing.assert_array_equal(layer(X, training=True), want)
    for a, b in zip(layer.get_weights(), kept, strict=True):
        np.testing.assert_array_equal(a, b)


def output_and_gradients(scale):
    """Return BN(scale W x), and the gradients of a fixed loss in x and in W."""
    layer = built(epsilon=1e-9)
    rng = np.random.default_rng(1)
    x = tf.constant(X.reshape(-1, 4))
    kernel = tf.constant(scale * rng.normal(size=(4, 4)), "float32")
    cotangent = rng.normal(size=x.shape)
    with tf.GradientTape() as tape:
        tape.watch([x, kernel])
        y = layer(x @ kernel, training=True)
        loss = ops.sum(y * ops.cast(cotangent, y.dtype))
    return y, *tape.gradient(loss, [x, kernel])


def test_scale_of_the_weights_before_it_does_not_matter():
    """Section 3.3: BN(aWx) = BN(Wx), also for gradients in x; in W they shrink by a."""
    y, in_x, in_kernel = output_and_gradients(1)
    y3, in_x3, in_kernel3 = output_and_gradients(3)
    np.testing.assert_allclose(y3, y, atol=1e-4)
    np.testing.assert_allclose(in_x3, in_x, atol=1e-4)
    assert np.abs(in_kernel).max() > 1
    np.testing.assert_allclose(in_kernel3, in_kernel / 3, atol=1e-3)


def test_rejects():
    with pytest.raises(ValueError, match=r"momentum must be in \[0, 1\), got 1"):
        BatchNorm(momentum=1)
    with pytest.raises(ValueError, match="epsilon must be > 0, got 0"):
        BatchNorm(epsilon=0)
