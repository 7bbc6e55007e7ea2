import keras
import numpy as np
import pytest

from course.checks import check_layer
from modules.vision.segmentation.crop import CropTo

RNG = np.random.default_rng(0)
X = RNG.normal(size=(2, 8, 7, 3)).astype("float32")
LIKE = RNG.normal(size=(2, 4, 3, 5)).astype("float32")


@pytest.mark.parametrize("place", ["middle", "start"])
def test_layer(place):
    check_layer(lambda: CropTo(place), (X, LIKE), y_shape=(2, 4, 3, 3), weights=0)


def test_where():
    np.testing.assert_array_equal(CropTo("middle")(X, LIKE), X[:, 2:6, 2:5])
    np.testing.assert_array_equal(CropTo("start")(X, LIKE), X[:, :4, :3])
    np.testing.assert_array_equal(CropTo("middle")(X, X), X)


def test_symbolic_sizes():
    x, like = keras.Input((8, 7, 3)), keras.Input((4, None, 5))
    assert CropTo("start")(x, like).shape == (None, 4, None, 3)


def test_an_odd_difference_has_no_middle():
    with pytest.raises(ValueError, match="a map of 8 has no middle of 5, the diff"):
        CropTo("middle")(X, X[:, :5])
    assert CropTo("start")(X, X[:, :5]).shape == (2, 5, 7, 3)


def test_rejects_a_larger_one():
    with pytest.raises(ValueError, match="a map of 4 cannot be cropped to 8"):
        CropTo("start")(LIKE, X)


def test_rejects_place():
    with pytest.raises(ValueError, match="place must be 'middle' or 'start', got 'e'"):
        CropTo("e")
