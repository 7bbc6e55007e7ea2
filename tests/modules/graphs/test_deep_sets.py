import keras
import numpy as np
import pytest
from keras import layers, ops

from course.checks import check_layer, check_mask, check_model, noise_weights
from modules.graphs.deep_sets import SetLayer, SetSum, deep_set

X = np.random.default_rng(0).normal(size=(2, 5, 3)).astype("float32")
ORDERS = [np.random.default_rng(seed).permutation(5) for seed in range(5)]


def small_set():
    psi = [layers.Dense(6, "tanh"), layers.Dense(4, "relu")]
    return deep_set(psi, [layers.Dense(2)], (None, 3))


def test_layers():
    check_layer(SetSum, X, (2, 3), 0)
    check_layer(lambda: SetLayer(4, "tanh"), X, (2, 5, 4), 2 * 3 * 4 + 4)


def test_model():
    check_model(small_set, X, (2, 2), 3 * 6 + 6 + 6 * 4 + 4 + 4 * 2 + 2)


def test_masks():
    check_mask(SetSum, X)
    check_mask(lambda: SetLayer(4, "tanh"), X)
    got = SetSum()(X, mask=np.zeros((2, 5), bool))  # an empty set
    np.testing.assert_array_equal(got, np.zeros((2, 3)))


@pytest.mark.parametrize("order", ORDERS, ids=str)
def test_symmetries(order):
    """f(P X) = f(X) for the model, f(P X) = P f(X) for the layer."""
    model, layer = small_set(), SetLayer(4, "tanh")
    for each in (model, layer):
        each(X)
        noise_weights(each, seed=0)
    np.testing.assert_allclose(model(X[:, order]), model(X), atol=1e-5)
    permuted = ops.convert_to_numpy(layer(X))[:, order]
    np.testing.assert_allclose(layer(X[:, order]), permuted, atol=1e-5)


def test_sums_count_and_means_do_not():
    twice = np.concatenate([X, X], axis=1)
    np.testing.assert_allclose(SetSum()(twice), 2 * X.sum(axis=1), atol=1e-5)
    mean = layers.GlobalAveragePooling1D()
    np.testing.assert_allclose(mean(twice), mean(X), atol=1e-6)


def test_one_channel_is_lambda_and_gamma():
    """Theta = lambda I + gamma 1 1^T."""
    layer = SetLayer(1)
    layer.build((None, None, 1))
    layer.set_weights([np.array([[2.0]]), np.zeros(1), np.array([[-0.5]])])
    x = X[:, :, :1]
    theta = 2.0 * np.eye(5) - 0.5 * np.ones((5, 5))
    np.testing.assert_allclose(layer(x), theta @ x, atol=1e-5)


def test_sets_of_any_size():
    model = small_set()
    assert tuple(model(X[:, :1]).shape) == tuple(model(X).shape) == (2, 2)


@pytest.mark.parametrize("units", [0, 2.5])
def test_rejects_units(units):
    with pytest.raises(ValueError, match="units must be an int >= 1, got"):
        SetLayer(units)


def test_learns_what_does_not_depend_on_the_order():
    """The number of positive elements, of sets larger than any that it has seen."""
    keras.utils.set_random_seed(0)
    rng = np.random.default_rng(1)
    sets = rng.normal(size=(512, 6, 1)).astype("float32")
    larger = rng.normal(size=(64, 12, 1)).astype("float32")
    model = deep_set([layers.Dense(16, "tanh")], [layers.Dense(1)], (None, 1))
    model.compile(keras.optimizers.Adam(0.02), "mse")
    model.fit(sets, (sets > 0).sum(axis=1), batch_size=64, epochs=12, verbose=0)
    assert model.evaluate(larger, (larger > 0).sum(axis=1), verbose=0) < 1.0
