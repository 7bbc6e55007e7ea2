import keras
import numpy as np
import pytest

from course.checks import noise_weights
from modules.vision.classification.residual_parts import Conv
from modules.vision.efficient.separable_parts import (
    check_width,
    conv,
    depthwise,
    norm,
    norm_relu6,
    round_channels,
)

X = np.random.default_rng(0).normal(size=(2, 6, 7, 4)).astype("float32")


def model_of(part, *args):
    inputs = keras.Input((None, None, X.shape[-1]))
    model = keras.Model(inputs, part(inputs, *args))
    noise_weights(model, seed=0)
    return model


def same(x, strides, size=3):
    """Return x with the zeros of TensorFlow's "same": the odd one below and right."""
    total = [max(0, (-(-n // strides) - 1) * strides + size - n) for n in x.shape[1:3]]
    inner = [(n // 2, n - n // 2) for n in total]
    return np.pad(x, [(0, 0), *inner, (0, 0)])


@pytest.mark.parametrize("strides", [1, 2])
def test_depthwise_filters_each_channel_alone(strides):
    model = model_of(depthwise, 3, strides, "own_depthwise")
    kernel = np.asarray(model.weights[0])  # (3, 3, C, 1)
    assert kernel.shape == (3, 3, 4, 1) and len(model.weights) == 1
    x = same(X, strides)
    y = np.zeros((2, -(-6 // strides), -(-7 // strides), 4))
    for i, j in np.ndindex(3, 3):
        rows = slice(i, i + strides * (y.shape[1] - 1) + 1, strides)
        columns = slice(j, j + strides * (y.shape[2] - 1) + 1, strides)
        y += x[:, rows, columns] * kernel[i, j, :, 0]
    np.testing.assert_allclose(model(X), y, atol=1e-5)


def test_filters_and_mixture_are_one_convolution():
    """K[i, j, m] P[m, n]: a 3x3 kernel of rank 1 between each pair of channels."""
    inputs = keras.Input((6, 7, 4))
    x = depthwise(inputs, 3, 2, "own_depthwise")
    model = keras.Model(inputs, conv(x, Conv(5, 1), "mix"))
    noise_weights(model, seed=0)
    k, p = model.get_weights()
    for layer, weights in (
        (keras.layers.Conv2D(5, 3, 2, padding="same", use_bias=False), [k * p[0, 0]]),
        (keras.layers.SeparableConv2D(5, 3, 2, "same", use_bias=False), [k, p]),
    ):
        layer.build(X.shape)
        layer.set_weights(weights)
        np.testing.assert_allclose(model(X), layer(X), atol=1e-5)


def test_strides_pad_below_and_to_the_right():
    """A filter that looks up and left sees zeros nowhere on a map of even size."""
    model = model_of(conv, Conv(4, 3, 2), "conv")
    kernel = np.zeros((3, 3, 4, 4))
    kernel[0, 0] = np.eye(4)
    model.set_weights([kernel])
    np.testing.assert_allclose(model(X[:, :, :6]), X[:, ::2, :6:2], atol=1e-6)


def test_groups_do_not_see_each_other():
    model = model_of(conv, Conv(6, 1, groups=2), "conv")
    assert model.count_params() == 4 * 6 // 2
    other = X.copy()
    other[..., 2:] += 1  # the second group
    changed = np.any(np.abs(model(other) - model(X)) > 1e-6, axis=(0, 1, 2))
    assert changed.tolist() == [False] * 3 + [True] * 3


def test_relu6():
    model = model_of(norm_relu6, "x")
    assert model.get_layer("x_norm").epsilon == 1e-3
    y = np.asarray(model(100 * X))
    assert y.min() == 0 and y.max() == 6
    linear = np.asarray(model_of(norm, "x")(100 * X))
    assert linear.min() < 0 and linear.max() > 6
    np.testing.assert_allclose(y, np.clip(linear, 0, 6), rtol=1e-5)


def test_depthwise_weights_start_at_the_scale_of_what_they_see():
    keras.utils.set_random_seed(0)
    for channels in (64, 1024):
        inputs = keras.Input((8, 8, channels))
        model = keras.Model(inputs, depthwise(inputs, 3, 1, "own"))
        assert np.std(model.weights[0]) == pytest.approx((2 / 9) ** 0.5, rel=0.1)


def test_round_channels():
    """Values of _make_divisible in the code of the paper."""
    want = {16: 16, 20: 24, 5.6: 8, 11.2: 16, 8.4: 8, 19: 24, 33.6: 32, 448: 448, 2: 8}
    assert {c: round_channels(c) for c in want} == want
    assert [round_channels(c, 1) for c in (1, 7, 24)] == [1, 7, 24]
    assert all(round_channels(c) >= 0.9 * c for c in range(1, 200))


@pytest.mark.parametrize("alpha", [0, -1, float("nan"), float("inf")])
def test_rejects_width(alpha):
    with pytest.raises(ValueError, match="alpha must be a number > 0, got"):
        check_width(alpha)
