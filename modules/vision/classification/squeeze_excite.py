"""Squeeze-and-excitation: gate each channel by what the whole image shows.

Paper: Hu, Shen and Sun, "Squeeze-and-Excitation Networks", CVPR 2018.
Link:  https://arxiv.org/abs/1709.01507 (section 3, equations 2 to 4)
"""

import keras
from keras import layers, ops

from modules.vision.classification.residual import resnet


@keras.saving.register_keras_serializable("vision/classification")
class SqueezeExcite(layers.Layer):
    """Scale every channel of x by a gate in (0, 1) that depends on all of them.

        y = x * s    with    s = sigmoid(W2 relu(W1 mean(x)))

    W1 and W2 have no bias, as in the paper's experiments. With a bottleneck of
    h = max(1, C // ratio) units the layer holds 2 C h weights.

    Args:
        ratio: int >= 1, called r in the paper.

    Shapes:
        x: (B, H, W, C) float. C must be known when the layer is built.
        y: (B, H, W, C), in the compute dtype of the layer.

    Raises:
        ValueError: ratio is not an int >= 1, or x is not of rank 4 with known C.

    Example:
        >>> tuple(SqueezeExcite(ratio=4)(ops.ones((2, 7, 7, 16))).shape)
        (2, 7, 7, 16)
    """

    def __init__(self, ratio=16, **kwargs):
        super().__init__(**kwargs)
        if not (isinstance(ratio, int) and ratio >= 1):
            raise ValueError(f"ratio must be an int >= 1, got {ratio!r}")
        self.ratio = ratio

    def build(self, input_shape):
        if len(input_shape) != 4 or input_shape[-1] is None:
            raise ValueError(f"x must be (B, H, W, C) with C known, got {input_shape}")
        channels = input_shape[-1]
        hidden = max(1, channels // self.ratio)
        plain = {"use_bias": False, "dtype": self.dtype_policy}
        self.reduce = layers.Dense(hidden, "relu", **plain)
        self.expand = layers.Dense(channels, "sigmoid", **plain)
        self.reduce.build((None, channels))
        self.expand.build((None, hidden))

    def call(self, x):
        s = ops.mean(x, axis=(1, 2))  # (B, C): squeeze
        s = self.expand(self.reduce(s))  # (B, C): excite
        return x * s[:, None, None, :]  # (B, H, W, C): scale

    def get_config(self):
        return {**super().get_config(), "ratio": self.ratio}


def se_resnet(depth=50, ratio=16, **options):
    """Return a ResNet whose every branch ends in squeeze-and-excitation.

    The gate stands after the last batch normalization and before the addition.
    SE-ResNet-50 has 28,071,976 trainable weights (28,088,024 with biases in W1, W2).

    Args:
        depth: 18, 34, 50, 101 or 152.
        ratio: int >= 1, called r in the paper.
        options: num_classes, input_shape, shortcut and plan, as in `resnet`.

    Returns:
        keras.Model from images to logits, as `resnet`.

    Raises:
        ValueError: depth or ratio is none of those above.
    """
    options = {"name": f"se_resnet_{depth}", **options}
    return resnet(depth, gate=lambda y: SqueezeExcite(ratio)(y), **options)
