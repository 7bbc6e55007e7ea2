import keras
import numpy as np
import pytest

from course.checks import assert_close_relative, check_layer, noise_weights
from modules.foundations.sequences.layer_norm import LayerNorm
from modules.video.group_norm import GroupNorm

X = np.random.default_rng(0).normal(size=(3, 4, 5, 2, 12)).astype("float32")
X = X * np.arange(1, 13, dtype="float32") + np.arange(12, dtype="float32")
SHAPES = [X, X[:, 0], X[:, 0, 0], X[:, 0, 0, 0]]  # clips, images, sequences, vectors


def built(groups=3, **options):
    layer = GroupNorm(groups, **options)
    layer.build(X.shape)
    noise_weights(layer, seed=0)
    return layer


@pytest.mark.parametrize("x", SHAPES)
def test_layer(x):
    check_layer(lambda: GroupNorm(3, epsilon=1e-4), x, x.shape, 2 * 12)


@pytest.mark.parametrize("groups", [1, 3, 4, 12])
@pytest.mark.parametrize("epsilon", [1e-3, 1e-5])
def test_equals_keras(groups, epsilon):
    ours = built(groups, epsilon=epsilon)
    theirs = keras.layers.GroupNormalization(groups, epsilon=epsilon)
    theirs.build(X.shape)
    theirs.set_weights(ours.get_weights())
    for x in (X, 0.01 * X):  # small variances show epsilon
        assert_close_relative(ours(x), theirs(x), 1e-4)


def test_by_hand():
    layer = GroupNorm(groups=2, epsilon=3.0)
    layer.build((None, 4))
    layer.set_weights([np.array([1.0, 2, 3, 4]), np.array([0.0, 0, 0, 1])])
    got = layer(np.float32([[2, 4, 10, 30]]))  # variances 1 and 100
    want = [[-1 / 2, 2 / 2, -30 / 103**0.5, 1 + 40 / 103**0.5]]
    np.testing.assert_allclose(got, want, rtol=1e-5)


def test_groups_are_neighbours_and_do_not_see_each_other():
    layer, other = built(), X.copy()
    other[..., 4:8] = 7 * X[..., 8:12]  # the second of three groups
    moved = np.abs(np.asarray(layer(other)) - layer(X)).max(axis=(0, 1, 2, 3)) > 1e-3
    assert moved.tolist() == [False] * 4 + [True] * 4 + [False] * 4


def test_one_group_is_layer_normalization_of_the_whole_example():
    flat = X.reshape(3, -1)
    want = np.asarray(LayerNorm()(flat)).reshape(X.shape)
    np.testing.assert_allclose(GroupNorm(1)(X), want, atol=1e-4)


def test_a_group_for_each_channel_is_instance_normalization():
    mean, spread = (f(X, axis=(1, 2, 3), keepdims=True) for f in (np.mean, np.std))
    np.testing.assert_allclose(GroupNorm(12)(X), (X - mean) / spread, atol=1e-3)


def test_examples_do_not_see_each_other():
    layer = built()
    np.testing.assert_allclose(layer(X)[1:2], layer(X[1:2]), atol=1e-5)
    noisy = np.concatenate([X, 100 * X])
    np.testing.assert_allclose(layer(noisy)[:3], layer(X), atol=1e-4)


def test_training_and_use_are_the_same_and_nothing_is_kept():
    layer = built()
    np.testing.assert_array_equal(layer(X, training=True), layer(X, training=False))
    assert not layer.non_trainable_weights


def test_constant_maps_and_large_half_precision_stay_finite():
    np.testing.assert_array_equal(GroupNorm(3)(np.ones_like(X)), 0 * X)
    half = GroupNorm(3, dtype="mixed_float16")((300 * X).astype("float16"))
    np.testing.assert_allclose(half, GroupNorm(3)(300 * X), atol=1e-2)


def test_rejects():
    with pytest.raises(ValueError, match="groups=5 does not divide 12 channels"):
        GroupNorm(5)(X)
    with pytest.raises(ValueError, match="groups=32 does not divide 12 channels"):
        GroupNorm()(X)
    for groups in (0, -1, 2.0):
        with pytest.raises(ValueError, match="groups must be an int >= 1, got"):
            GroupNorm(groups)
    with pytest.raises(ValueError, match="epsilon must be > 0, got 0"):
        GroupNorm(epsilon=0)
