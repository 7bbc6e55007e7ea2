import keras
import numpy as np
import pytest
import tensorflow as tf

from course.checks import check_model
from modules.vision.segmentation.mean_iou import MeanIoU
from modules.vision.segmentation.pixel_cross_entropy import PixelCrossEntropy
from modules.vision.segmentation.segmenter import Segmenter, check_pairs
from modules.vision.segmentation.unet import unet

RNG = np.random.default_rng(0)
X = RNG.uniform(size=(4, 6, 7, 3)).astype("float32")
Y = RNG.integers(3, size=(4, 6, 7))


def make():
    x = inputs = keras.Input((None, None, 3))
    x = keras.layers.Conv2D(4, 3, padding="same", activation="relu")(x)
    return Segmenter(inputs, keras.layers.Conv2D(3, 1)(x))


def compiled(ignore=255):
    model = make()
    model.compile("adam", PixelCrossEntropy(ignore), metrics=[MeanIoU(3, ignore)])
    return model


def test_is_the_functional_model():
    """As a keras.Model it passes the common examination; its own class is saved too."""

    def plain():
        return keras.Model(*(lambda m: (m.input, m.output))(make()))

    check_model(plain, X, (4, 6, 7, 3), weights=9 * 3 * 4 + 4 + 4 * 3 + 3)


def test_saved_as_what_it_is(tmp_path):
    model = make()
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    assert type(again) is Segmenter
    np.testing.assert_allclose(again(X), model(X), rtol=1e-6)
    copy = keras.models.clone_model(model)
    assert type(copy) is Segmenter and copy.count_params() == model.count_params()


@pytest.fixture(scope="module")
def model():
    return compiled()


def test_learns_with_ignored_pixels(model):
    y = np.where(RNG.uniform(size=Y.shape) < 0.3, 255, Y)
    history = model.fit(X, y[..., None], epochs=2, verbose=0).history
    assert np.isfinite(history["loss"]).all() and 0 <= history["mean_iou"][0] <= 1
    loss, iou = model.evaluate(X, y, verbose=0)
    logits = model.predict(X, verbose=0)
    assert loss == pytest.approx(float(PixelCrossEntropy()(y, logits)), rel=1e-4)
    metric = MeanIoU(3)
    metric.update_state(y, logits)
    assert iou == pytest.approx(float(metric.result()), rel=1e-6)


def test_images_without_objects(model):
    """Only ground, or nothing that counts: numbers, not NaN."""
    for y in (0 * Y, 0 * Y + 255):
        history = model.fit(X, y, epochs=1, verbose=0).history
        assert np.isfinite([v for values in history.values() for v in values]).all()


def test_constant_images(model):
    for value in (0, 1):
        assert np.isfinite(model.fit(0 * X + value, Y, verbose=0).history["loss"]).all()


@pytest.mark.parametrize(
    ("x", "y", "sentence"),
    [
        (X, Y + 1, "labels must be in 0 to 2, or 255, got 3 in image 0"),
        (X, Y - 1, "labels must be in 0 to 2, or 255, got -1 in image 0"),
        (X, Y + 0.5, "labels must be in 0 to 2, or 255, got"),
        (X, Y[:, :5], "labels must be .4, 6, 7., got .4, 5, 7.: the network gives 6 x"),
        (X, np.eye(3)[Y], "labels must be .4, 6, 7., got .4, 6, 7, 3."),
        (X * 255, Y, "images must be about 1, got values up to .*divided by 255"),
        ((X * 255).astype("uint8"), Y, "images must be floats, got uint8: divide by"),
        (X * np.nan, Y, "images must be about 1, got values up to nan"),
        (X + np.inf, Y, "got values up to inf"),
    ],
)
def test_says_what_is_wrong(model, x, y, sentence):
    for call in (model.fit, model.evaluate):
        with pytest.raises(ValueError, match=sentence):
            call(x, y, verbose=0)


def test_labels_of_a_valid_network_are_smaller():
    model = unet((2, 3), input_shape=(20, 20, 3), num_classes=3)
    model.compile("sgd", PixelCrossEntropy())
    x, y = np.zeros((2, 20, 20, 3), "float32"), np.zeros((2, 20, 20), int)
    with pytest.raises(ValueError, match="labels must be .2, 4, 4., got .2, 20, 20."):
        model.fit(x, y, verbose=0)
    model.fit(x, y[:, 8:-8, 8:-8], verbose=0)


def test_without_an_ignored_label():
    check_pairs(X, Y, (4, 6, 7, 3))
    with pytest.raises(ValueError, match="labels must be in 0 to 2, got 255"):
        check_pairs(X, 0 * Y + 255, (4, 6, 7, 3))


def test_a_dataset_with_wrong_labels_gives_no_nan(model):
    data = tf.data.Dataset.from_tensor_slices((X, Y + 1)).batch(2)
    assert np.isfinite(model.fit(data, verbose=0, shuffle=False).history["loss"]).all()


def test_border_weights_reach_the_loss(model):
    weights = RNG.uniform(1, 9, size=Y.shape).astype("float32")
    loss, _ = model.evaluate(X, Y, sample_weight=weights, verbose=0)
    want = PixelCrossEntropy()(Y, model.predict(X, verbose=0), weights)
    assert loss == pytest.approx(float(want), rel=1e-4)


def test_a_dataset_of_images_from_0_to_255_gives_no_nan(model):
    """Nobody looks at it; the loss is large, and finite."""
    data = tf.data.Dataset.from_tensor_slices((255 * X, Y)).batch(2)
    losses = model.fit(data, epochs=3, verbose=0, shuffle=False).history["loss"]
    assert np.isfinite(losses).all()
