import keras
import numpy as np
import pytest

from course.checks import (
    assert_close_relative,
    check_model,
    count_trainable,
    noise_weights,
)
from modules.vision.classification.residual import (
    cifar_resnet,
    residual_block,
    resnet,
)
from modules.vision.classification.residual_parts import basic, imagenet_stem, units

IMAGES = np.random.default_rng(0).normal(size=(2, 64, 64, 3)).astype("float32")


@pytest.mark.parametrize(("shortcut", "weights"), [("A", 75_290), ("B", 78_042)])
def test_cifar_network(shortcut, weights):
    def make():
        return cifar_resnet(1, shortcut, input_shape=(None, None, 3))

    statistics = {"A": 480, "B": 672}[shortcut]
    x = IMAGES[:, :12, :8]
    check_model(make, x, (2, 10), weights, statistics, training="differs")


@pytest.mark.parametrize(
    ("n", "weights"),
    [(3, 269_722), (5, 464_154), (7, 658_586), (9, 853_018), (18, 1_727_962)],
)
def test_cifar_counts(n, weights):
    model = cifar_resnet(n)
    assert count_trainable(model) == weights
    assert model.name == f"resnet_{6 * n + 2}"


def test_cifar_count_with_projections():
    assert count_trainable(cifar_resnet(3, "B")) == 272_474


def test_resnet_1202():
    """Its 600 blocks take 12 s to build, so: the count is linear in n."""
    one, two, three = (count_trainable(cifar_resnet(n)) for n in (1, 2, 3))
    assert three - two == two - one
    assert one + 199 * (two - one) == 19_421_274


@pytest.mark.parametrize(
    ("depth", "weights"),
    [
        (18, 11_689_512),
        (34, 21_797_672),
        (50, 25_557_032),
        (101, 44_549_160),
        (152, 60_192_808),
    ],
)
def test_imagenet_counts(depth, weights):
    assert count_trainable(resnet(depth)) == weights


def test_stages_halve_the_map():
    model = resnet(18)
    sizes = [model.get_layer(f"stage{i}_block2").output.shape[1:] for i in (1, 2, 3, 4)]
    assert sizes == [(56, 56, 64), (28, 28, 128), (14, 14, 256), (7, 7, 512)]
    shape = cifar_resnet(2).get_layer("stage3_block2").output.shape
    assert shape == (None, 8, 8, 64)


def test_block_without_branch_is_relu_of_its_input():
    inputs = keras.Input((6, 5, 16))
    model = keras.Model(inputs, residual_block(inputs, basic(16, 1)))
    model.set_weights([0 * w for w in model.get_weights()])
    x = IMAGES[:, :6, :5, :1] * np.linspace(-1, 1, 16)
    np.testing.assert_array_equal(model(x), np.maximum(x, 0).astype("float32"))


def test_gate_acts_on_the_branch_only():
    inputs = keras.Input((6, 5, 16))
    closed = residual_block(inputs, basic(16, 1), gate=lambda y: 0.0 * y)
    model = keras.Model(inputs, closed)
    noise_weights(model, seed=0)
    x = np.abs(IMAGES[:, :6, :5, :1]) * np.ones(16, "float32")
    np.testing.assert_array_equal(model(x), x)


def test_rejects_arguments():
    with pytest.raises(ValueError, match="depth must be one of .*, got 51"):
        resnet(51)
    with pytest.raises(ValueError, match="at least 1 block"):
        cifar_resnet(0)
    with pytest.raises(ValueError, match="shortcut must be 'A' or 'B', got 'b'"):
        cifar_resnet(1, "b")


# Equality with keras.applications by transplanted noise


def layer_pairs(theirs, ours):
    """Yield layers of keras.applications' ResNet-50 and ours that correspond."""
    yield theirs.get_layer("conv1_conv"), ours.get_layer("stem")
    yield theirs.get_layer("conv1_bn"), ours.get_layer("stem_norm")
    for stage, blocks in enumerate((3, 4, 6, 3), 1):
        for block in range(1, blocks + 1):
            old, new = f"conv{stage + 1}_block{block}", f"stage{stage}_block{block}"
            for i in (1, 2, 3):
                yield (
                    theirs.get_layer(f"{old}_{i}_conv"),
                    ours.get_layer(f"{new}_conv{i}"),
                )
                yield (
                    theirs.get_layer(f"{old}_{i}_bn"),
                    ours.get_layer(f"{new}_{i}_norm"),
                )
        first = f"conv{stage + 1}_block1_0", f"stage{stage}_block1_shortcut"
        yield theirs.get_layer(f"{first[0]}_conv"), ours.get_layer(first[1])
        yield theirs.get_layer(f"{first[0]}_bn"), ours.get_layer(f"{first[1]}_norm")


def transplant(theirs, ours):
    """Copy all weights; the biases of their convolutions go into our moving means."""
    bias = None
    for old, new in layer_pairs(theirs, ours):
        values = old.get_weights()
        if isinstance(old, keras.layers.Conv2D):
            bias = values.pop()  # of the convolution whose normalization comes next
        else:
            values[2] = values[2] - bias
        new.set_weights(values)
    ours.get_layer("logits").set_weights(theirs.get_layer("predictions").get_weights())


@pytest.fixture(scope="module")
def both():
    """Return our ResNet-50 and what keras.applications' gives for the same weights."""
    theirs = keras.applications.ResNet50(
        weights=None, input_shape=(64, 64, 3), classifier_activation=None
    )
    noise_weights(theirs, seed=0)
    ours = resnet(50, input_shape=(64, 64, 3))
    transplant(theirs, ours)
    inner = theirs.get_layer("conv4_block6_out").output
    want = keras.Model(theirs.input, [inner, theirs.output])(IMAGES)
    inner = ours.get_layer("stage3_block6").output
    return keras.Model(ours.input, [inner, ours.output]), want


def compare(model, want):
    for got, expected in zip(model(IMAGES), want, strict=True):
        assert_close_relative(got, expected, 1e-4)


def test_equals_keras_applications(both):
    compare(*both)


def test_one_wrong_epsilon_shows(both):
    layer = both[0].get_layer("stage3_block2_2_norm")
    right, layer.epsilon = layer.epsilon, 1e-3
    with pytest.raises(AssertionError, match="relative error"):
        compare(*both)
    layer.epsilon = right


def test_one_wrong_gamma_shows(both):
    gamma = both[0].get_layer("stage3_block2_2_norm").gamma
    right = gamma.numpy()
    gamma.assign([0, *right[1:]])  # one channel of 256
    with pytest.raises(AssertionError, match="relative error"):
        compare(*both)
    gamma.assign(right)
    compare(*both)


def test_basic_blocks_equal_keras_hub():
    hub = pytest.importorskip("keras_hub")
    theirs = hub.models.ResNetBackbone(
        [64], [7], [64, 128], [2, 1], [1, 2], "basic_block"
    )
    x = inputs = keras.Input((None, None, 3))
    x = imagenet_stem(x)
    for convs, name in units(basic, (64, 128), (2, 1)):
        x = residual_block(x, convs, name=name)
    ours = keras.Model(inputs, x)
    noise_weights(theirs, seed=0)
    ours.set_weights(theirs.get_weights())
    assert_close_relative(ours(IMAGES), theirs(IMAGES), 1e-4)
