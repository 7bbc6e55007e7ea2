import keras
import numpy as np
import pytest

from course.checks import (
    assert_close_relative,
    check_model,
    count_trainable,
    noise_weights,
)
from modules.vision.classification.densenet import (
    cifar_densenet,
    dense_block,
    densenet,
    transition,
)

IMAGES = np.random.default_rng(0).normal(size=(2, 64, 64, 3)).astype("float32")


def test_small_network():
    def make():
        shape = (None, None, 3)
        return cifar_densenet(
            10, 4, bottleneck=True, compression=0.5, rate=0.2, input_shape=shape
        )

    def layer(c):  # gamma and beta, 1x1 to 16, gamma and beta, 3x3 to 4
        return 2 * c + c * 16 + 2 * 16 + 16 * 9 * 4

    weights = 27 * 8 + layer(8) + 24 + 12 * 6 + layer(6) + 20 + 10 * 5 + layer(5)
    weights += 2 * 9 + 9 * 10 + 10
    statistics = 2 * ((8 + 6 + 5) + 3 * 16 + 12 + 10 + 9)
    x = IMAGES[:, :12, :8]
    check_model(make, x, (2, 10), weights, statistics, training="differs")


def test_cifar_counts():
    assert count_trainable(cifar_densenet(40)) == 1_019_722
    model = cifar_densenet(100, bottleneck=True, compression=0.5)
    assert count_trainable(model) == 769_162


def test_imagenet_counts(both):
    assert count_trainable(both[0]) == 7_978_856
    assert both[0].count_params() == 8_062_504


def test_channels_grow_by_k():
    model = cifar_densenet(22, 12)
    for block, start in ((1, 16), (2, 88), (3, 160)):
        for i in range(1, 7):
            norm = model.get_layer(f"block{block}_layer{i}_1_norm")
            assert norm.input.shape[-1] == start + 12 * (i - 1)  # k0 + k (l - 1)
    assert model.get_layer("block3").output.shape[-1] == 160 + 6 * 12


def test_sizes():
    model = densenet(121, input_shape=(224, 192, 3))
    got = [model.get_layer(f"block{i}").output.shape[1:] for i in (1, 2, 3, 4)]
    assert got == [(56, 48, 256), (28, 24, 512), (14, 12, 1024), (7, 6, 1024)]


def test_what_came_before_is_kept_as_it_was():
    inputs = keras.Input((6, 5, 3))
    model = keras.Model(inputs, dense_block(inputs, 3, growth_rate=2))
    noise_weights(model, seed=0)
    x = IMAGES[:, :6, :5]
    y = np.asarray(model(x))
    assert y.shape == (2, 6, 5, 3 + 3 * 2)
    np.testing.assert_array_equal(y[..., :3], x)
    shorter = keras.Model(inputs, model.get_layer("block_layer2_concat").output)
    np.testing.assert_array_equal(y[..., :7], shorter(x))


def test_bottleneck_has_four_k_channels():
    model = cifar_densenet(16, 12, bottleneck=True)
    assert model.get_layer("block1_layer2_conv1").filters == 48
    assert model.get_layer("stem").filters == 24


def test_transition():
    x = keras.Input((8, 6, 25))
    assert transition(x).shape == (None, 4, 3, 12)
    with pytest.raises(ValueError, match="compression must be in .0, 1., got 0"):
        transition(x, compression=0)


def test_rejects_depth():
    with pytest.raises(ValueError, match="depth must be 3n . 4 with n >= 1, got 41"):
        cifar_densenet(41)
    with pytest.raises(ValueError, match="depth must be 6n . 4 with n >= 1, got 43"):
        cifar_densenet(43, bottleneck=True)
    with pytest.raises(ValueError, match="depth must be one of .*, got 120"):
        densenet(120)


# Equality with keras.applications by transplanted noise


def pairs(theirs, ours):
    """Yield layers of keras.applications' DenseNet-121 and ours that correspond."""
    names = {"conv1_conv": "stem", "conv1_bn": "stem_norm", "bn": "last_norm"}
    for block, count in enumerate((6, 12, 24, 16), 1):
        for i in range(1, count + 1):
            old, new = f"conv{block + 1}_block{i}", f"block{block}_layer{i}"
            names |= {f"{old}_0_bn": f"{new}_1_norm", f"{old}_1_conv": f"{new}_conv1"}
            names |= {f"{old}_1_bn": f"{new}_2_norm", f"{old}_2_conv": f"{new}_conv2"}
        if block < 4:
            old, new = f"pool{block + 1}", f"transition{block}"
            names |= {f"{old}_bn": f"{new}_norm", f"{old}_conv": f"{new}_conv"}
    names["predictions"] = "logits"
    for old, new in names.items():
        yield theirs.get_layer(old), ours.get_layer(new)


@pytest.fixture(scope="module")
def both():
    """Return our DenseNet-121, and what theirs gives for the same weights."""
    theirs = keras.applications.DenseNet121(
        weights=None, input_shape=(64, 64, 3), classifier_activation=None
    )
    noise_weights(theirs, seed=0)
    ours = densenet(121, input_shape=(64, 64, 3))
    done = 0
    for old, new in pairs(theirs, ours):
        new.set_weights(old.get_weights())
        done += len(new.weights)
    assert done == len(ours.weights) == len(theirs.weights)
    inner = theirs.get_layer("conv4_block24_concat").output
    want = keras.Model(theirs.input, [inner, theirs.output])(IMAGES)
    inner = ours.get_layer("block3").output
    return keras.Model(ours.input, [inner, ours.output]), want


def compare(model, want):
    for got, expected in zip(model(IMAGES), want, strict=True):
        assert_close_relative(got, expected, 1e-4)


def test_equals_keras_applications(both):
    compare(*both)


def test_one_wrong_epsilon_shows(both):
    layer = both[0].get_layer("block2_layer3_1_norm")
    right, layer.epsilon = layer.epsilon, 1e-3
    with pytest.raises(AssertionError, match="relative error"):
        compare(*both)
    layer.epsilon = right


def test_one_wrong_gamma_shows(both):
    gamma = both[0].get_layer("block2_layer3_2_norm").gamma
    right = gamma.numpy()
    gamma.assign([0, *right[1:]])  # one channel of 128
    with pytest.raises(AssertionError, match="relative error"):
        compare(*both)
    gamma.assign(right)
    compare(*both)
