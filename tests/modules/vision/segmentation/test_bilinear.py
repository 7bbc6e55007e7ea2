import keras
import numpy as np
import pytest
from keras import ops

from course.checks import check_model
from modules.vision.segmentation.bilinear import Bilinear, upsample

X = np.random.default_rng(0).normal(size=(2, 5, 6, 3)).astype("float32")


def enlarge(factor):
    inputs = keras.Input((None, None, 3))
    return keras.Model(inputs, upsample(inputs, factor))


def test_model():
    check_model(lambda: enlarge(2), X, (2, 10, 12, 3), weights=4 * 4 * 3 * 3)


@pytest.mark.parametrize("factor", [1, 2, 3, 8])
def test_equals_resizing_but_for_the_rim(factor):
    got = np.asarray(enlarge(factor)(X))
    want = ops.image.resize(X, (5 * factor, 6 * factor), interpolation="bilinear")
    rim = factor // 2
    inner = (slice(None), slice(rim, -rim or None), slice(rim, -rim or None))
    np.testing.assert_allclose(got[inner], np.asarray(want)[inner], atol=1e-5)
    if factor > 1:
        assert np.abs(got - want).max() > 0.1  # outside it takes zeros


def test_kernel_by_hand():
    got = np.asarray(Bilinear()((4, 4, 2, 2)))
    tent = np.array([1, 3, 3, 1]) / 4
    np.testing.assert_allclose(got[:, :, 0, 0], np.outer(tent, tent))
    np.testing.assert_array_equal(got[:, :, 1, 1], got[:, :, 0, 0])
    assert not got[:, :, 0, 1].any() and not got[:, :, 1, 0].any()
    np.testing.assert_allclose(
        np.asarray(Bilinear()((3, 3, 1, 1)))[1, :, 0, 0], [0.5, 1, 0.5]
    )


def test_a_fixed_one_is_not_trained():
    inputs = keras.Input((4, 4, 2))
    model = keras.Model(inputs, upsample(inputs, 4, trainable=False))
    assert not model.trainable_weights and model.count_params() == 8 * 8 * 4


@pytest.mark.parametrize("shape", [(4, 3, 2, 2), (4, 4, 2, 3)])
def test_rejects_shape(shape):
    with pytest.raises(ValueError, match="the kernel must be .k, k, C, C., got"):
        Bilinear()(shape)


@pytest.mark.parametrize("factor", [0, 1.5])
def test_rejects_factor(factor):
    with pytest.raises(ValueError, match="factor must be an int >= 1, got"):
        upsample(keras.Input((4, 4, 2)), factor)
