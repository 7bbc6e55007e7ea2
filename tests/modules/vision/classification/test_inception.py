import keras
import numpy as np
from keras import ops

from course.checks import check_layer, count_trainable, noise_weights
from modules.vision.classification.inception import Inception

X = np.random.default_rng(0).normal(size=(2, 7, 5, 6)).astype("float32")
SIZES = (3, 4, 5, 2, 3, 2)  # asymmetric, so that swapped arguments show


def weights(channels, one, before_three, three, before_five, five, pool):
    first = (channels + 1) * (one + before_three + before_five + pool)
    return first + (9 * before_three + 1) * three + (25 * before_five + 1) * five


def test_layer():
    check_layer(lambda: Inception(*SIZES), X, (2, 7, 5, 13), weights(6, *SIZES))


def test_module_3a():
    layer = Inception(64, 96, 128, 16, 32, 32)
    assert layer(keras.Input((28, 28, 192))).shape == (None, 28, 28, 256)
    assert count_trainable(layer) == 163_696


def test_branches_stand_side_by_side_in_the_order_of_the_table():
    layer = Inception(*SIZES)
    layer.build(X.shape)
    noise_weights(layer, seed=0)

    def conv(part, x):
        return ops.relu(ops.conv(x, part.kernel, padding="same") + part.bias)

    padded = np.pad(X, [(0, 0), (1, 1), (1, 1), (0, 0)], constant_values=-np.inf)
    pooled = np.max([padded[:, i : i + 7, j : j + 5] for i, j in np.ndindex(3, 3)], 0)
    want = [
        conv(layer.one, X),
        conv(layer.three, conv(layer.before_three, X)),
        conv(layer.five, conv(layer.before_five, X)),
        conv(layer.after_pool, pooled),
    ]
    assert [y.shape[-1] for y in want] == [3, 5, 3, 2]
    np.testing.assert_allclose(layer(X), np.concatenate(want, -1), atol=1e-5)
