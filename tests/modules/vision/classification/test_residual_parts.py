import keras
import numpy as np
import pytest

from course.checks import check_layer
from modules.vision.classification.residual_parts import (
    Conv,
    PadShortcut,
    basic,
    blocks_of,
    bottleneck,
    conv,
    imagenet_stem,
    project,
    units,
)

X = np.random.default_rng(0).normal(size=(2, 7, 6, 3)).astype("float32")


def test_pad_shortcut():
    check_layer(lambda: PadShortcut(filters=5, strides=2), X, (2, 4, 3, 5), weights=0)


def test_pad_shortcut_keeps_every_second_pixel_and_adds_zero_channels_behind():
    y = np.asarray(PadShortcut(filters=5, strides=2)(X))
    np.testing.assert_array_equal(y[..., :3], X[:, ::2, ::2])
    assert not y[..., 3:].any()


def test_pad_shortcut_cannot_drop_channels():
    with pytest.raises(ValueError, match="filters must be at least 3, got 2"):
        PadShortcut(filters=2, strides=1)(X)


@pytest.mark.parametrize("size", [1, 3, 7])
@pytest.mark.parametrize("strides", [1, 2])
def test_conv_pads_all_sides_alike(size, strides):
    inputs = keras.Input((7, 6, 3))
    model = keras.Model(inputs, conv(inputs, Conv(2, size, strides), "conv"))
    kernel = np.random.default_rng(1).normal(size=(size, size, 3, 2))
    model.set_weights([kernel])
    pad = size // 2
    padded = np.pad(X, [(0, 0), (pad, pad), (pad, pad), (0, 0)])
    want = [
        [
            np.einsum("bhwc,hwcf->bf", padded[:, i : i + size, j : j + size], kernel)
            for j in range(0, 6, strides)
        ]
        for i in range(0, 7, strides)
    ]
    np.testing.assert_allclose(model(X), np.moveaxis(want, 2, 0), atol=1e-4)


def test_project_is_the_identity_where_the_shape_stays():
    x = keras.Input((8, 8, 16))
    assert project(x, basic(16, 1), "A", "shortcut") is x
    assert project(x, basic(16, 1), "B", "shortcut") is x
    for shortcut in "AB":
        assert project(x, basic(32, 1), shortcut, "one").shape == (None, 8, 8, 32)
        assert project(x, basic(16, 2), shortcut, "two").shape == (None, 4, 4, 16)


def test_units_halve_the_map_at_the_start_of_every_stage_but_the_first():
    got = {name: convs for convs, name in units(bottleneck, (64, 128), (2, 2))}
    assert got["stage1_block1"] == got["stage1_block2"] == bottleneck(64, 1)
    assert got["stage2_block1"] == bottleneck(128, 2)
    assert got["stage2_block2"] == bottleneck(128, 1)


def test_stem_divides_the_size_by_four():
    assert imagenet_stem(keras.Input((224, 192, 3))).shape == (None, 56, 48, 64)


def test_rejects():
    x = keras.Input((8, 8, 16))
    with pytest.raises(ValueError, match="shortcut must be 'A' or 'B', got 'C'"):
        project(x, basic(16, 1), "C", "shortcut")
    with pytest.raises(ValueError, match="at least 1 block"):
        list(units(basic, (16, 32), (0, 0)))
    with pytest.raises(ValueError, match=r"depth must be one of \[18, .*\], got 20"):
        blocks_of(20)
