"""Blocks that are told the time, and start as the identity."""

import keras
import numpy as np
import pytest
from keras import layers, ops

from course.checks import check_layer, noise_weights
from modules.generative.denoiser_parts import (
    TimeEmbedding,
    attention_block,
    down,
    norm_silu,
    time_block,
    time_features,
    up,
)

RNG = np.random.default_rng(0)
X = RNG.normal(size=(3, 4, 6, 8)).astype("float32")
TIME = RNG.normal(size=(3, 5)).astype("float32")


def block(filters=8, **noise):
    x, time = keras.Input((4, 6, 8)), keras.Input((5,))
    model = keras.Model([x, time], time_block(x, time, filters, 0.0, "block"))
    if noise:
        noise_weights(model, **noise)
    return model


def test_layer():
    t = np.array([1, 500, 1000], "int32")
    layer = TimeEmbedding(8)
    check_layer(lambda: TimeEmbedding(8), t, (3, 8), weights=0, tolerance=2e-5)
    angles = t[:, None] / 10_000 ** (np.arange(4) / 4)
    want = np.stack([np.sin(angles), np.cos(angles)], axis=-1).reshape(3, 8)
    np.testing.assert_allclose(layer(t), want, atol=1e-4)


def test_neighbouring_steps_are_alike_and_far_ones_are_not():
    y = ops.convert_to_numpy(TimeEmbedding(32)(np.array([500, 501, 900])))
    near, far = y[0] @ y[1], y[0] @ y[2]
    assert near > 0.9 * 16 > 1.5 * far


def test_block_starts_as_the_identity():
    np.testing.assert_array_equal(block()([X, TIME]), X)


def test_block_is_told_the_time():
    model = block(seed=0)
    assert np.abs(model([X, TIME]) - model([X, -TIME])).min() > 0


def test_block_changes_the_channels():
    model = block(filters=12, seed=0)
    assert model([X, TIME]).shape == (3, 4, 6, 12)
    # two norms, two 3x3 convolutions, the time, the 1x1 shortcut
    want = 2 * 8 + (9 * 8 + 1) * 12 + (5 + 1) * 12 + 2 * 12 + (9 * 12 + 1) * 12
    assert model.count_params() == want + (8 + 1) * 12


def test_norm_has_32_groups_or_groups_of_four():
    for channels, groups in [(8, 2), (128, 32), (384, 32)]:
        x = keras.Input((2, 2, channels))
        found = keras.Model(x, norm_silu(x, "a")).get_layer("a_norm")
        assert found.groups == groups


def test_down_halves_and_up_doubles():
    x = keras.Input((4, 6, 8))
    assert keras.Model(x, down(x, "down"))(X).shape == (3, 2, 3, 8)
    larger = keras.Model(x, up(x, "up"))
    assert larger(X).shape == (3, 8, 12, 8)
    repeated = larger.get_layer("up_repeat")(X)
    np.testing.assert_array_equal(repeated[:, 1::2, 1::2], X)


def test_attention_lets_every_pixel_see_every_other():
    x = keras.Input((4, 6, 8))
    model = keras.Model(x, attention_block(x, "look"))
    noise_weights(model, seed=0)
    moved = X.copy()
    moved[:, 0, 0, 0] += 3
    change = np.abs(model(moved) - model(X)).max(axis=-1)
    assert change.min() > 0
    assert model.count_params() == 4 * (8 * 8 + 8) + 2 * 8  # q, k, v, out and norm


def test_time_features():
    t = keras.Input((), dtype="int32")
    model = keras.Model(t, time_features(t, channels=8, units=20))
    assert model(np.array([3, 4])).shape == (2, 20)
    assert model.count_params() == (8 + 1) * 20 + (20 + 1) * 20
    assert isinstance(model.get_layer("time_1"), layers.Dense)


@pytest.mark.parametrize("channels", [0, 7])
def test_refuses_odd_channels(channels):
    with pytest.raises(ValueError, match="channels must be even and >= 2, got"):
        TimeEmbedding(channels)
