"""Multilayer perceptron: linear maps with a ReLU between them, and Keras in one page.

Paper: Rumelhart, Hinton and Williams, "Learning representations by back-propagating
       errors", Nature 1986 (with sigmoids where we have ReLUs).
Link:  https://doi.org/10.1038/323533a0 (equations 1 and 2)
"""

import keras
from keras import layers, ops

from modules.foundations.learning.activations import relu


@keras.saving.register_keras_serializable("foundations/learning")
class Affine(layers.Layer):
    """Map vectors linearly and shift them; keras.layers.Dense without its options.

        y = x W + b

    Weights are made in build, when D is known. W starts uniform in +-sqrt(6 / (D +
    units)), as Keras does by default; b starts at 0.

    Args:
        units: int >= 1, width of y.

    Shapes:
        x: (..., D) float. D must be known when the layer is built.
        y: (..., units). D * units + units weights.

    Raises:
        ValueError: units is not an int >= 1.

    Example:
        >>> layer = Affine(3)
        >>> tuple(layer(ops.ones((2, 5))).shape), layer.count_params()
        ((2, 3), 18)
    """

    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        if not (isinstance(units, int) and units >= 1):
            raise ValueError(f"units must be an int >= 1, got {units!r}")
        self.units = units

    def build(self, input_shape):
        self.kernel = self.add_weight(
            name="kernel", shape=(input_shape[-1], self.units)
        )
        self.bias = self.add_weight(
            name="bias", shape=(self.units,), initializer="zeros"
        )

    def call(self, x):
        return ops.matmul(x, self.kernel) + self.bias

    def get_config(self):
        return {**super().get_config(), "units": self.units}


def mlp(hidden=(64,), num_classes=10, input_shape=(8, 8, 1), between=None, name="mlp"):
    """Return a network of affine maps with ReLUs between, from inputs to logits.

    With (64,) hidden units, 8x8 inputs and 10 classes it has 64 * 64 + 64 + 64 * 10 +
    10 = 4,810 weights.

    Args:
        hidden: width of each hidden layer.
        num_classes: int >= 1.
        input_shape: shape of one example; it is flattened.
        between: function put behind every hidden layer, as in
            `lambda x: Dropout(0.5)(x)`; None for nothing.
        name: str.

    Returns:
        keras.Model from (B, *input_shape) to logits (B, num_classes).

    Raises:
        ValueError: a width is not an int >= 1.
    """
    inputs = keras.Input(input_shape)
    x = layers.Flatten()(inputs)
    for i, units in enumerate(hidden, 1):
        x = relu(Affine(units, name=f"hidden{i}")(x))
        x = between(x) if between else x
    logits = Affine(num_classes, name="logits")(x)
    return keras.Model(inputs, logits, name=name)
