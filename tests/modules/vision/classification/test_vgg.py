import keras
import numpy as np
import pytest
import tensorflow as tf

from course.checks import assert_close_relative, count_trainable, noise_weights
from modules.vision.classification.vgg import vgg, vgg_maps

IMAGES = np.random.default_rng(0).normal(size=(2, 64, 64, 3)).astype("float32")


def symbolic_count(depth):
    """Return the weights of the whole network without making them: 500 MB."""
    with tf.Graph().as_default():
        return count_trainable(vgg(depth))


@pytest.mark.parametrize(
    ("depth", "weights"),
    [(11, 132_863_336), (13, 133_047_848), (16, 138_357_544), (19, 143_667_240)],
)
def test_counts(depth, weights):
    assert symbolic_count(depth) == weights


def conv_part(depth):
    return vgg(depth, num_classes=None, input_shape=(None, None, 3))


@pytest.mark.parametrize(("depth", "weights"), [(16, 14_714_688), (19, 20_024_384)])
def test_convolutional_part(depth, weights):
    assert count_trainable(conv_part(depth)) == weights


def test_dense_layers_hold_nearly_all():
    assert round(100 * (1 - 14_714_688 / 138_357_544), 1) == 89.4


@pytest.mark.parametrize("depth", [11, 13, 16, 19])
def test_depth_counts_layers_with_weights(depth):
    model = vgg(depth, num_classes=3, input_shape=(32, 32, 3))
    assert sum(bool(x.weights) for x in model.layers) == depth


def test_halvings():
    maps = vgg_maps(keras.Input((224, 224, 3)))
    got = [maps[f"pool{i}"].shape[1] for i in range(1, 6)]
    assert got == [112, 56, 28, 14, 7]


def test_maps_for_a_detector():
    """SSD300 takes conv4_3 with 38 x 38 places: 75 is halved up."""
    inputs = keras.Input((300, 300, 3))
    maps = vgg_maps(inputs, padding="same")
    assert maps["conv4_3"].shape == (None, 38, 38, 512)
    assert maps["conv5_3"].shape == (None, 19, 19, 512)
    assert vgg_maps(inputs)["conv4_3"].shape == (None, 37, 37, 512)
    assert list(maps)[:3] == ["conv1_1", "conv1_2", "pool1"] and len(maps) == 13 + 5


def test_rejects_depth():
    with pytest.raises(ValueError, match="depth must be one of .*, got 12"):
        vgg(12)


# Equality with keras.applications by transplanted noise


@pytest.fixture(scope="module")
def both():
    """Return ours, its maps, and what keras.applications' gives for the same weights.

    The gain is He's: with 1 the maps would halve in size from ReLU to ReLU.
    """
    theirs = keras.applications.VGG16(
        weights=None, include_top=False, input_shape=(64, 64, 3)
    )
    noise_weights(theirs, seed=0, gain=2**0.5)
    ours = vgg(num_classes=None, input_shape=(64, 64, 3))
    for old in theirs.layers:
        if old.weights:  # block4_conv3 is conv4_3
            name = old.name.removeprefix("block").replace("_conv", "_")
            ours.get_layer(f"conv{name}").set_weights(old.get_weights())
    inner = theirs.get_layer("block4_conv3").output
    want = keras.Model(theirs.input, [inner, theirs.output])(IMAGES)
    inner = ours.get_layer("conv4_3").output
    return keras.Model(ours.input, [inner, ours.output]), want


def compare(model, want):
    for got, expected in zip(model(IMAGES), want, strict=True):
        assert_close_relative(got, expected, 1e-4)


def test_equals_keras_applications(both):
    compare(*both)


def test_one_wrong_bias_shows(both):
    bias = both[0].get_layer("conv3_2").bias
    right = bias.numpy()
    bias.assign([0, *right[1:]])  # one channel of 256
    with pytest.raises(AssertionError, match="relative error"):
        compare(*both)
    bias.assign(right)
    compare(*both)


def test_whole_network_on_small_images():
    model = vgg(11, num_classes=4, input_shape=(32, 32, 3))
    theirs = [x for x in model.layers if isinstance(x, keras.layers.Dropout)]
    assert [x.rate for x in theirs] == [0.5, 0.5]
    noise_weights(model, seed=0, gain=2**0.5)
    logits = np.asarray(model(IMAGES[:, :32, :32]))
    assert logits.shape == (2, 4) and np.ptp(logits, axis=0).max() > 1e-3
