import keras
import numpy as np
import pytest

from course.checks import (
    assert_close_relative,
    check_model,
    count_trainable,
    noise_weights,
)
from modules.vision.efficient.depthwise_separable import mobilenet, separable_block
from modules.vision.efficient.multiply_adds import multiply_adds

IMAGES = np.random.default_rng(0).normal(size=(2, 64, 64, 3)).astype("float32")


def test_small_network():
    def make():
        inputs = keras.Input((None, None, 3))
        x = separable_block(separable_block(inputs, 8, name="a"), 12, 2, name="b")
        return keras.Model(inputs, x)

    weights = (9 * 3 + 2 * 3 + 3 * 8 + 2 * 8) + (9 * 8 + 2 * 8 + 8 * 12 + 2 * 12)
    x = IMAGES[:, :6, :7]
    check_model(
        make, x, (2, 3, 4, 12), weights, 2 * (3 + 8 + 8 + 12), training="differs"
    )


def test_zero_weights_and_shifts():
    """The last step is ReLU6: with every shift at 10 the block gives 6, at -1 zeros."""
    inputs = keras.Input((4, 5, 3))
    model = keras.Model(inputs, separable_block(inputs, 2, name="block"))
    beta = model.get_layer("block_2_norm").beta
    for shift, want in ((10, 6), (-1, 0)):
        model.set_weights([0 * w for w in model.get_weights()])
        beta.assign([shift] * 2)
        y = np.asarray(model(IMAGES[:, :4, :5]))
        np.testing.assert_array_equal(y, np.full((2, 4, 5, 2), want))


@pytest.mark.parametrize(
    ("alpha", "total", "trainable", "cost"),
    [
        (1, 4_253_864, 4_231_976, 568_740_352),  # 569 million in table 6
        (0.75, 2_601_976, 2_585_560, 325_400_448),  # 325
        (0.5, 1_342_536, 1_331_592, 149_497_088),  # 149
        (0.25, 475_544, 470_072, 41_030_272),  # 41
    ],
)
def test_width_grid(alpha, total, trainable, cost):
    model = mobilenet(alpha)
    assert (model.count_params(), count_trainable(model)) == (total, trainable)
    assert multiply_adds(model) == cost
    sizes = [model.get_layer(f"block{i}_2_relu").output.shape[1] for i in range(1, 14)]
    assert sizes == [112, 56, 56, 28, 28] + [14] * 6 + [7, 7]


def test_resolution_leaves_the_weights():
    small = mobilenet(0.25, input_shape=(128, 128, 3))
    assert small.count_params() == 475_544
    assert mobilenet(0.25, 7, (None, None, 3)).output.shape == (None, 7)


@pytest.mark.parametrize("alpha", [0, -0.5, float("nan"), float("inf"), 0.01])
def test_rejects_width(alpha):
    with pytest.raises(ValueError, match="alpha must .*, got"):
        mobilenet(alpha)


# Equality with keras.applications by transplanted noise


def pairs():
    """Yield names in keras.applications' MobileNet, and ours."""
    yield from (("conv1", "stem"), ("conv1_bn", "stem_norm"))
    for i in range(1, 14):
        for old, new, step in (("dw", "depthwise", 1), ("pw", "pointwise", 2)):
            yield f"conv_{old}_{i}", f"block{i}_{new}"
            yield f"conv_{old}_{i}_bn", f"block{i}_{step}_norm"
    yield "conv_preds", "logits"


def noise(model):
    """Set seeded noise: ReLU's gain, and each depthwise kernel by its own fan-in.

    noise_weights knows depthwise kernels by name, and theirs are called conv_dw.
    """
    noise_weights(model, seed=0, gain=2**0.5)
    for layer in model.layers:
        if isinstance(layer, keras.layers.DepthwiseConv2D):
            kernel = layer.kernel
            kernel.assign(kernel * (2**0.5 / 3 / np.std(kernel)))


@pytest.fixture(scope="module")
def both():
    """Return our MobileNet, and what theirs gives for the same weights."""
    shape = (64, 64, 3)
    theirs = keras.applications.MobileNet(
        weights=None, input_shape=shape, classifier_activation=None
    )
    noise(theirs)
    ours, done = mobilenet(input_shape=shape), 0
    for old, new in pairs():
        values, layer = theirs.get_layer(old).get_weights(), ours.get_layer(new)
        if new == "logits":
            values[0] = values[0][0, 0]  # theirs is a 1x1 convolution
        layer.set_weights(values)
        done += len(values)
    assert done == len(ours.weights) == len(theirs.weights)
    inner = theirs.get_layer("conv_pw_7_relu").output
    want = keras.Model(theirs.input, [inner, theirs.output])(IMAGES)
    inner = ours.get_layer("block7_2_relu").output
    return keras.Model(ours.input, [inner, ours.output]), want


def compare(model, want):
    for got, expected in zip(model(IMAGES), want, strict=True):
        assert_close_relative(got, expected, 1e-4)


def test_equals_keras_applications(both):
    compare(*both)


def test_one_wrong_epsilon_shows(both):
    layer = both[0].get_layer("block3_1_norm")
    right, layer.epsilon = layer.epsilon, 1e-5
    with pytest.raises(AssertionError, match="relative error"):
        compare(*both)
    layer.epsilon = right


def test_one_wrong_gamma_shows(both):
    gamma = both[0].get_layer("block5_2_norm").gamma
    right = gamma.numpy()
    gamma.assign(right * (np.arange(256) != 3))  # one channel of 256
    with pytest.raises(AssertionError, match="relative error"):
        compare(*both)
    gamma.assign(right)
    compare(*both)
