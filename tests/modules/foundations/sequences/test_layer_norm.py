import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops

from course.checks import assert_close_relative, check_layer, check_mask, noise_weights
from modules.foundations.sequences.layer_norm import LayerNorm

X = np.random.default_rng(0).normal(size=(3, 5, 4)).astype("float32")
X = X * np.float32([1, 2, 3, 4]) + np.float32([-1, 0, 1, 2])


def built(**options):
    layer = LayerNorm(**options)
    layer.build(X.shape)
    noise_weights(layer, seed=0)
    return layer


@pytest.mark.parametrize("x", [X, X[:, 0]])
def test_layer(x):
    check_layer(lambda: LayerNorm(epsilon=1e-4), x, x.shape, 2 * 4)


def test_passes_the_mask_on():
    check_mask(LayerNorm, X, call=lambda layer, x, mask: layer(x))
    tokens = keras.layers.Embedding(9, 4, mask_zero=True)(np.array([[3, 0]]))
    np.testing.assert_array_equal(LayerNorm()(tokens)._keras_mask, [[True, False]])


@pytest.mark.parametrize("epsilon", [1e-3, 1e-5])
def test_equals_keras(epsilon):
    ours, theirs = LayerNorm(epsilon), keras.layers.LayerNormalization(epsilon=epsilon)
    theirs.build(X.shape)
    ours.build(X.shape)
    noise_weights(ours, seed=0)
    theirs.set_weights(ours.get_weights())
    for x in (X, 0.01 * X):  # the small variances show epsilon
        assert_close_relative(ours(x), theirs(x), 1e-5)


def test_two_vectors_by_hand():
    layer = LayerNorm(epsilon=7.0)
    layer.build((None, 3))
    layer.set_weights([np.array([1.0, 2.0, 3.0]), np.array([0.0, 0.0, 1.0])])
    got = layer(np.float32([[1, 4, 7]]))
    # mean 4, deviations -3, 0, 3, variance 6
    want = np.array([-3, 0, 3]) / np.sqrt(6 + 7) * [1, 2, 3] + [0, 0, 1]
    np.testing.assert_allclose(got, want[None], rtol=1e-6)


def test_each_vector_has_mean_0_and_variance_1():
    y = np.asarray(LayerNorm(epsilon=1e-9)(X))
    np.testing.assert_allclose(y.mean(axis=-1), 0, atol=1e-5)
    np.testing.assert_allclose(y.var(axis=-1), 1, atol=1e-4)


def test_examples_and_steps_do_not_see_each_other():
    layer = built()
    np.testing.assert_allclose(layer(X)[1:2, 2:3], layer(X[1:2, 2:3]), atol=1e-6)
    other = X.copy()
    other[0, 0] = 100
    got, want = np.array(layer(other)), np.array(layer(X))
    got[0, 0] = want[0, 0]
    np.testing.assert_array_equal(got, want)


def test_training_and_inference_are_the_same_and_nothing_is_kept():
    layer = built()
    np.testing.assert_array_equal(layer(X, training=True), layer(X, training=False))
    assert not layer.non_trainable_weights


def test_scale_and_shift_of_a_vector_do_not_matter():
    """Table 1: invariant to rescaling and shifting the input of one example."""
    layer = built(epsilon=1e-9)
    scale = np.float32([1, 10, 0.1])[:, None, None]
    shift = np.float32([0, -5, 3])[:, None, None]
    np.testing.assert_allclose(layer(scale * X + shift), layer(X), atol=2e-4)


def test_single_units_may_not_be_scaled():
    """Unlike batch normalization: rescaling one unit changes the others too."""
    layer = built(epsilon=1e-9)
    got = np.asarray(layer(X * np.float32([5, 1, 1, 1])))
    assert np.abs(got - layer(X))[..., 1:].max() > 0.1


def test_gradient_is_orthogonal_to_what_does_not_matter():
    """No gradient along a common shift of a vector, nor along its deviations."""
    layer = built(epsilon=1e-9)
    x = tf.constant(X)
    with tf.GradientTape() as tape:
        tape.watch(x)
        loss = ops.sum(layer(x) ** 2)
    slopes = np.asarray(tape.gradient(loss, x))
    assert np.abs(slopes).max() > 0.1
    np.testing.assert_allclose(slopes.sum(axis=-1), 0, atol=1e-4)
    np.testing.assert_allclose((slopes * X).sum(axis=-1), 0, atol=1e-3)


def test_half_precision_does_not_overflow():
    half, single = LayerNorm(dtype="mixed_float16"), LayerNorm()
    x = (300 * X).astype("float16")  # squares overflow float16
    np.testing.assert_allclose(half(x), single(x.astype("float32")), atol=2e-3)


def test_rejects_epsilon():
    with pytest.raises(ValueError, match="epsilon must be > 0, got 0"):
        LayerNorm(epsilon=0)
