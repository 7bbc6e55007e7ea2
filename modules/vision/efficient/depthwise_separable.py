"""MobileNet: filter every channel alone, then mix the channels at every pixel.

Paper: Howard et al., "MobileNets: Efficient Convolutional Neural Networks for Mobile
       Vision Applications", 2017.
Link:  https://arxiv.org/abs/1704.04861 (section 3, equations 2 to 7, table 1)
"""

import keras

from modules.vision.classification.residual_parts import Conv, classifier
from modules.vision.efficient.separable_parts import (
    check_width,
    conv,
    depthwise,
    norm_relu6,
)

BLOCKS = (  # (filters, strides) of table 1
    *((64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2)),
    *((512, 1),) * 5,
    *((1024, 2), (1024, 1)),
)


def separable_block(x, filters, strides=1, name="block"):
    """Return x after a 3x3 depthwise and a 1x1 convolution, each with BN and ReLU6.

    A convolution does two things at once, it filters and it mixes channels. Apart they
    cost, for M channels in, N out and D_F^2 positions,

        D_K^2 M D_F^2 + M N D_F^2    instead of    D_K^2 M N D_F^2

    multiply-adds: 1/N + 1/D_K^2 of it, about a ninth with 3x3 filters. Figure 3 of the
    paper says ReLU; its code, and keras.applications, have ReLU6.

    Args:
        x: (B, H, W, M) Keras tensor.
        filters: int >= 1, called N.
        strides: 1 or 2, of the depthwise convolution.
        name: str, prefix of the layers' names.

    Returns:
        (B, ceil(H / strides), ceil(W / strides), filters), called <name>_2_relu.

    Example:
        >>> separable_block(keras.Input((7, 8, 16)), filters=32, strides=2).shape
        (None, 4, 4, 32)
    """
    x = depthwise(x, 3, strides, f"{name}_depthwise")  # (B, H/s, W/s, M)
    x = norm_relu6(x, f"{name}_1")
    x = conv(x, Conv(filters, 1), f"{name}_pointwise")  # (B, H/s, W/s, N)
    return norm_relu6(x, f"{name}_2")


def mobilenet(alpha=1.0, num_classes=1000, input_shape=(224, 224, 3)):
    """Return the network of table 1, from images to logits.

    4,231,976 trainable weights and 21,888 moving statistics, 569 million multiply-adds.
    Two hyper-parameters make it smaller: the width alpha scales every layer's channels,
    and so weights and cost by about alpha^2; the resolution, which the paper calls rho,
    is that of the images, and scales the cost alone by rho^2.

    keras.applications' MobileNet is the same for maps of even size, with a dropout of
    rate 0.001 in front of the logits. The last strides are 1: table 1 says 2 there, and
    a map of 7x7 that stays so.

    Args:
        alpha: float > 0, in the paper 1, 0.75, 0.5 or 0.25.
        num_classes: int >= 1, number of logits.
        input_shape: (H, W, C); H and W may be None. In the paper 224, 192, 160, 128.

    Raises:
        ValueError: alpha is not > 0, or leaves a layer without channels.
    """
    check_width(alpha)
    if int(32 * alpha) < 1:
        raise ValueError(f"alpha must leave 1 of 32 channels, got {alpha!r}")
    inputs = keras.Input(input_shape)
    x = conv(inputs, Conv(int(32 * alpha), 3, 2), "stem")
    x = norm_relu6(x, "stem")
    for i, (filters, strides) in enumerate(BLOCKS, 1):
        x = separable_block(x, int(filters * alpha), strides, f"block{i}")
    return classifier(inputs, x, num_classes, f"mobilenet_{alpha:g}")
