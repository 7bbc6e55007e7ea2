from functools import partial

import keras
import numpy as np
import pytest

from course.checks import (
    assert_close_relative,
    check_model,
    count_trainable,
    noise_weights,
)
from modules.vision.classification.preactivation import (
    cifar_preact_resnet,
    preact_block,
    preact_resnet,
)
from modules.vision.classification.residual_parts import (
    basic,
    bottleneck,
    imagenet_stem,
    norm_relu,
    units,
)
from modules.vision.classification.resnext import grouped_bottleneck

IMAGES = np.random.default_rng(0).normal(size=(2, 32, 48, 3)).astype("float32")


@pytest.mark.parametrize(
    ("plan", "weights", "statistics"),
    [(basic, 77_850, 480), (bottleneck, 126_746, 1_376)],
)
def test_cifar_network(plan, weights, statistics):
    def make():
        return cifar_preact_resnet(1, plan, input_shape=(None, None, 3))

    x = IMAGES[:, :12, :8]
    check_model(make, x, (2, 10), weights, statistics, training="differs")


def test_block_without_branch_is_the_identity():
    inputs = keras.Input((6, 8, 16))
    model = keras.Model(inputs, preact_block(inputs, basic(16, 1)))
    model.set_weights([0 * w for w in model.get_weights()])
    x = IMAGES[:, :6, :8, :1] * np.linspace(-1, 1, 16, dtype="float32")
    np.testing.assert_array_equal(model(x), x)


def test_the_end_of_a_stage_is_its_start_plus_all_branches():
    x = inputs = keras.Input((6, 8, 16))
    branches = []
    for block in (1, 2, 3):
        kept = []
        x = preact_block(
            x,
            basic(16, 1),
            gate=lambda y, kept=kept: kept.append(y) or y,
            name=f"b{block}",
        )
        branches += kept
    model = keras.Model(inputs, [x, *branches])
    noise_weights(model, seed=0)
    start = np.tile(IMAGES[:, :6, :8, :1], 16)
    end, *parts = (np.asarray(y) for y in model(start))
    np.testing.assert_allclose(end, start + sum(parts), atol=1e-5)


def test_shortcut_starts_after_the_activation_where_the_shape_changes():
    inputs = keras.Input((6, 8, 16))
    model = keras.Model(inputs, preact_block(inputs, basic(32, 2), shortcut="A"))
    model.set_weights([np.zeros(w.shape) for w in model.weights])
    norm = model.get_layer("block_1_norm")
    norm.set_weights([np.ones(16), np.zeros(16), np.zeros(16), np.ones(16)])
    x = np.tile(IMAGES[:, :6, :8, :1], 16)
    want = np.maximum(x[:, ::2, ::2], 0) / np.sqrt(1 + norm.epsilon)
    np.testing.assert_allclose(model(x)[..., :16], want, rtol=1e-5)


def test_last_block_is_activated():
    model = cifar_preact_resnet(1)
    noise_weights(model, seed=0)
    last = keras.Model(model.input, model.get_layer("last_relu").output)
    assert np.min(last(IMAGES[:, :32, :32])) == 0
    assert model.get_layer("pool").input is model.get_layer("last_relu").output


def test_164_layers():
    """Table 4 gives 1.7 million weights for ResNet-164."""
    assert count_trainable(cifar_preact_resnet(18, bottleneck)) == 1_703_258


def test_count_of_the_relative_in_keras():
    theirs = keras.applications.ResNet50V2(weights=None)
    convolutions = [x for x in theirs.layers if isinstance(x, keras.layers.Conv2D)]
    biases = sum(x.filters for x in convolutions if x.use_bias)
    ours = count_trainable(preact_resnet(50))
    assert ours == 25_549_352 == count_trainable(theirs) - biases


def test_equals_keras_hub():
    """Hub pools before BN and ReLU; with gamma > 0, as here, the order is the same."""
    hub = pytest.importorskip("keras_hub")
    theirs = hub.models.ResNetBackbone(
        *([64], [7], [64, 64], [1, 2], [1, 2], "bottleneck_block"),
        use_pre_activation=True,
    )
    noise_weights(theirs, seed=0)
    x = inputs = keras.Input((None, None, 3))
    x = imagenet_stem(x)
    plan = partial(grouped_bottleneck, groups=1, width=64)  # hub strides in the 3x3
    for index, (convs, name) in enumerate(units(plan, (64, 64), (1, 2))):
        x = preact_block(x, convs, activated=index == 0, name=name)
    ours = keras.Model(inputs, norm_relu(x, "last"))
    ours.set_weights(theirs.get_weights())
    assert_close_relative(ours(IMAGES), theirs(IMAGES), 1e-4)
    ours.get_layer("stage2_block1_1_norm").epsilon = 1e-3
    with pytest.raises(AssertionError, match="relative error"):
        assert_close_relative(ours(IMAGES), theirs(IMAGES), 1e-4)
