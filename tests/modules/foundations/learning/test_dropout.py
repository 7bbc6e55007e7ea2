from itertools import product

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy import special

from course.checks import check_function, check_layer
from modules.foundations.learning.dropout import Dropout, thin

RNG = np.random.default_rng(0)
X = RNG.uniform(1, 2, size=(4, 300)).astype("float32")
IMAGES = RNG.normal(size=(2, 5, 7, 3)).astype("float32")


@pytest.mark.parametrize("x", [X, IMAGES])
@pytest.mark.parametrize("inverted", [True, False])
def test_layer(x, inverted):
    def make():
        return Dropout(rate=0.25, inverted=inverted, seed=3)

    check_layer(make, x, x.shape, weights=0, training="differs")


def test_thin():
    check_function(thin, X, RNG.random(X.shape) < 0.5, y_shape=X.shape)


@pytest.mark.parametrize("rate", [0.25, 0.5, 0.8])
def test_inverted(rate):
    layer = Dropout(rate, seed=0)
    np.testing.assert_array_equal(layer(X), X)
    y = np.asarray(layer(X, training=True))
    np.testing.assert_allclose(y[y != 0], (X / (1 - rate))[y != 0], rtol=1e-6)


@pytest.mark.parametrize("rate", [0.25, 0.5, 0.8])
def test_as_in_the_paper(rate):
    layer = Dropout(rate, inverted=False, seed=0)
    np.testing.assert_allclose(layer(X), (1 - rate) * X, rtol=1e-6)
    y = np.asarray(layer(X, training=True))
    np.testing.assert_array_equal(y[y != 0], X[y != 0])


@pytest.mark.parametrize("rate", [0.25, 0.8])
@pytest.mark.parametrize("inverted", [True, False])
def test_training_and_inference_agree_on_average(rate, inverted):
    layer, x = Dropout(rate, inverted, seed=1), np.ones((100, 1000), "float32")
    y = np.asarray(layer(x, training=True))
    deviation = y.std() / np.sqrt(y.size)
    assert abs(y.mean() - np.mean(layer(x))) < 4 * deviation


def test_drops_as_many_as_keras():
    x = np.ones((100, 1000), "float32")
    ours, theirs = (
        np.asarray(layer(0.25, seed=2)(x, training=True))
        for layer in (Dropout, keras.layers.Dropout)
    )
    np.testing.assert_allclose(np.unique(ours), np.unique(theirs), rtol=1e-6)
    four_sigma = 4 * np.sqrt(0.25 * 0.75 / x.size)
    assert abs((ours == 0).mean() - 0.25) < four_sigma
    assert abs((theirs == 0).mean() - 0.25) < four_sigma


def test_every_example_and_every_call_has_its_own_mask():
    layer = Dropout(0.5, seed=0)
    first, second = (np.asarray(layer(X, training=True)) != 0 for _ in range(2))
    assert 0.4 < (first[0] != first[1]).mean() < 0.6
    assert 0.4 < (first != second).mean() < 0.6
    again = np.asarray(Dropout(0.5, seed=0)(X, training=True)) != 0
    np.testing.assert_array_equal(again, first)


def test_compiled_calls_draw_anew():
    layer = Dropout(0.5, seed=0)
    compiled = tf.function(lambda x: layer(x, training=True), jit_compile=True)
    assert not np.array_equal(compiled(X), compiled(X))


@pytest.mark.parametrize("inverted", [True, False])
def test_gradient_goes_through_the_same_mask(inverted):
    layer, x = Dropout(0.5, inverted, seed=0), tf.constant(X)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = layer(x, training=True)
    np.testing.assert_allclose(tape.gradient(y, x), y / x, rtol=1e-6)


@pytest.mark.parametrize("inverted", [True, False])
def test_without_rate_nothing_happens(inverted):
    for training in (True, False):
        np.testing.assert_array_equal(Dropout(0, inverted)(X, training=training), X)


def test_scaling_is_the_mean_of_all_thinned_networks():
    """Before a softmax: the renormalised geometric mean of 2^n networks, exactly."""
    n, rate = 5, 0.3
    x, kernel = RNG.normal(size=(2, n)), RNG.normal(size=(n, 4))
    masks = np.array(list(product([0.0, 1.0], repeat=n)))
    assert len(masks) == 2**n
    chance = np.prod(np.where(masks, 1 - rate, rate), axis=1)
    logits = thin(x, masks[:, None]).numpy() @ kernel  # (2^n, 2, 4)
    scaled = Dropout(rate, inverted=False, dtype="float64")(x) @ kernel
    np.testing.assert_allclose(np.tensordot(chance, logits, 1), scaled)
    log_mean = np.tensordot(chance, special.log_softmax(logits, axis=-1), 1)
    np.testing.assert_allclose(
        special.softmax(log_mean, axis=-1), special.softmax(scaled, axis=-1)
    )


def test_masks_of_padding_pass_through():
    """The mean that follows leaves the padded step out."""
    x = RNG.normal(size=(1, 3, 4)).astype("float32")
    x[0, 2] = 0
    parts = keras.layers.Masking(), Dropout(), keras.layers.GlobalAveragePooling1D()
    y = keras.Sequential(parts)(x)
    np.testing.assert_allclose(y, x[:, :2].mean(axis=1), rtol=1e-5)


@pytest.mark.parametrize("rate", [-0.1, 1, 1.5])
def test_rejects(rate):
    with pytest.raises(ValueError, match=r"rate must be in \[0, 1\), got"):
        Dropout(rate)
