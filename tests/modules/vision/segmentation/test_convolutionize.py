import keras
import numpy as np
import pytest
from keras import layers

from course.checks import assert_close_relative, noise_weights
from modules.vision.classification.vgg import vgg
from modules.vision.segmentation.convolutionize import (
    convolutionize,
    dense_to_conv,
    take_weights,
)

RNG = np.random.default_rng(0)


def classifier(padding="valid"):
    """Maps of 3 x 2 x 5 behind a halving, so that every swapped axis shows."""
    x = inputs = keras.Input((8, 6, 3))
    x = layers.Conv2D(5, 3, padding=padding, activation="relu", name="conv")(x)
    x = layers.MaxPooling2D(2, name="pool")(x)
    x = layers.Flatten(name="flatten")(x)
    x = layers.Dense(7, "relu", name="fc6")(x)
    x = layers.Dropout(0.5, name="fc6_dropout")(x)
    x = layers.Dense(4, use_bias=False, name="logits")(x)
    model = keras.Model(inputs, x, name="small")
    noise_weights(model, seed=0)
    return model


def test_on_its_own_size_it_gives_the_dense_answer():
    dense = classifier()
    x = RNG.normal(size=(3, 8, 6, 3)).astype("float32")
    got = convolutionize(dense)(x)
    assert got.shape == (3, 1, 1, 4)
    assert_close_relative(got[:, 0, 0], dense(x), 1e-5)


def test_on_a_larger_image_each_place_is_the_answer_for_its_window():
    """Without padding; the grid's step is that of the halving."""
    dense = classifier()
    x = RNG.normal(size=(2, 14, 12, 3)).astype("float32")
    got = np.asarray(convolutionize(dense)(x))
    assert got.shape == (2, 4, 4, 4)
    for i, j in np.ndindex(4, 4):
        window = x[:, 2 * i : 2 * i + 8, 2 * j : 2 * j + 6]
        np.testing.assert_allclose(got[:, i, j], dense(window), atol=1e-5)


def test_order_of_the_reshape():
    """A dense layer that picks row 2, column 0, channel 1 of (3, 2, 4)."""
    kernel = np.zeros((24, 1))
    kernel[(2 * 2 + 0) * 4 + 1] = 1
    got = dense_to_conv(kernel, (3, 2))
    assert got.shape == (3, 2, 4, 1) and np.argwhere(got).tolist() == [[2, 0, 1, 0]]


def test_vgg():
    """Behind five halvings a window of 1 x 2 places: on a larger image a grid."""
    model = convolutionize(vgg(11, num_classes=3, input_shape=(32, 64, 3)))
    assert model.get_layer("fc6").kernel.shape == (1, 2, 512, 4096)
    assert model.compute_output_shape((1, 32, 64, 3)) == (1, 1, 1, 3)
    assert model.compute_output_shape((1, 512, 384, 3)) == (1, 16, 11, 3)
    assert dense_to_conv(np.zeros((7 * 7 * 512, 2)), (7, 7)).shape == (7, 7, 512, 2)


def test_takes_by_name():
    dense, model = classifier(), convolutionize(classifier())
    model.set_weights([0 * w for w in model.get_weights()])
    assert take_weights(model, dense) == ["conv", "fc6", "logits"]
    got, want = (m.get_layer("fc6").get_weights() for m in (model, dense))
    np.testing.assert_array_equal(got[0].ravel(), want[0].ravel())
    other = keras.Sequential([keras.Input((4, 4, 3)), layers.Conv2D(2, 3, name="own")])
    assert take_weights(other, dense) == []


def test_rejects_kernels_of_another_size():
    with pytest.raises(ValueError, match="24 rows are not 5 x 2 pixels"):
        dense_to_conv(np.zeros((24, 1)), (5, 2))


def test_rejects_a_classifier_without_a_dense_part():
    x = keras.Input((4, 4, 3))
    model = keras.Model(x, layers.Conv2D(2, 3)(x), name="plain")
    with pytest.raises(ValueError, match="plain has no Flatten"):
        convolutionize(model)


def test_rejects_what_is_not_dense():
    x = keras.Input((4, 4, 3))
    y = layers.LayerNormalization(name="norm")(layers.Flatten()(x))
    with pytest.raises(ValueError, match="norm behind Flatten is no dense layer"):
        convolutionize(keras.Model(x, y))
