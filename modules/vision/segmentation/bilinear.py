"""Bilinear upsampling as a transposed convolution, whose weights can then be learned.

Paper: Long, Shelhamer and Darrell, "Fully Convolutional Networks for Semantic
       Segmentation", CVPR 2015.
Link:  https://arxiv.org/abs/1411.4038 (sections 3.3 and 4.2)
"""

import keras
import numpy as np
from keras import layers, ops


@keras.saving.register_keras_serializable("vision/segmentation")
class Bilinear(keras.initializers.Initializer):
    """Start a transposed convolution as bilinear interpolation of each channel.

        k[i, j, c, d] = t(i) t(j) 1[c = d]    with    t(i) = 1 - |i - (k - 1) / 2| / f

    for strides of f and a kernel of k = 2f, or 2f - 1 where f is odd. Every channel is
    enlarged by itself; the weights between channels start as zeros.

    Args:
        none.

    Raises:
        ValueError: the kernel is not square in space, or in channels.

    Example:
        >>> Bilinear()((4, 4, 1, 1)).numpy()[0, :, 0, 0].tolist()
        [0.0625, 0.1875, 0.1875, 0.0625]
    """

    def __call__(self, shape, dtype=None):
        height, width, rows, columns = shape
        if height != width or rows != columns:
            raise ValueError(f"the kernel must be (k, k, C, C), got {tuple(shape)}")
        factor = (height + 1) // 2
        tent = 1 - np.abs(np.arange(height) - (height - 1) / 2) / factor
        kernel = np.einsum("i,j,cd->ijcd", tent, tent, np.eye(rows))
        return ops.convert_to_tensor(kernel, dtype=dtype or keras.config.floatx())

    def get_config(self):
        return {}


def upsample(x, factor, trainable=True, name=None):
    """Return x, factor times as high and wide, by a transposed convolution.

    At its start it equals bilinear resizing, but for a rim of factor // 2 pixels, where
    it takes the outside for zeros. It has k^2 K^2 weights and no bias; k is 2f, or
    2f - 1 where f is odd.

    Args:
        x: (B, H, W, K) Keras tensor, scores.
        factor: int >= 1, called f.
        trainable: bool; False keeps it bilinear.
        name: str, of the layer.

    Raises:
        ValueError: factor is not an int >= 1.
    """
    if not (isinstance(factor, int) and factor >= 1):
        raise ValueError(f"factor must be an int >= 1, got {factor!r}")
    return layers.Conv2DTranspose(
        x.shape[-1],
        2 * factor - factor % 2,
        factor,
        padding="same",
        use_bias=False,
        kernel_initializer=Bilinear(),
        trainable=trainable,
        name=name,
    )(x)
