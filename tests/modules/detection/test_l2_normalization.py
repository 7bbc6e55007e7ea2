import numpy as np
import pytest

from course.checks import check_layer
from modules.detection.l2_normalization import L2Normalization

X = np.random.default_rng(0).normal(size=(2, 5, 3, 7)).astype("float32")


def test_layer():
    check_layer(lambda: L2Normalization(scale=3.0), X, y_shape=X.shape, weights=7)


def test_length_is_20_at_every_position():
    y = L2Normalization()(100 * X)
    np.testing.assert_allclose(np.linalg.norm(y, axis=-1), 20, rtol=1e-5)


def test_direction_stays_and_size_does_not_matter():
    layer = L2Normalization()
    y = np.asarray(layer(X))
    want = 20 * X / np.linalg.norm(X, axis=-1, keepdims=True)
    np.testing.assert_allclose(y, want, rtol=1e-5)
    np.testing.assert_allclose(layer(7 * X), y, rtol=1e-5)


def test_channels_have_scales_of_their_own():
    layer = L2Normalization()
    before = np.asarray(layer(X))
    layer.gamma.assign(np.arange(7.0))
    np.testing.assert_allclose(layer(X), before / 20 * np.arange(7), rtol=1e-5)


def test_zeros_stay_zeros():
    assert not np.asarray(L2Normalization()(0 * X)).any()


@pytest.mark.parametrize("name", ["scale", "epsilon"])
def test_rejects(name):
    with pytest.raises(ValueError, match=f"{name} must be > 0, got 0"):
        L2Normalization(**{name: 0})
