import keras
import numpy as np
import pytest
import tensorflow as tf

from course.checks import check_model, count_trainable, noise_weights
from modules.vision.classification.vgg import vgg
from modules.vision.segmentation.convolutionize import take_weights
from modules.vision.segmentation.fcn import fcn, fuse_scores

RNG = np.random.default_rng(0)
VGG = 14_714_688  # the convolutions of VGG-16
HEAD = (49 * 512 + 1) * 4096 + (4096 + 1) * 4096
COARSE, MIDDLE, FINE = (
    RNG.normal(size=(2, *shape)).astype("float32")
    for shape in ((2, 3, 6), (3, 5, 5), (6, 10, 4))
)


def score(channels):
    return (channels + 1) * 21


@pytest.mark.parametrize(("stride", "skips"), [(32, ()), (16, (512,)), (8, (512, 256))])
def test_counts(stride, skips):
    with tf.Graph().as_default():
        model = fcn(stride)
        trained, total = count_trainable(model), model.count_params()
    want = VGG + HEAD + score(4096) + sum(score(c) + 4 * 4 * 21**2 for c in skips)
    assert trained == want and total - trained == (2 * stride * 21) ** 2
    assert stride != 8 or trained == 134_376_863


def head():
    """The decoder alone, for maps of 2 x 3, 3 x 5 and 6 x 10: halved up."""
    maps = [keras.Input((None, None, a.shape[-1])) for a in (COARSE, MIDDLE, FINE)]
    return keras.Model(maps, fuse_scores(maps, num_classes=3))


def test_decoder():
    weights = (6 + 5 + 4 + 3) * 3 + 2 * 4 * 4 * 9
    check_model(head, (COARSE, MIDDLE, FINE), (2, 6, 10, 3), weights)


def test_scores_are_summed():
    model = head()
    noise_weights(model, seed=0)
    zero = [0 * a for a in (COARSE, MIDDLE, FINE)]
    empty = np.asarray(model(zero))  # what the biases give
    parts = []
    for i, a in enumerate((COARSE, MIDDLE, FINE)):
        alone = [a if j == i else z for j, z in enumerate(zero)]
        parts.append(np.asarray(model(alone)) - empty)
    got = np.asarray(model([COARSE, MIDDLE, FINE])) - empty
    np.testing.assert_allclose(got, sum(parts), atol=1e-5)
    kernel, bias = model.get_layer("score_2").get_weights()
    np.testing.assert_allclose(parts[2], FINE @ kernel[0, 0], atol=1e-5)
    assert bias.any()


def test_a_new_skip_changes_nothing_at_first():
    """Paper, section 4.2: scores of a skip start as zero, so does every score."""
    model = head()
    assert not np.asarray(model([COARSE, MIDDLE, FINE])).any()
    noise_weights(model.get_layer("score_0"), seed=0)
    got = model([COARSE, MIDDLE, FINE])
    np.testing.assert_array_equal(got, model([COARSE, 9 * MIDDLE, -FINE]))
    assert np.asarray(got).any()


@pytest.fixture(scope="module")
def small():
    model = fcn(8, depth=11, units=8, num_classes=3)
    noise_weights(model, seed=0, gain=2**0.5)
    return model


def test_any_size(small):
    x = RNG.normal(size=(1, 37, 70, 3)).astype("float32")
    got = np.asarray(small(x))
    assert got.shape == (1, 37, 70, 3) and np.isfinite(got).all() and got.std() > 1e-3


def test_what_changes_on_the_right_stays_on_the_right(small):
    """Scores are where their pixels are: nothing is flipped, or shifted by a map."""
    x = RNG.normal(size=(1, 16, 420, 3)).astype("float32")
    y = x.copy()
    y[:, :, 400:] = 0
    changed = np.abs(np.asarray(small(x)) - np.asarray(small(y))).max(axis=(0, 1, 3))
    assert changed[:16].max() == 0 and changed[400:].min() > 1e-3


def test_takes_the_weights_of_a_classifier(small):
    """fc6 and fc7 too, since VGG at 224 pixels flattens 7 x 7 places."""
    x = keras.Input((7, 7, 512))
    y = keras.layers.Dense(8, "relu", name="fc6")(keras.layers.Flatten()(x))
    y = keras.layers.Dense(8, "relu", name="fc7")(y)
    dense = keras.Model(x, y)
    noise_weights(dense, seed=1)
    assert take_weights(small, dense) == ["fc6", "fc7"]
    pool5 = RNG.normal(size=(1, 7, 7, 512)).astype("float32")
    conv = small.get_layer("fc7")(small.get_layer("fc6")(pool5))
    np.testing.assert_allclose(conv[:, 3, 3], dense(pool5), atol=1e-4)
    names = {layer.name for layer in vgg(11, num_classes=None).layers if layer.weights}
    assert names < {layer.name for layer in small.layers}


def test_rejects_stride():
    with pytest.raises(ValueError, match="stride must be one of .8, 16, 32., got 4"):
        fcn(4)
