"""What one image costs: the multiply-adds of a Keras model, layer by layer.

Paper: Howard et al., "MobileNets: Efficient Convolutional Neural Networks for Mobile
       Vision Applications", 2017.
Link:  https://arxiv.org/abs/1704.04861 (section 3.1, equations 2 and 3)
"""

import math

KINDS = ("Conv2D", "DepthwiseConv2D", "Dense")


def layer_multiply_adds(layer):
    """Return the multiply-adds of one layer for one image.

        D_K^2 M N D_F^2 / groups     a convolution with D_F^2 positions of the output
        D_K^2 M D_F^2                a depthwise one
        M N                          a dense layer

    That is the kernel's size times the positions at which it is used, in all three. At
    the border zeros are multiplied too. Biases, normalization, activations, pooling
    and additions do not count, as in the paper; half as many operations as some call
    "FLOPs".

    Args:
        layer: a Keras layer of a functional model.

    Returns:
        int; 0 for layers without a kernel.

    Raises:
        ValueError: the layer has other weights than those of the three kinds and of
            batch normalization, or the size of its output is not known.
    """
    if type(layer).__name__ not in KINDS:
        if layer.trainable_weights and type(layer).__name__ != "BatchNormalization":
            raise ValueError(
                f"layers must be of {', '.join(KINDS)}, got {type(layer).__name__}"
            )
        return 0
    positions = layer.output.shape[1:-1]
    if None in positions:
        raise ValueError(
            f"the size of images must be known, got {layer.output.shape} in "
            f"{layer.name}: give input_shape"
        )
    return math.prod(layer.kernel.shape) * math.prod(positions)


def multiply_adds(model):
    """Return the multiply-adds of a functional model for one image.

    Args:
        model: keras.Model in which each layer is used once.

    Returns:
        int.

    Raises:
        ValueError: as layer_multiply_adds.

    Example:
        >>> from keras import Input, Model, layers
        >>> x = Input((7, 5, 8))
        >>> multiply_adds(Model(x, layers.Conv2D(4, 3, padding="same")(x)))
        10080
    """
    return sum(layer_multiply_adds(layer) for layer in model.layers)
