import keras
import numpy as np
import pytest
from keras import ops

from course.checks import (
    assert_close_relative,
    check_model,
    count_trainable,
    noise_weights,
)
from modules.vision.classification.residual import residual_block, resnet
from modules.vision.classification.residual_parts import bottleneck, classifier
from modules.vision.classification.resnext import grouped_bottleneck, resnext

X = np.random.default_rng(0).normal(size=(2, 6, 8, 256)).astype("float32")


@pytest.mark.parametrize(("depth", "weights"), [(50, 25_028_904), (101, 44_177_704)])
def test_counts(depth, weights):
    assert count_trainable(resnext(depth)) == weights


def test_small_network():
    def make():
        inputs = keras.Input((None, None, 32))
        convs = grouped_bottleneck(16, strides=2, groups=4, width=8)
        return classifier(inputs, residual_block(inputs, convs), 3, "small")

    check_model(make, X[..., :32], (2, 3), 3_443, 288, training="differs")


def conv_weights(convs):
    channels, total = 256, 0
    for conv in convs:
        total += conv.size**2 * channels // conv.groups * conv.filters
        channels = conv.filters
    return total


def test_as_many_weights_as_a_bottleneck():
    assert conv_weights(grouped_bottleneck(64, 1)) == 70_144
    assert conv_weights(bottleneck(64, 1)) == 69_632


def test_one_group_of_64_is_the_bottleneck():
    assert grouped_bottleneck(128, 1, groups=1, width=64) == bottleneck(128, 1)
    thin = resnext(50, groups=1, width=64)
    assert count_trainable(thin) == count_trainable(resnet(50))


def normalize(layer, x, channels=slice(None)):
    gamma, beta, mean, variance = (w[channels] for w in layer.get_weights())
    return gamma * (x - mean) / np.sqrt(variance + layer.epsilon) + beta


def test_block_is_the_sum_of_32_transformations():
    inputs = keras.Input((6, 8, 256))
    model = keras.Model(inputs, residual_block(inputs, grouped_bottleneck(64, 1)))
    noise_weights(model, seed=0)
    first, second, third = (model.get_layer(f"block_conv{i}").kernel for i in (1, 2, 3))
    norms = [model.get_layer(f"block_{i}_norm") for i in (1, 2, 3)]

    def transformation(i):
        own = slice(4 * i, 4 * i + 4)  # the four channels of group i
        t = ops.relu(normalize(norms[0], ops.conv(X, first[..., own]), own))
        t = ops.conv(t, second[..., own], padding="same")
        t = ops.relu(normalize(norms[1], t, own))
        return ops.conv(t, third[:, :, own])

    aggregated = sum(transformation(i) for i in range(32))
    want = ops.relu(X + normalize(norms[2], aggregated))
    assert_close_relative(model(X), want, 1e-4)


def test_stride_is_that_of_the_3x3_convolution():
    assert [conv.strides for conv in grouped_bottleneck(64, strides=2)] == [1, 2, 1]


def test_rejects():
    with pytest.raises(ValueError, match="depth must be 50, 101 or 152, got 18"):
        resnext(18)
    with pytest.raises(ValueError, match="groups must be an int >= 1, got 0"):
        resnext(50, groups=0)
    with pytest.raises(ValueError, match="width must be an int >= 1, got 2.5"):
        resnext(50, width=2.5)
