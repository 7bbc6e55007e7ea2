"""Network in network: slide a small multi-layer perceptron over the image.

Paper: Lin, Chen and Yan, "Network In Network", ICLR 2014.
Link:  https://arxiv.org/abs/1312.4400 (section 3.1, equation 2, figure 2)
"""

import keras
from keras import layers

from modules.vision.classification.global_average_pooling import (
    GlobalAverageClassifier,
)


@keras.saving.register_keras_serializable("vision/classification")
class MlpConv(layers.Layer):
    """Apply one perceptron with ReLU after every layer to all k x k patches.

        y[i, j] = relu(Wn ... relu(W2 relu(W1 patch[i, j] + b1) + b2) ... + bn)

    The first layer is a k x k convolution. The others see one position only, so
    they are 1 x 1 convolutions; nothing is flattened.

    Args:
        units: sequence of int >= 1, the width of each layer.
        kernel_size: int >= 1, called k above.
        strides: int >= 1, the distance between patches.
        padding: "same" or "valid".

    Shapes:
        x: (B, H, W, C) float. C must be known when the layer is built.
        y: (B, H', W', units[-1]), H' and W' as after the first convolution.

    Raises:
        ValueError: units is empty or holds something else than int >= 1.

    Example:
        >>> tuple(MlpConv([8, 6, 4], kernel_size=3)(keras.ops.ones((2, 7, 5, 3))).shape)
        (2, 7, 5, 4)
    """

    def __init__(self, units, kernel_size, strides=1, padding="same", **kwargs):
        super().__init__(**kwargs)
        if not units or not all(isinstance(u, int) and u >= 1 for u in units):
            raise ValueError(f"units must be ints >= 1, at least one, got {units!r}")
        self.units = list(units)
        self.kernel_size = kernel_size
        self.strides = strides
        self.padding = padding

    def build(self, input_shape):
        first, *rest = self.units
        options = {"activation": "relu", "dtype": self.dtype_policy}
        patch = layers.Conv2D(
            first, self.kernel_size, self.strides, self.padding, **options
        )
        self.convs = [patch, *(layers.Conv2D(u, 1, **options) for u in rest)]
        for conv in self.convs:
            conv.build(input_shape)
            input_shape = conv.compute_output_shape(input_shape)

    def call(self, x):
        for conv in self.convs:
            x = conv(x)
        return x

    def get_config(self):
        own = {
            "units": self.units,
            "kernel_size": self.kernel_size,
            "strides": self.strides,
            "padding": self.padding,
        }
        return {**super().get_config(), **own}


def cifar_nin(num_classes=10, input_shape=(32, 32, 3)):
    """Return the network for CIFAR, from images to logits: 966,986 weights.

    Halving and dropout follow every mlpconv but the last, whose maps are averaged.
    """
    inputs = keras.Input(input_shape)
    x = MlpConv([192, 160, 96], 5, name="mlpconv1")(inputs)
    x = layers.Dropout(0.5)(layers.MaxPooling2D(3, 2, "same")(x))
    x = MlpConv([192, 192, 192], 5, name="mlpconv2")(x)
    x = layers.Dropout(0.5)(layers.MaxPooling2D(3, 2, "same")(x))
    x = MlpConv([192, 192, num_classes], 3, name="mlpconv3")(x)
    return keras.Model(inputs, _logits(x), name="cifar_nin")


def imagenet_nin(num_classes=1000, input_shape=(224, 224, 3)):
    """Return the authors' network for ImageNet, to logits: 7,595,176 weights."""
    inputs = keras.Input(input_shape)
    x = MlpConv([96, 96, 96], 11, strides=4, padding="valid", name="mlpconv1")(inputs)
    x = layers.MaxPooling2D(3, 2, "same")(x)
    x = MlpConv([256, 256, 256], 5, name="mlpconv2")(x)
    x = layers.MaxPooling2D(3, 2, "same")(x)
    x = MlpConv([384, 384, 384], 3, name="mlpconv3")(x)
    x = layers.Dropout(0.5)(layers.MaxPooling2D(3, 2, "same")(x))
    x = MlpConv([1024, 1024, num_classes], 3, name="mlpconv4")(x)
    return keras.Model(inputs, _logits(x), name="imagenet_nin")


def _logits(maps):
    return GlobalAverageClassifier(activation=None, name="logits")(maps)
