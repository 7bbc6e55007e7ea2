import numpy as np
import pytest

from course.checks import (
    assert_close_relative,
    check_model,
    count_trainable,
    noise_weights,
)
from modules.vision.classification.preactivation import cifar_preact_resnet
from modules.vision.classification.wide_residual import wide_resnet

IMAGES = np.random.default_rng(0).normal(size=(2, 32, 32, 3)).astype("float32")


def test_network():
    def make():
        return wide_resnet(10, 2, rate=0.3, input_shape=(None, None, 3))

    x = IMAGES[:, :12, :8]
    check_model(make, x, (2, 10), 303_706, 928, training="differs")


@pytest.mark.parametrize(
    ("depth", "k", "classes", "weights"),
    [
        (28, 10, 10, 36_479_194),
        (28, 10, 100, 36_536_884),
        (16, 8, 10, 10_961_370),
        (40, 4, 10, 8_949_210),
    ],
)
def test_counts(depth, k, classes, weights):
    assert count_trainable(wide_resnet(depth, k, num_classes=classes)) == weights


def test_k_of_one_is_the_thin_network():
    wide, thin = wide_resnet(16, 1), cifar_preact_resnet(2)
    noise_weights(thin, seed=0)
    wide.set_weights(thin.get_weights())
    assert_close_relative(wide(IMAGES), thin(IMAGES), 1e-6)


def test_weights_grow_with_k_squared():
    four, eight = (count_trainable(wide_resnet(16, k)) for k in (4, 8))
    assert eight / four == pytest.approx(4, rel=0.02)


def test_dropout_lies_between_the_two_convolutions():
    model = wide_resnet(10, 1, rate=0.3)
    dropout = model.get_layer("stage2_block1_dropout2")
    assert dropout.rate == 0.3
    assert dropout.input is model.get_layer("stage2_block1_2_relu").output
    assert model.get_layer("stage2_block1_conv2").input is dropout.output


@pytest.mark.parametrize("depth", [4, 27, 30])
def test_rejects_depth(depth):
    with pytest.raises(ValueError, match=f"depth must be 6n . 4 .* got {depth}"):
        wide_resnet(depth)


@pytest.mark.parametrize("k", [0, 1.5])
def test_rejects_k(k):
    with pytest.raises(ValueError, match=f"k must be an int >= 1, got {k}"):
        wide_resnet(16, k)
