"""Spatial pyramid pooling: a vector of fixed length from a map of any size.

Paper: He, Zhang, Ren and Sun, "Spatial Pyramid Pooling in Deep Convolutional Networks
       for Visual Recognition", ECCV 2014.
Link:  https://arxiv.org/abs/1406.4729 (section 2.2)
"""

import keras
from keras import layers, ops


@keras.saving.register_keras_serializable("detection")
class SpatialPyramidPooling(layers.Layer):
    """Cut the map into n x n bins, for several n, and take the maximum of each.

        bin i of n:  rows floor(i H / n) to ceil((i + 1) H / n), the last excluded

    and columns likewise. Rounded so, the bins cover every pixel, and none is empty even
    where n > H; neighbours may share a row. (The paper's section 2.3 has windows of
    ceil(H / n) at strides of floor(H / n) instead, for maps of one known size. For
    H = 11, n = 4 those leave out the last two rows.)

    Args:
        levels: ints >= 1, the n of each level of the pyramid.

    Shapes:
        x: (B, H, W, C) float. H and W may be unknown, C must be known.
        y: (B, C * sum of n^2): level after level, of each row after row of bins, of
            each bin all channels.

    Raises:
        ValueError: levels are not ints >= 1, or x is not of rank 4 with known C.

    Example:
        >>> tuple(SpatialPyramidPooling((4, 2, 1))(ops.ones((2, 13, 9, 3))).shape)
        (2, 63)
    """

    def __init__(self, levels=(4, 2, 1), **kwargs):
        super().__init__(**kwargs)
        if not (levels and all(isinstance(n, int) and n >= 1 for n in levels)):
            raise ValueError(f"levels must be ints >= 1, got {levels!r}")
        self.levels = tuple(levels)

    def build(self, input_shape):
        if len(input_shape) != 4 or input_shape[-1] is None:
            raise ValueError(f"x must be (B, H, W, C) with C known, got {input_shape}")

    def call(self, x):
        pooled = []
        for n in self.levels:
            y = maximum_of_bins(maximum_of_bins(x, n, axis=1), n, axis=2)
            pooled.append(ops.reshape(y, (-1, n * n * x.shape[-1])))
        return ops.concatenate(pooled, axis=-1)

    def compute_output_shape(self, input_shape):
        bins = sum(n * n for n in self.levels)
        return (input_shape[0], input_shape[-1] * bins)

    def get_config(self):
        return {**super().get_config(), "levels": self.levels}


def maximum_of_bins(x, n, axis):
    """Return x with an axis of n places, the maxima of n bins, instead of its own.

    Args:
        x: (B, H, W, C) float.
        n: int >= 1.
        axis: 1 or 2.

    Returns:
        (B, n, W, C) or (B, H, n, C).

    Example:
        >>> x = ops.reshape(ops.arange(5.0), (1, 5, 1, 1))
        >>> maximum_of_bins(x, 2, axis=1).numpy().ravel().tolist()
        [2.0, 4.0]
    """
    size = ops.shape(x)[axis]
    place = ops.reshape(ops.arange(size), (1, -1, 1, 1) if axis == 1 else (1, 1, -1, 1))
    lowest = ops.cast(float("-inf"), x.dtype)
    maxima = []
    for i in range(n):
        first, end = i * size // n, -(-(i + 1) * size // n)  # floor, ceil
        here = (place >= first) & (place < end)
        maxima.append(ops.max(ops.where(here, x, lowest), axis=axis))
    return ops.stack(maxima, axis=axis)
