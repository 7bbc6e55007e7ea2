"""LeNet-5: convolve, subsample, convolve, subsample, and classify a digit.

Paper: LeCun, Bottou, Bengio and Haffner, "Gradient-Based Learning Applied to Document
       Recognition", Proceedings of the IEEE 1998.
Link:  https://doi.org/10.1109/5.726791 (section II.B, figure 2, table I)
"""

import keras
import numpy as np
from keras import layers, ops

TABLE = (  # the maps of S2 that each of the 16 maps of C3 reads: table I
    *((i, (i + 1) % 6, (i + 2) % 6) for i in range(6)),
    *(tuple((i + j) % 6 for j in range(4)) for i in range(6)),
    *((0, 1, 3, 4), (1, 2, 4, 5), (0, 2, 3, 5)),
    (0, 1, 2, 3, 4, 5),
)


def lenet5(activation="tanh", num_classes=10, input_shape=(32, 32, 1)):
    """Return LeNet-5 as it is built today, from images to logits: 61,706 weights.

    Every map of C3 reads all maps of S2, S2 and S4 are plain average poolings, and the
    last layer is linear. lenet5_original has the paper's versions.

    Args:
        activation: str or function behind every layer with weights but the last.
        num_classes: int >= 1.
        input_shape: (H, W, C), at least 32 x 32: the paper puts 28 x 28 digits into a
            frame of 2 pixels.
    """
    inputs = keras.Input(input_shape)
    x = layers.Conv2D(6, 5, activation=activation, name="C1")(inputs)  # 28 x 28
    x = layers.AveragePooling2D(2, name="S2")(x)  # 14 x 14
    x = layers.Conv2D(16, 5, activation=activation, name="C3")(x)  # 10 x 10
    x = layers.AveragePooling2D(2, name="S4")(x)  # 5 x 5
    x = layers.Conv2D(120, 5, activation=activation, name="C5")(x)  # 1 x 1
    x = layers.Dense(84, activation, name="F6")(layers.Flatten()(x))
    logits = layers.Dense(num_classes, name="logits")(x)
    return keras.Model(inputs, logits, name="lenet5")


def lenet5_original(input_shape=(32, 32, 1)):
    """Return LeNet-5 of the paper, from images to F6: 60,000 weights.

    Ten units follow in the paper that have no trainable weights: each gives the squared
    distance between F6 and a fixed code of 84 numbers -1 and 1, a 7 x 12 drawing of its
    digit, and the smallest distance wins.

    Args:
        input_shape: (H, W, C).

    Returns:
        keras.Model to (B, 84).
    """
    inputs = keras.Input(input_shape)
    x = layers.Conv2D(6, 5, activation=squash, name="C1")(inputs)
    x = layers.Activation(squash)(Subsampling(name="S2")(x))
    x = layers.Activation(squash)(TableConv(TABLE, 5, name="C3")(x))
    x = layers.Activation(squash)(Subsampling(name="S4")(x))
    x = layers.Conv2D(120, 5, activation=squash, name="C5")(x)
    x = layers.Dense(84, squash, name="F6")(layers.Flatten()(x))
    return keras.Model(inputs, x, name="lenet5_original")


@keras.saving.register_keras_serializable("vision/classification")
def squash(a):
    """Return 1.7159 tanh(2 a / 3): 1 goes to 1, -1 to -1, and there it bends most.

    Example:
        >>> print(f"{float(squash(ops.array(1.0))):.3f}")
        1.000
    """
    return 1.7159 * ops.tanh(2 / 3 * a)


@keras.saving.register_keras_serializable("vision/classification")
class Subsampling(layers.Layer):
    """Add up each 2 x 2 window, with one weight and one bias a channel.

        y[c] = w[c] * (sum of the four x[c]) + b[c]

    With w = 1/4 and b = 0 it is average pooling, and so it starts here.

    Shapes:
        x: (B, H, W, C) float. C must be known when the layer is built.
        y: (B, H // 2, W // 2, C). 2 C weights.

    Example:
        >>> tuple(Subsampling()(ops.ones((1, 6, 4, 3))).shape)
        (1, 3, 2, 3)
    """

    def build(self, input_shape):
        quarter, shape = keras.initializers.Constant(0.25), input_shape[-1:]
        self.w = self.add_weight(name="w", shape=shape, initializer=quarter)
        self.b = self.add_weight(name="b", shape=shape, initializer="zeros")

    def call(self, x):
        return self.w * (4 * ops.average_pool(x, 2)) + self.b


@keras.saving.register_keras_serializable("vision/classification")
class TableConv(layers.Layer):
    """Convolve, each channel of y with its own choice of channels of x.

        y[c'] = b[c'] + sum over c in table[c'] of x[c] * w[c, c']

    Weights exist only for the pairs in the table; they are put into a kernel that is
    zero elsewhere. The point was fewer weights, and maps that differ by force.

    Args:
        table: for every channel of y, the channels of x that it reads.
        kernel_size: int >= 1.

    Shapes:
        x: (B, H, W, C) float. C must be known when the layer is built.
        y: (B, H - k + 1, W - k + 1, len(table)).

    Raises:
        ValueError: the table names a channel that x does not have.

    Example:
        >>> layer = TableConv([(0, 1), (1, 2), (0,)], kernel_size=3)
        >>> tuple(layer(ops.ones((1, 6, 4, 3))).shape), layer.count_params()
        ((1, 4, 2, 3), 48)
    """

    def __init__(self, table, kernel_size, **kwargs):
        super().__init__(**kwargs)
        self.table = [list(row) for row in table]
        self.kernel_size = kernel_size

    def build(self, input_shape):
        channels, filters = input_shape[-1], len(self.table)
        pairs = [(c, out) for out, row in enumerate(self.table) for c in row]
        if not all(0 <= c < channels for c, _ in pairs):
            raise ValueError(f"table must name 0 to {channels - 1}, got {self.table}")
        self.place = np.zeros((len(pairs), channels * filters), "float32")
        for i, (c, out) in enumerate(pairs):
            self.place[i, c * filters + out] = 1
        limit = (len(pairs) / filters * self.kernel_size**2) ** -0.5
        self.w = self.add_weight(
            name="w",
            shape=(self.kernel_size, self.kernel_size, len(pairs)),
            initializer=keras.initializers.RandomUniform(-limit, limit),
        )
        self.b = self.add_weight(name="b", shape=(filters,), initializer="zeros")

    def call(self, x):
        size, filters = self.kernel_size, len(self.table)
        kernel = ops.matmul(self.w, ops.cast(self.place, self.compute_dtype))
        kernel = ops.reshape(kernel, (size, size, x.shape[-1], filters))
        return ops.conv(x, kernel) + self.b

    def get_config(self):
        own = {"table": self.table, "kernel_size": self.kernel_size}
        return {**super().get_config(), **own}
