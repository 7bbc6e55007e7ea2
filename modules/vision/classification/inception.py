"""Inception module: look at several scales at once and keep all of them.

Paper: Szegedy et al., "Going Deeper with Convolutions", CVPR 2015.
Link:  https://arxiv.org/abs/1409.4842 (section 4, figure 2b)
"""

import keras
from keras import layers, ops


@keras.saving.register_keras_serializable("vision/classification")
class Inception(layers.Layer):
    """Concatenate four branches, each a convolution with bias and ReLU or two.

        y = [1x1(x), 3x3(1x1(x)), 5x5(1x1(x)), 1x1(maxpool3x3(x))]

    The 1x1 convolutions reduce the channels before the costly 3x3 and 5x5 ones, but
    come after the pooling, which would else hand on all channels of x.

    Args:
        filters_1x1: int, channels of the first branch.
        reduce_3x3: int, channels that the 3x3 convolution sees.
        filters_3x3: int, channels of the second branch.
        reduce_5x5: int, channels that the 5x5 convolution sees.
        filters_5x5: int, channels of the third branch.
        pool_filters: int, channels of the fourth branch.

    Shapes:
        x: (B, H, W, C) float. C must be known when the layer is built.
        y: (B, H, W, filters_1x1 + filters_3x3 + filters_5x5 + pool_filters).

    Example:
        >>> tuple(Inception(64, 96, 128, 16, 32, 32)(ops.ones((1, 7, 5, 192))).shape)
        (1, 7, 5, 256)
    """

    def __init__(
        self,
        filters_1x1,
        reduce_3x3,
        filters_3x3,
        reduce_5x5,
        filters_5x5,
        pool_filters,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.filters_1x1 = filters_1x1
        self.reduce_3x3 = reduce_3x3
        self.filters_3x3 = filters_3x3
        self.reduce_5x5 = reduce_5x5
        self.filters_5x5 = filters_5x5
        self.pool_filters = pool_filters

    def build(self, input_shape):
        x_shape = (None, None, None, input_shape[-1])
        self.one = self._conv(self.filters_1x1, 1, x_shape)
        self.before_three = self._conv(self.reduce_3x3, 1, x_shape)
        self.three = self._conv(self.filters_3x3, 3, (*x_shape[:3], self.reduce_3x3))
        self.before_five = self._conv(self.reduce_5x5, 1, x_shape)
        self.five = self._conv(self.filters_5x5, 5, (*x_shape[:3], self.reduce_5x5))
        self.after_pool = self._conv(self.pool_filters, 1, x_shape)

    def call(self, x):
        branches = [
            self.one(x),
            self.three(self.before_three(x)),
            self.five(self.before_five(x)),
            self.after_pool(ops.max_pool(x, 3, strides=1, padding="same")),
        ]
        return ops.concatenate(branches, axis=-1)

    def _conv(self, filters, size, input_shape):
        conv = layers.Conv2D(
            filters, size, padding="same", activation="relu", dtype=self.dtype_policy
        )
        conv.build(input_shape)
        return conv

    def get_config(self):
        own = {
            "filters_1x1": self.filters_1x1,
            "reduce_3x3": self.reduce_3x3,
            "filters_3x3": self.filters_3x3,
            "reduce_5x5": self.reduce_5x5,
            "filters_5x5": self.filters_5x5,
            "pool_filters": self.pool_filters,
        }
        return {**super().get_config(), **own}
