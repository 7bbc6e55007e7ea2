"""What small networks are put together from: convolutions per channel and per pixel.

Paper: Howard et al., "MobileNets: Efficient Convolutional Neural Networks for Mobile
       Vision Applications", 2017.
Link:  https://arxiv.org/abs/1704.04861 (section 3.1, figures 2 and 3)

Every network of the family is made of the parts in this file. What they vary:

    the order in a block   separable_block (depthwise_separable.py), inverted_residual
    activation             after a convolution ReLU6 or nothing: norm_relu6 or norm
    groups, size, strides  those of Conv; depthwise has as many groups as channels
    width                  alpha times the filters, see round_channels

Strides of 2 pad as TensorFlow does ("same"): an even map gets a row of zeros below and
a column to the right, none above. residual_parts pads both sides, as PyTorch does; the
two see pixels one apart, and weights cannot be carried from one to the other.
"""

import keras
from keras import layers

MOMENTUM, EPSILON = 0.9, 1e-3  # keras.applications has the momentum 0.99 or 0.999


def conv(x, spec, name):
    """Convolve without bias.

    Args:
        x: (B, H, W, C) Keras tensor.
        spec: Conv of residual_parts.py: filters, size, strides, groups.
        name: str.

    Returns:
        (B, ceil(H / strides), ceil(W / strides), filters).
    """
    return layers.Conv2D(
        spec.filters,
        spec.size,
        spec.strides,
        padding="same",
        groups=spec.groups,
        use_bias=False,
        kernel_initializer="he_normal",
        name=name,
    )(x)


def depthwise(x, size, strides, name):
    """Convolve each channel with a filter of its own; channels do not mix.

        G[k, l, m] = sum over i, j of K[i, j, m] F[k + i - 1, l + j - 1, m]

    size^2 C weights where a convolution has size^2 C filters; equation 3 of the paper.
    Each output sees size^2 values; Keras's own start, he_normal for one, takes it to
    see C times as many, and is too small.
    """
    start = keras.initializers.RandomNormal(stddev=2**0.5 / size)  # He's
    return layers.DepthwiseConv2D(
        size,
        strides,
        padding="same",
        use_bias=False,
        depthwise_initializer=start,
        name=name,
    )(x)


def norm(x, name):
    """Batch normalization and nothing else: a linear output."""
    return layers.BatchNormalization(momentum=MOMENTUM, epsilon=EPSILON, name=name)(x)


def norm_relu6(x, name):
    """Batch normalization, then min(max(x, 0), 6)."""
    return layers.ReLU(6.0, name=f"{name}_relu")(norm(x, f"{name}_norm"))


def check_width(alpha):
    """Refuse a width multiplier that is not a positive number.

    Raises:
        ValueError: alpha is not > 0.
    """
    if not 0 < alpha < float("inf"):
        raise ValueError(f"alpha must be a number > 0, got {alpha!r}")


def round_channels(channels, divisor=8):
    """Return the nearest multiple of divisor, but never less than 90 % of channels.

    Many processors work on eight channels at a time. The paper of MobileNetV2 does not
    say so; its code and keras.applications do.

    Args:
        channels: int or float > 0.
        divisor: int >= 1.

    Returns:
        int >= divisor.

    Example:
        >>> [round_channels(c) for c in (24, 11.2, 33.6, 3)]
        [24, 16, 32, 8]
    """
    near = max(divisor, int(channels + divisor / 2) // divisor * divisor)
    return near + divisor if near < 0.9 * channels else near
