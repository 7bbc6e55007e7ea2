import numpy as np
import pytest

from course.checks import check_layer
from modules.vision.classification.global_average_pooling import (
    GlobalAverageClassifier,
)

X = np.random.default_rng(0).normal(size=(2, 7, 5, 4)).astype("float32")


@pytest.mark.parametrize("activation", ["softmax", None])
def test_layer(activation):
    check_layer(lambda: GlobalAverageClassifier(activation), X, (2, 4), weights=0)


def test_probabilities():
    got = GlobalAverageClassifier()(X)
    want = np.exp(X.mean(axis=(1, 2)))
    np.testing.assert_allclose(got, want / want.sum(axis=1, keepdims=True), rtol=1e-5)


def test_averages_space_and_not_channels():
    got = GlobalAverageClassifier(activation=None)(X)
    np.testing.assert_allclose(got, X.mean(axis=(1, 2)), atol=1e-6)


def test_takes_any_size_with_the_same_layer():
    layer = GlobalAverageClassifier(activation=None)
    whole, tiled = layer(X), layer(np.tile(X, (1, 2, 3, 1)))
    np.testing.assert_allclose(whole, tiled, atol=1e-6)


def test_forgets_where_things_are():
    layer = GlobalAverageClassifier()
    shuffled = np.random.default_rng(1).permutation(X.reshape(2, 35, 4), axis=1)
    for moved in (np.roll(X, (2, 3), axis=(1, 2)), shuffled.reshape(X.shape)):
        np.testing.assert_allclose(layer(moved), layer(X), atol=1e-6)


def test_rejects_activation():
    with pytest.raises(ValueError, match="'softmax' or None, got 'relu'"):
        GlobalAverageClassifier("relu")
