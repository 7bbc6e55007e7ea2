import numpy as np
import pytest

from course.checks import check_layer, count_trainable, noise_weights
from modules.vision.classification.network_in_network import (
    MlpConv,
    cifar_nin,
    imagenet_nin,
)

X = np.random.default_rng(0).normal(size=(2, 7, 5, 3)).astype("float32")


@pytest.mark.parametrize(
    ("strides", "padding", "y_shape"),
    [(1, "same", (2, 7, 5, 4)), (2, "valid", (2, 3, 2, 4))],
)
def test_layer(strides, padding, y_shape):
    weights = (9 * 3 * 8 + 8) + (8 * 6 + 6) + (6 * 4 + 4)
    check_layer(lambda: MlpConv([8, 6, 4], 3, strides, padding), X, y_shape, weights)


def test_is_one_perceptron_on_every_patch():
    layer = MlpConv([8, 6, 4], kernel_size=3)
    layer.build(X.shape)
    noise_weights(layer, seed=0)
    padded = np.pad(X, [(0, 0), (1, 1), (1, 1), (0, 0)])
    got = np.asarray(layer(X))
    for i, j in np.ndindex(7, 5):
        want = padded[:, i : i + 3, j : j + 3].reshape(2, -1)
        for conv in layer.convs:
            kernel, bias = (np.asarray(w) for w in conv.get_weights())
            want = np.maximum(want @ kernel.reshape(-1, conv.filters) + bias, 0)
        np.testing.assert_allclose(got[:, i, j], want, atol=1e-5)


def test_cifar():
    model = cifar_nin()
    assert count_trainable(model) == 966_986
    noise_weights(model, seed=0)
    images = np.random.default_rng(1).normal(size=(2, 32, 32, 3))
    logits = np.asarray(model(images))
    assert logits.shape == (2, 10) and np.ptp(logits, axis=0).max() > 1e-3
    maps = model.get_layer("mlpconv3").output
    assert maps.shape == (None, 8, 8, 10)


def test_imagenet():
    model = imagenet_nin(input_shape=(67, 75, 3))
    assert count_trainable(model) == 7_595_176
    images = np.random.default_rng(1).normal(size=(1, 67, 75, 3))
    assert model(images).shape == (1, 1000)


def test_head_has_no_weights():
    assert cifar_nin().get_layer("logits").weights == []


@pytest.mark.parametrize("units", [[], [8, 0], [8, 2.5]])
def test_rejects_units(units):
    with pytest.raises(ValueError, match="units must be ints >= 1, at least one, got"):
        MlpConv(units, 3)
