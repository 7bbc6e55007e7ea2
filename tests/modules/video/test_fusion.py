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
from modules.video.fusion import (
    early_fusion,
    fusion_network,
    late_fusion,
    single_frame,
    slow_fusion,
)
from modules.video.tower import Stage

PLAN = (Stage(4, 3, 2, norm=True), Stage(6, 3, pool=2), Stage(5, 3, norm=True))
FUSIONS = {
    "single": single_frame(),
    "early": early_fusion(10),
    "late": late_fusion(6),
    "slow": slow_fusion(),
}
X = np.random.default_rng(0).normal(size=(2, 10, 9, 11, 3)).astype("float32")


def plain(fusion):
    """Return a small network of that fusion as Keras's own class of models."""
    model = fusion_network(fusion, PLAN, (8,), 3, X.shape[1:])
    return keras.Model(model.input, model.output)


@pytest.fixture(scope="module")
def networks():
    found = {name: plain(fusion) for name, fusion in FUSIONS.items()}
    for model in found.values():
        noise_weights(model, seed=0)
    return found


def after_pooling(model):
    """Return the model that ends where Flatten begins."""
    return keras.Model(model.input, model.get_layer("flatten").input)


def test_network():
    convs = 4 * 9 * 3 * 4 + 4 + 2 * 9 * 4 * 6 + 6 + 2 * 9 * 6 * 5 + 5
    dense = 2 * 3 * 5 * 8 + 8 + 8 * 3 + 3
    check_model(lambda: plain(slow_fusion()), X, (2, 3), convs + dense)


CONVS = {"conv2": 614_656, "conv3": 885_120, "conv4": 1_327_488, "conv5": 884_992}


def test_counts_of_the_paper():
    """By hand: 3,747,200 in the convolutions, 51 million in the first dense layer."""
    model = fusion_network(single_frame())
    conv1 = 11 * 11 * 3 * 96 + 96
    fc1 = 7 * 7 * 256 * 4096 + 4096
    rest = 4096 * 4096 + 4096 + 4096 * 487 + 487
    assert conv1 + sum(CONVS.values()) == 3_747_200
    assert count_trainable(model) == 3_747_200 + fc1 + rest == 73_908_071


@pytest.mark.parametrize(
    ("fusion", "more", "steps"),
    [
        (early_fusion(), 9 * 11 * 11 * 3 * 96, 1),
        (late_fusion(), 0, 2),  # two towers, counted once
        (slow_fusion(), 3 * 34_848 + 614_400 + 884_736, 1),
    ],
)
def test_what_each_fusion_adds(fusion, more, steps):
    model = fusion_network(fusion, units=(), num_classes=1)
    assert model.get_layer("flatten").output.shape[1] == steps * 7 * 7 * 256
    assert count_trainable(model) - (steps * 7 * 7 * 256 + 1) == 3_747_200 + more


def test_slow_fusion_leaves_4_2_1():
    model = fusion_network(slow_fusion(), units=(), num_classes=1)
    steps = [model.get_layer(f"conv{i}").output.shape[1] for i in (1, 2, 3, 4)]
    assert steps == [4, 2, 1, 1]


def test_early_fusion_is_a_2d_convolution_of_all_channels_of_all_frames(networks):
    conv = networks["early"].get_layer("conv1")
    kernel, bias = conv.get_weights()  # (10, 3, 3, 3, 4)
    stacked = ops.reshape(ops.transpose(X, (0, 2, 3, 1, 4)), (2, 9, 11, 30))
    filters = kernel.transpose(1, 2, 0, 3, 4).reshape(3, 3, 30, 4)
    want = ops.relu(ops.conv(stacked, filters, padding="valid") + bias)
    assert_close_relative(conv(X)[:, 0, ::1, ::1], want[:, ::2, ::2], 1e-5)


def test_early_fusion_of_equal_frames_sums_its_filters(networks):
    conv = networks["early"].get_layer("conv1")
    kernel, bias = conv.get_weights()
    still = np.repeat(X[:, :1], 10, axis=1)
    want = ops.relu(ops.conv(X[:, 0], kernel.sum(axis=0), strides=2) + bias)
    assert_close_relative(conv(still)[:, 0], want, 1e-5)


def test_late_fusion_runs_one_tower_over_two_frames(networks):
    late, single = after_pooling(networks["late"]), after_pooling(networks["single"])
    for layer in single.layers:
        layer.set_weights(
            [] if not layer.weights else late.get_layer(layer.name).get_weights()
        )
    first, second = (np.repeat(X[:, i : i + 1], 10, axis=1) for i in (1, 7))
    want = np.concatenate([single(first), single(second)], axis=1)  # 6 frames apart
    assert_close_relative(late(X), want, 1e-5)


def test_late_fusion_swaps_halves_when_frames_are_swapped(networks):
    late = after_pooling(networks["late"])
    swapped = X.copy()
    swapped[:, [1, 7]] = X[:, [7, 1]]
    before, after = np.asarray(late(X)), np.asarray(late(swapped))
    assert np.abs(before - after).max() > 0.1
    np.testing.assert_allclose(after, before[:, ::-1], rtol=1e-5, atol=1e-6)


SEEN = {"single": {4}, "early": set(range(10)), "late": {1, 7}, "slow": set(range(10))}


@pytest.mark.parametrize("name", FUSIONS)
def test_which_frames_are_seen(networks, name):
    model, moved = networks[name], set()
    before = np.asarray(model(X))
    changed = np.repeat(X[:1], 10, axis=0)
    changed[range(10), range(10)] += 1  # in clip i frame i
    after = np.asarray(model(changed))
    moved = set(np.flatnonzero(np.abs(after - before[0]).max(axis=1) > 1e-6).tolist())
    assert moved == SEEN[name]


@pytest.mark.parametrize("name", ["early", "late", "slow"])
def test_order_of_frames_counts(networks, name):
    backwards = np.asarray(networks[name](X[:, ::-1]))
    assert np.abs(backwards - networks[name](X)).max() > 0.01


def test_rejects():
    with pytest.raises(ValueError, match="must have 2 frames or more, got 1"):
        fusion_network(late_fusion(1), PLAN, input_shape=(1, 9, 11, 3))
    with pytest.raises(ValueError, match="must have 10 frames or more, got 9"):
        fusion_network(slow_fusion(), PLAN, input_shape=(9, 9, 11, 3))
    with pytest.raises(ValueError, match="conv2 sees 2 frames, but of 5 frames 1 are"):
        slow_fusion(frames=5)
    for shape in ((9, 11, 3), (None, 9, 11, 3)):
        with pytest.raises(ValueError, match="must be .T, H, W, C., all known"):
            fusion_network(single_frame(), PLAN, input_shape=shape)
    for bad in (lambda: early_fusion(0), lambda: late_fusion(0)):
        with pytest.raises(ValueError, match="must be an int >= 1, got 0"):
            bad()
