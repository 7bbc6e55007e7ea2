import keras
import numpy as np
import pytest
import tensorflow as tf

from course.checks import check_layer
from modules.nlp.translation.positional_encoding import (
    LearnedPositions,
    PositionalEncoding,
    sinusoids,
)

X = np.random.default_rng(0).normal(size=(2, 7, 12)).astype("float32")


def test_layer():
    check_layer(lambda: PositionalEncoding(max_wavelength=50.0), X, X.shape, weights=0)


def test_learned_layer():
    check_layer(lambda: LearnedPositions(max_length=9), X, X.shape, weights=9 * 12)


def test_by_hand():
    """Position 3 with 4 channels: the rates are 1 and 1 / 100."""
    want = [np.sin(3), np.cos(3), np.sin(0.03), np.cos(0.03)]
    np.testing.assert_allclose(sinusoids(np.array(3), 4), want, atol=1e-6)


def test_equals_the_formula():
    got = np.asarray(sinusoids(np.arange(60), 10))
    for p, i in np.ndindex(60, 5):
        angle = p / 10_000 ** (2 * i / 10)
        want = np.sin(angle), np.cos(angle)
        np.testing.assert_allclose(got[p, 2 * i : 2 * i + 2], want, atol=1e-5)


def test_position_zero():
    np.testing.assert_array_equal(sinusoids(np.array(0), 8), [0, 1] * 4)


def test_every_position_has_the_same_length():
    waves = np.asarray(sinusoids(np.arange(500), 64))
    np.testing.assert_allclose((waves**2).sum(axis=1), np.full(500, 32), rtol=1e-5)


def test_moving_by_k_is_a_rotation_that_does_not_depend_on_p():
    d, k = 16, 5
    turn = np.zeros((d, d))
    for i in range(0, d, 2):
        angle = k / 10_000 ** (i / d)
        sin, cos = np.sin(angle), np.cos(angle)
        turn[i : i + 2, i : i + 2] = [[cos, sin], [-sin, cos]]
    waves = np.asarray(sinusoids(np.arange(40), d))
    np.testing.assert_allclose(waves[:-k] @ turn.T, waves[k:], atol=1e-5)


def test_dot_products_depend_on_distance_only():
    waves = np.asarray(sinusoids(np.arange(40), 16), "float64")
    dots = waves @ waves.T
    for k in range(6):
        assert np.ptp(np.diagonal(dots, k)) < 1e-5


def test_start_index_and_long_sentences():
    x = np.zeros((1, 900, 12), "float32")
    layer = PositionalEncoding()
    whole = layer(x)
    np.testing.assert_allclose(layer(x[:, :5], start_index=700), whole[:, 700:705])
    got = layer(x[:, :5], start_index=tf.constant(700))
    np.testing.assert_allclose(got, whole[:, 700:705])


def test_half_precision_tells_late_positions_apart():
    layer = PositionalEncoding(dtype="mixed_float16")
    y = np.asarray(layer(np.zeros((1, 5000, 64), "float16")))[0]
    assert (np.abs(y[1:] - y[:-1]).max(axis=1) > 0.1).all()


@pytest.mark.parametrize("make", [PositionalEncoding, lambda: LearnedPositions(7)])
def test_masks_are_handed_on(make):
    tokens = np.array([[3, 1, 2, 0, 0]])
    y = make()(keras.layers.Embedding(6, 12, mask_zero=True)(tokens))
    np.testing.assert_array_equal(y._keras_mask, tokens != 0)


def test_learned_start_index():
    layer = LearnedPositions(9)
    want = np.asarray(layer(X) - X)
    got = layer(X[:, :3], start_index=4) - X[:, :3]
    np.testing.assert_allclose(got, want[:, 4:], atol=1e-6)


def test_longer_sentences_than_positions_are_refused():
    layer = LearnedPositions(6)
    with pytest.raises(ValueError, match="6 positions, got a sentence of 7 words"):
        layer(X)
    with pytest.raises(ValueError, match="6 positions, got a sentence of 8 words"):
        LearnedPositions(6)(X[:, :3], start_index=5)
    function = tf.function(layer, input_signature=[tf.TensorSpec((2, None, 12))])
    with pytest.raises(tf.errors.InvalidArgumentError, match="6"):
        function(X)


def test_rejects_arguments():
    with pytest.raises(ValueError, match="channels must be even and >= 2, got 5"):
        sinusoids(np.arange(3), 5)
    with pytest.raises(ValueError, match="max_length must be an int >= 1, got 0"):
        LearnedPositions(0)
