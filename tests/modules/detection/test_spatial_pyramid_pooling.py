import keras
import numpy as np
import pytest
import tensorflow as tf

from course.checks import check_layer
from modules.detection.spatial_pyramid_pooling import SpatialPyramidPooling

X = np.random.default_rng(0).normal(size=(2, 7, 5, 3)).astype("float32")


def pool(x, *levels):
    return np.asarray(SpatialPyramidPooling(levels)(x))


def by_numpy(x, n):
    """Return the maxima of n x n bins of (B, H, W, C), each cut out of the map."""

    def cut(i, size):
        return slice(int(np.floor(i * size / n)), int(np.ceil((i + 1) * size / n)))

    height, width = x.shape[1:3]
    bins = [
        x[:, cut(i, height), cut(j, width)].max(axis=(1, 2))
        for i in range(n)
        for j in range(n)
    ]
    return np.concatenate(bins, axis=-1)


def test_layer():
    check_layer(lambda: SpatialPyramidPooling((3, 2, 1)), X, (2, 14 * 3), 0)


@pytest.mark.parametrize("size", [(7, 5), (13, 13), (11, 4), (1, 1), (2, 30)])
def test_length_does_not_depend_on_the_size(size):
    x = np.random.default_rng(1).normal(size=(2, *size, 3)).astype("float32")
    got = pool(x, 4, 2, 1)
    assert got.shape == (2, 21 * 3)
    want = np.concatenate([by_numpy(x, n) for n in (4, 2, 1)], axis=-1)
    np.testing.assert_array_equal(got, want)


def test_papers_length():
    assert pool(np.zeros((1, 13, 13, 256), "float32"), 6, 3, 2, 1).shape == (1, 12_800)


@pytest.mark.parametrize("n", [2, 3, 5])
def test_equals_adaptive_pooling(n):
    x = np.random.default_rng(2).normal(size=(2, 11, 7, 3)).astype("float32")
    want = keras.layers.AdaptiveMaxPooling2D((n, n))(x)
    np.testing.assert_array_equal(pool(x, n), np.reshape(want, (2, -1)))


def test_top_level_is_the_global_maximum():
    np.testing.assert_array_equal(pool(X, 1), X.max(axis=(1, 2)))


def test_maps_smaller_than_the_bins_repeat_pixels():
    x = np.float32([[[[1], [2]], [[3], [4]]]])
    want = np.repeat(np.repeat(x[0, ..., 0], 2, axis=0), 2, axis=1)
    np.testing.assert_array_equal(pool(x, 4)[0].reshape(4, 4), want)


@pytest.mark.parametrize("size", [(11, 9), (13, 5)])
@pytest.mark.parametrize("n", [1, 2, 3, 4, 6])
def test_every_pixel_is_in_a_bin(size, n):
    """A single bright pixel must show, wherever it is."""
    pixels = np.eye(size[0] * size[1], dtype="float32").reshape(-1, *size, 1)
    assert (pool(pixels, n).max(axis=-1) == 1).all()


def test_negative_maps_do_not_become_zero():
    assert pool(-1 - np.abs(X), 4, 2).max() <= -1


def test_gradient_reaches_the_maxima_only():
    x = tf.constant(X)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = SpatialPyramidPooling((2,))(x)
    seen = tape.gradient(y, x).numpy() != 0
    np.testing.assert_array_equal(seen, np.isin(X, by_numpy(X, 2)))


@pytest.mark.parametrize("levels", [(), (2, 0), (1.5,)])
def test_rejects(levels):
    with pytest.raises(ValueError, match="levels must be ints >= 1, got"):
        SpatialPyramidPooling(levels)
    with pytest.raises(ValueError, match=r"x must be \(B, H, W, C\) with C known"):
        SpatialPyramidPooling()(np.zeros((2, 3, 4)))
