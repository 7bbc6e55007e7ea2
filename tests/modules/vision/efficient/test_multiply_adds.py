import keras
import pytest
from keras import layers

from modules.vision.classification.vgg import vgg
from modules.vision.efficient.depthwise_separable import mobilenet
from modules.vision.efficient.multiply_adds import layer_multiply_adds, multiply_adds


def model_of(layer, shape=(10, 12, 8)):
    inputs = keras.Input(shape)
    return keras.Model(inputs, layer(inputs))


@pytest.mark.parametrize(
    ("layer", "want"),
    [
        (layers.Conv2D(6, 3, padding="same"), 9 * 8 * 6 * 120),
        (layers.Conv2D(6, 3, padding="valid"), 9 * 8 * 6 * 80),
        (layers.Conv2D(6, 3, strides=2, padding="same"), 9 * 8 * 6 * 30),
        (layers.Conv2D(6, 1, groups=2), 8 * 6 // 2 * 120),
        (layers.DepthwiseConv2D(3, padding="same"), 9 * 8 * 120),
        (layers.DepthwiseConv2D(3, depth_multiplier=2, padding="same"), 9 * 16 * 120),
        (layers.Dense(5), 8 * 5 * 120),
        (layers.BatchNormalization(), 0),
        (layers.MaxPooling2D(2), 0),
        (layers.ReLU(), 0),
    ],
)
def test_closed_forms(layer, want):
    model = model_of(layer)
    assert multiply_adds(model) == want == layer_multiply_adds(model.layers[1])


def test_dense():
    assert multiply_adds(model_of(layers.Dense(5), (7,))) == 35


def test_a_ninth():
    """1/N + 1/D_K^2, which is 0.113 for 512 filters of 3x3."""
    inputs = keras.Input((14, 14, 512))
    whole = multiply_adds(
        model_of(layers.Conv2D(512, 3, padding="same"), (14, 14, 512))
    )
    x = layers.DepthwiseConv2D(3, padding="same")(inputs)
    apart = multiply_adds(keras.Model(inputs, layers.Conv2D(512, 1)(x)))
    assert apart / whole == pytest.approx(1 / 512 + 1 / 9)
    assert round(apart / whole, 3) == 0.113


def test_resolution():
    """290 million in table 7 of the paper; other networks: in their own tests."""
    assert multiply_adds(mobilenet(input_shape=(160, 160, 3))) == 290_675_200


def test_convolutions_of_vgg():
    """15.3 thousand million, 27 times those of MobileNet."""
    model = vgg(num_classes=None, input_shape=(224, 224, 3))
    assert multiply_adds(model) == 15_346_630_656


def test_rejects_what_it_cannot_count():
    with pytest.raises(ValueError, match="the size of images must be known"):
        multiply_adds(mobilenet(0.25, input_shape=(None, None, 3)))
    with pytest.raises(ValueError, match="layers must be of .*, got LSTM"):
        multiply_adds(model_of(layers.LSTM(3), (4, 2)))
