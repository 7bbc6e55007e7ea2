import keras
import numpy as np
import pytest
import tensorflow as tf

from course.checks import check_model, count_trainable, noise_weights
from modules.vision.segmentation.unet import FILTERS, output_size, unet

RNG = np.random.default_rng(0)
SMALL = {"filters": (4, 6, 8), "num_classes": 5, "input_shape": (None, None, 3)}


def double(seen, made):
    return 9 * seen * made + made + 9 * made * made + made


def test_full_size():
    with tf.Graph().as_default():
        model = unet()
        weights, shape = count_trainable(model), model.output_shape
    down = sum(map(double, (1, *FILTERS[:-1]), FILTERS))
    up = sum(4 * 2 * f * f + f + double(2 * f, f) for f in FILTERS[:-1])
    assert weights == down + up + 2 * 64 + 2 == 31_030_658
    assert shape == (None, 388, 388, 2)


def test_figure_1():
    """The maps of the paper's figure, down and up."""
    with tf.Graph().as_default():
        model = unet()
        sizes = {layer.name: layer.output.shape[1:] for layer in model.layers}
    assert [sizes[f"down{i}_2"][0] for i in range(5)] == [568, 280, 136, 64, 28]
    assert [sizes[f"up{i}_double"][0] for i in range(4)] == [392, 200, 104, 56]
    assert [sizes[f"up{i}_2"][0] for i in range(4)] == [388, 196, 100, 52]
    for i in range(4):  # the skip doubles the channels
        assert sizes[f"up{i}_join"][-1] == 2 * sizes[f"up{i}_2"][-1] == 2 * FILTERS[i]


@pytest.mark.parametrize(
    ("padding", "x", "y"), [("same", (13, 18), (13, 18)), ("valid", (60, 44), (20, 4))]
)
def test_model(padding, x, y):
    images = RNG.normal(size=(2, *x, 3)).astype("float32")
    weights = double(3, 4) + double(4, 6) + double(6, 8)
    weights += 4 * 8 * 4 + 4 + double(4 + 6, 6) + 4 * 6 * 3 + 3 + double(3 + 4, 4)
    weights += 4 * 5 + 5

    def make():
        model = unet(padding=padding, rate=0.5, **SMALL)
        return keras.Model(model.input, model.output)  # without the looks of Segmenter

    check_model(make, images, (2, *y, 5), weights, training="differs")


@pytest.fixture(scope="module")
def valid():
    model = unet(**SMALL)
    noise_weights(model, seed=0, gain=2**0.5)
    return model


@pytest.fixture(scope="module")
def same():
    model = unet(padding="same", **SMALL)
    noise_weights(model, seed=0, gain=2**0.5)
    return model


def test_tiles_give_the_same_as_the_whole(valid):
    """Figure 2: without padding, a tile and its rim is all that its pixels see."""
    x = RNG.normal(size=(1, 60, 76, 3)).astype("float32")
    whole = np.asarray(valid(x))
    assert whole.shape == (1, 20, 36, 5)
    for left in (0, 16):
        tile = np.asarray(valid(x[:, :, left : left + 60]))
        np.testing.assert_allclose(tile, whole[:, :, left : left + 20], atol=1e-5)


def test_both_paddings_agree_far_from_the_rim(valid, same):
    """The skips are cropped around the middle: any other place would show.

    The valid one halves from pixel 2 on, in the second level from pixel 6 on; the other
    one does so if the image begins at pixel 2.
    """
    same.set_weights(valid.get_weights())
    x = RNG.normal(size=(1, 108, 92, 3)).astype("float32")
    inner = np.asarray(same(x[:, 2:-2, 2:-2]))[:, 22:-22, 22:-22]
    np.testing.assert_allclose(valid(x)[:, 4:-4, 4:-4], inner, atol=1e-4)
    noise_weights(same, seed=0, gain=2**0.5)


@pytest.mark.parametrize("size", [(16, 20), (13, 18), (1, 3)])
def test_same_takes_any_size(same, size):
    got = np.asarray(same(RNG.normal(size=(1, *size, 3)).astype("float32")))
    assert got.shape == (1, *size, 5) and np.isfinite(got).all()


def test_an_odd_size_hardly_matters(same):
    """A row more at the end changes nothing at the start."""
    x = RNG.normal(size=(1, 64, 32, 3)).astype("float32")
    got, want = np.asarray(same(x[:, :61])), np.asarray(same(x))
    np.testing.assert_allclose(got[:, :30], want[:, :30], atol=1e-4)


def test_the_skip_comes_first(same):
    """Its channels are those of the way down; the doubled ones are behind."""
    x = RNG.normal(size=(1, 8, 8, 3)).astype("float32")
    skip, up = same.get_layer("up0_join").input
    maps = keras.Model(same.input, [same.get_layer("down0_2").output, skip, up])(x)
    np.testing.assert_array_equal(maps[0], maps[1])
    assert maps[2].shape == (1, 8, 8, 3)


def test_output_sizes():
    assert output_size(572) == 388
    assert output_size(140, levels=2) == 100
    assert output_size(60, levels=2) == 20 and output_size(9, levels=0) == 5
    fits = [n for n in range(100, 700) if n % 16 == 12 and n >= 188]
    assert all(output_size(n) == n - 184 for n in fits)


@pytest.mark.parametrize(
    ("size", "near"), [(570, "556 and 572"), (571, "556 and 572"), (64, "188")]
)
def test_sizes_that_do_not_fit(size, near):
    sentence = f"an image of {size} pixels does not fit, the nearest: {near}"
    with pytest.raises(ValueError, match=sentence):
        unet(input_shape=(size, 572, 1))


def test_sizes_that_do_not_fit_where_they_were_left_open(valid):
    with pytest.raises(ValueError, match="cannot be halved as often as needed"):
        valid(np.zeros((1, 61, 44, 3), "float32"))


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"padding": "full"}, "padding must be 'valid' or 'same', got 'full'"),
        ({"filters": ()}, "filters must be ints >= 1, got"),
        ({"filters": (4, 0)}, "filters must be ints >= 1, got"),
    ],
)
def test_rejects(options, sentence):
    with pytest.raises(ValueError, match=sentence):
        unet(**options)
