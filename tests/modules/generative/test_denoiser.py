"""The U-Net of the paper, to the weight."""

import numpy as np
import pytest

from course.checks import check_model, noise_weights
from modules.generative.denoiser import denoiser

RNG = np.random.default_rng(0)
SMALL = {"filters": (8, 12), "blocks": 1, "attention": (1,), "rate": 0.0}
X = RNG.normal(size=(2, 4, 6, 3)).astype("float32")
T = np.array([1, 700], "int32")


def small():
    return denoiser(**SMALL, input_shape=(4, 6, 3))


def test_model():
    check_model(small, (X, T), X.shape, weights=small().count_params(), tolerance=5e-5)


def block(a, b, time=512):
    """Weights of a residual block from a to b channels."""
    shortcut = (a + 1) * b if a != b else 0
    convs = 9 * a * b + b + 9 * b * b + b
    return 2 * a + 2 * b + convs + (time + 1) * b + shortcut


def test_weights_of_the_paper():
    """35.7 million: added up from the paper's description, apart from the code."""
    look = 4 * (256 * 256 + 256) + 2 * 256
    step = 9 * 256 * 256 + 256
    total = (128 + 1) * 512 + (512 + 1) * 512 + 9 * 3 * 128 + 128
    total += 2 * block(128, 128) + 9 * 128 * 128 + 128  # 32x32
    total += block(128, 256) + block(256, 256) + 2 * look + step  # 16x16
    total += 2 * block(256, 256) + step + 2 * block(256, 256)  # 8x8, 4x4
    total += 2 * block(256, 256) + look  # the middle
    total += 3 * block(512, 256) + step + 3 * block(512, 256) + step
    total += 2 * block(512, 256) + block(384, 256) + 3 * look + step
    total += block(384, 128) + 2 * block(256, 128)
    total += 2 * 128 + 9 * 128 * 3 + 3
    assert total == 35_746_307
    assert denoiser(input_shape=(None, None, 3)).count_params() == total


def test_depends_on_the_image_and_the_time():
    model = small()
    noise_weights(model, seed=0)
    y = np.asarray(model([X, T]))
    assert np.abs(y - model([X[::-1], T])).min() > 0
    assert np.abs(y - model([X, T[::-1]])).min() > 0


def test_examples_do_not_touch_each_other():
    model = small()
    noise_weights(model, seed=0)
    alone = model([X[1:], T[1:]])
    np.testing.assert_allclose(model([X, T])[1:], alone, atol=1e-5)


def test_sizes_may_be_unknown():
    model = denoiser(**SMALL, input_shape=(None, None, 3))
    for size in ((4, 6), (8, 2)):
        x = RNG.normal(size=(1, *size, 3)).astype("float32")
        assert model([x, T[:1]]).shape == x.shape


def test_refuses():
    with pytest.raises(ValueError, match="must be multiples of 2, got .7, 8, 1"):
        denoiser(**SMALL, input_shape=(7, 8, 1))
    with pytest.raises(ValueError, match="filters must be multiples of 4, got .6,"):
        denoiser(filters=(6,))
    with pytest.raises(ValueError, match="blocks must be an int >= 1, got 0"):
        denoiser(blocks=0)
