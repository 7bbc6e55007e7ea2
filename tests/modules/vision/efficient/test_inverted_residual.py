import keras
import numpy as np
import pytest

from course.checks import (
    assert_close_relative,
    check_model,
    count_trainable,
    noise_weights,
)
from modules.vision.efficient.inverted_residual import inverted_residual, mobilenet_v2
from modules.vision.efficient.multiply_adds import multiply_adds

IMAGES = np.random.default_rng(0).normal(size=(2, 64, 64, 3)).astype("float32")


def block(channels=4, size=(6, 5), **options):
    inputs = keras.Input((*size, channels))
    return keras.Model(inputs, inverted_residual(inputs, name="block", **options))


def maps(channels=4):
    return np.random.default_rng(1).normal(size=(2, 6, 5, channels)).astype("float32")


def test_small_network():
    def make():
        inputs = keras.Input((None, None, 3))
        x = inverted_residual(inputs, 4, expansion=1, name="a")
        x = inverted_residual(x, 4, name="b")
        return keras.Model(inputs, inverted_residual(x, 6, 2, expansion=2, name="c"))

    a = 9 * 3 + 2 * 3 + 3 * 4 + 2 * 4  # no expansion
    b = 4 * 24 + 2 * 24 + 9 * 24 + 2 * 24 + 24 * 4 + 2 * 4
    c = 4 * 8 + 2 * 8 + 9 * 8 + 2 * 8 + 8 * 6 + 2 * 6
    statistics = 2 * (3 + 4 + 24 + 24 + 4 + 8 + 8 + 6)
    x = IMAGES[:, :6, :7]
    check_model(make, x, (2, 3, 4, 6), a + b + c, statistics, training="differs")


def test_without_projection_it_is_the_identity():
    model = block(filters=4)
    noise_weights(model, seed=0)
    last = model.get_layer("block_3_norm")
    last.set_weights([0 * w for w in last.get_weights()])
    np.testing.assert_array_equal(model(maps()), maps())


def test_projection_and_sum_are_linear():
    """Doubling the projection's normalization doubles what is added to x, signed."""
    model = block(filters=4)
    noise_weights(model, seed=0)
    last, x = model.get_layer("block_3_norm"), maps()
    last.moving_mean.assign([0] * 4)
    last.beta.assign([0] * 4)
    once = np.asarray(model(x)) - x
    last.gamma.assign(2 * last.gamma)
    np.testing.assert_allclose(model(x) - x, 2 * once, atol=1e-5)
    assert once.min() < -0.1 and (np.asarray(model(x)) < 0).any()


@pytest.mark.parametrize(
    ("filters", "strides", "adds"), [(4, 1, True), (5, 1, False), (4, 2, False)]
)
def test_adds_only_where_the_shape_stays(filters, strides, adds):
    model = block(filters=filters, strides=strides)
    model.set_weights([0 * w for w in model.get_weights()])
    y = np.asarray(model(maps()))
    assert y.any() == adds


def test_wide_inside_and_thin_outside():
    model = block(channels=8, filters=8, expansion=6)
    shapes = [layer.output.shape[-1] for layer in model.layers]
    assert shapes[0] == shapes[-1] == 8 and max(shapes) == 48
    assert model.get_layer("block_depthwise").output.shape[-1] == 48


@pytest.mark.parametrize(
    ("alpha", "total", "trainable", "cost"),
    [
        (0.35, 1_691_208, 1_677_128, 59_285_808),  # 59 million
        (1, 3_538_984, 3_504_872, 300_774_272),  # 300 in table 4
        (1.4, 6_156_712, 6_108_776, 582_195_824),  # 585
    ],
)
def test_counts(alpha, total, trainable, cost):
    model = mobilenet_v2(alpha)
    assert (model.count_params(), count_trainable(model)) == (total, trainable)
    assert multiply_adds(model) == cost
    ends = [f"stage{i}_block{n}" for i, n in enumerate((1, 2, 3, 4, 3, 3, 1), 1)]
    shapes = [model.get_layer(name).output.shape[1:] for name in ends]
    assert [s[0] for s in shapes] == [112, 56, 28, 14, 14, 7, 7]
    if alpha == 0.35:
        assert [s[2] for s in shapes] == [8, 8, 16, 24, 32, 56, 112]
        assert model.get_layer("last").filters == 1280


@pytest.mark.parametrize("alpha", [0, -0.5, float("nan"), float("inf")])
def test_rejects_width(alpha):
    with pytest.raises(ValueError, match="alpha must be a number > 0, got"):
        mobilenet_v2(alpha)


@pytest.mark.parametrize("expansion", [0, 1.5, "6"])
def test_rejects_expansion(expansion):
    with pytest.raises(ValueError, match="expansion must be an int >= 1, got"):
        block(filters=4, expansion=expansion)


# Equality with keras.applications by transplanted noise


def pairs():
    """Yield names in keras.applications' MobileNetV2, and ours."""
    yield from (("Conv1", "stem"), ("bn_Conv1", "stem_norm"))
    yield from (("Conv_1", "last"), ("Conv_1_bn", "last_norm"))
    yield "predictions", "logits"
    number = 0
    for stage, blocks in enumerate((1, 2, 3, 4, 3, 3, 1), 1):
        for i in range(1, blocks + 1):
            new = f"stage{stage}_block{i}"
            old = f"block_{number}" if number else "expanded_conv"
            if number:
                yield f"{old}_expand", f"{new}_expand"
                yield f"{old}_expand_BN", f"{new}_1_norm"
            yield f"{old}_depthwise", f"{new}_depthwise"
            yield f"{old}_depthwise_BN", f"{new}_2_norm"
            yield f"{old}_project", f"{new}_project"
            yield f"{old}_project_BN", f"{new}_3_norm" if i > 1 else new
            number += 1


@pytest.fixture(scope="module")
def both():
    """Return our MobileNetV2, and what theirs gives for the same weights."""
    shape = (64, 64, 3)
    theirs = keras.applications.MobileNetV2(
        weights=None, input_shape=shape, classifier_activation=None
    )
    noise_weights(theirs, seed=0, gain=2**0.5)
    ours, done = mobilenet_v2(input_shape=shape), 0
    for old, new in pairs():
        ours.get_layer(new).set_weights(theirs.get_layer(old).get_weights())
        done += len(ours.get_layer(new).weights)
    assert done == len(ours.weights) == len(theirs.weights)
    inner = theirs.get_layer("block_9_add").output
    want = keras.Model(theirs.input, [inner, theirs.output])(IMAGES)
    inner = ours.get_layer("stage4_block4").output
    return keras.Model(ours.input, [inner, ours.output]), want


def compare(model, want):
    for got, expected in zip(model(IMAGES), want, strict=True):
        assert_close_relative(got, expected, 1e-4)


def test_equals_keras_applications(both):
    compare(*both)


def test_one_wrong_epsilon_shows(both):
    layer = both[0].get_layer("stage3_block2_2_norm")
    right, layer.epsilon = layer.epsilon, 1e-5
    with pytest.raises(AssertionError, match="relative error"):
        compare(*both)
    layer.epsilon = right


def test_one_wrong_gamma_shows(both):
    gamma = both[0].get_layer("stage3_block2_3_norm").gamma
    right = gamma.numpy()
    gamma.assign([0, *right[1:]])  # one channel of 32
    with pytest.raises(AssertionError, match="relative error"):
        compare(*both)
    gamma.assign(right)
    compare(*both)
