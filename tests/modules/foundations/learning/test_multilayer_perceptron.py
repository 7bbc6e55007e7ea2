import keras
import numpy as np
import pytest

from course.checks import check_layer, check_model, noise_weights
from modules.foundations.learning.dropout import Dropout
from modules.foundations.learning.multilayer_perceptron import Affine, mlp

RNG = np.random.default_rng(0)
X = RNG.normal(size=(3, 7)).astype("float32")
IMAGES = RNG.normal(size=(3, 4, 5, 2)).astype("float32")


@pytest.mark.parametrize("x", [X, IMAGES])
def test_affine(x):
    width = x.shape[-1]
    check_layer(lambda: Affine(6), x, (*x.shape[:-1], 6), weights=width * 6 + 6)


def test_affine_equals_dense():
    ours, theirs = Affine(6), keras.layers.Dense(6)
    for layer in (ours, theirs):
        layer.build(X.shape)
    noise_weights(ours, seed=0)
    theirs.set_weights(ours.get_weights())
    np.testing.assert_allclose(ours(X), theirs(X), atol=1e-6)


def test_start_is_that_of_dense():
    layer = Affine(300)
    layer.build((None, 200))
    kernel, bias = layer.get_weights()
    bound = np.sqrt(6 / 500)
    assert 0.99 * bound < np.abs(kernel).max() <= bound and abs(kernel.mean()) < 0.01
    np.testing.assert_array_equal(bias, np.zeros(300))


@pytest.mark.parametrize(
    ("between", "training"), [(None, "same"), (lambda x: Dropout(0.5)(x), "differs")]
)
def test_mlp(between, training):
    def make():
        return mlp((8, 6), 3, (4, 5, 2), between)

    weights = (40 * 8 + 8) + (8 * 6 + 6) + (6 * 3 + 3)
    check_model(make, IMAGES, (3, 3), weights, training=training)


def test_weights_of_the_docstring():
    assert mlp().count_params() == 4810


def test_mlp_equals_numpy():
    model = mlp((8, 6), 3, (4, 5, 2))
    noise_weights(model, seed=0)
    w1, b1, w2, b2, w3, b3 = model.get_weights()
    h = np.maximum(IMAGES.reshape(3, -1) @ w1 + b1, 0)
    h = np.maximum(h @ w2 + b2, 0)
    np.testing.assert_allclose(model(IMAGES), h @ w3 + b3, atol=1e-5)


def test_what_is_between_stands_behind_every_hidden_layer():
    model = mlp((8, 6), 3, (7,), between=lambda x: Dropout(0.5)(x))
    kinds = [type(x) for x in model.layers]
    assert kinds.count(Dropout) == 2 and kinds[-2:] == [Dropout, Affine]


def test_without_hidden_layers_it_is_linear():
    model = mlp((), 3, (7,))
    noise_weights(model, seed=0)
    kernel, bias = model.get_weights()
    np.testing.assert_allclose(model(X), X @ kernel + bias, atol=1e-6)


@pytest.mark.parametrize("units", [0, 2.5, "3"])
def test_rejects(units):
    with pytest.raises(ValueError, match="units must be an int >= 1, got"):
        Affine(units)
