"""MobileNetV2: shortcuts between thin maps, and filters on wide ones.

Paper: Sandler, Howard, Zhu, Zhmoginov and Chen, "MobileNetV2: Inverted Residuals and
       Linear Bottlenecks", CVPR 2018.
Link:  https://arxiv.org/abs/1801.04381 (sections 3 and 4, tables 1 and 2)
"""

import keras
from keras import layers

from modules.vision.classification.residual_parts import Conv, classifier
from modules.vision.efficient.separable_parts import (
    check_width,
    conv,
    depthwise,
    norm,
    norm_relu6,
    round_channels,
)

STAGES = (  # expansion t, channels c, blocks n, strides s of the first: table 2
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)


def inverted_residual(x, filters, strides=1, expansion=6, name="block"):
    """Return x after expansion, depthwise filters and a linear projection (table 1).

        y = x + P relu6(D relu6(E x))        E: 1x1, k to t k;  D: 3x3 depthwise;
                                             P: 1x1, t k to k', without activation

    BN follows each of the three. The bottleneck of ResNet is wide, narrow, wide; this
    one is narrow, wide, narrow, so the shortcut joins the narrow maps. A ReLU there
    would lose what no other channel keeps: the projection is linear, and so is the sum.
    The input is added only where strides is 1 and k' = k. Without expansion (t = 1)
    there is no E.

    Args:
        x: (B, H, W, k) Keras tensor.
        filters: int >= 1, called k'.
        strides: 1 or 2, of the depthwise convolution.
        expansion: int >= 1, called t.
        name: str, the name of the output's layer and prefix of the others.

    Returns:
        (B, ceil(H / strides), ceil(W / strides), filters).

    Raises:
        ValueError: expansion is not an int >= 1.

    Example:
        >>> inverted_residual(keras.Input((7, 8, 16)), filters=24, strides=2).shape
        (None, 4, 4, 24)
    """
    if not (isinstance(expansion, int) and expansion >= 1):
        raise ValueError(f"expansion must be an int >= 1, got {expansion!r}")
    channels, y = x.shape[-1], x
    if expansion > 1:
        y = conv(y, Conv(expansion * channels, 1), f"{name}_expand")  # (B, H, W, t k)
        y = norm_relu6(y, f"{name}_1")
    y = depthwise(y, 3, strides, f"{name}_depthwise")
    y = norm_relu6(y, f"{name}_2")
    y = conv(y, Conv(filters, 1), f"{name}_project")  # (B, H/s, W/s, k')
    if strides > 1 or filters != channels:
        return norm(y, name)
    return layers.Add(name=name)([x, norm(y, f"{name}_3_norm")])


def mobilenet_v2(alpha=1.0, num_classes=1000, input_shape=(224, 224, 3)):
    """Return the network of table 2, from images to logits.

    3,504,872 trainable weights and 34,112 moving statistics, 301 million multiply-adds.
    The width alpha scales all channels but the last 1280, which grow only with
    alpha > 1; they are rounded to multiples of 8 (see round_channels). The same as
    keras.applications' MobileNetV2.

    Args:
        alpha: float > 0, in the paper 0.35 to 1.4.
        num_classes: int >= 1, number of logits.
        input_shape: (H, W, C); H and W may be None. In the paper 96 to 224.

    Raises:
        ValueError: alpha is not > 0.
    """
    check_width(alpha)
    inputs = keras.Input(input_shape)
    x = conv(inputs, Conv(round_channels(32 * alpha), 3, 2), "stem")
    x = norm_relu6(x, "stem")
    for stage, (expansion, channels, blocks, first) in enumerate(STAGES, 1):
        filters = round_channels(int(channels * alpha))
        for block in range(1, blocks + 1):
            strides = first if block == 1 else 1
            name = f"stage{stage}_block{block}"
            x = inverted_residual(x, filters, strides, expansion, name)
    last = round_channels(1280 * max(alpha, 1.0))
    x = norm_relu6(conv(x, Conv(last, 1), "last"), "last")
    return classifier(inputs, x, num_classes, f"mobilenet_v2_{alpha:g}")
