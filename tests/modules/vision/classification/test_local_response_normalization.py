import numpy as np
import pytest
import tensorflow as tf

from course.checks import check_layer
from modules.vision.classification.local_response_normalization import (
    LocalResponseNormalization,
)

X = 10 * np.random.default_rng(0).normal(size=(2, 4, 3, 9)).astype("float32")


def test_layer():
    def make():
        return LocalResponseNormalization(size=3, k=1.0, alpha=0.1, beta=0.5)

    check_layer(make, X, X.shape, weights=0)


@pytest.mark.parametrize("size", [1, 3, 5])
def test_equals_tensorflow(size):
    layer = LocalResponseNormalization(size, k=2.0, alpha=0.01, beta=0.75)
    want = tf.nn.local_response_normalization(X, size // 2, 2.0, 0.01, 0.75)
    np.testing.assert_allclose(layer(X), want, rtol=1e-5)


def test_without_alpha_only_scales():
    layer = LocalResponseNormalization(alpha=0.0)
    np.testing.assert_allclose(layer(X), X / 2**0.75, rtol=1e-6)


@pytest.mark.parametrize("size", [0, 4, 2.5])
def test_rejects_size(size):
    with pytest.raises(ValueError, match=f"size must be an odd int >= 1, got {size}"):
        LocalResponseNormalization(size)
