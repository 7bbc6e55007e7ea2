"""L2 normalization: every position's vector of channels gets length 1, then a scale.

Paper: Liu, Rabinovich and Berg, "ParseNet: Looking Wider to See Better", 2015.
Link:  https://arxiv.org/abs/1506.04579 (section 3.3, equations 1 and 2)
"""

import keras
from keras import layers, ops


@keras.saving.register_keras_serializable("detection")
class L2Normalization(layers.Layer):
    """Bring the maps of several depths to one size before they are used together.

        y_c = gamma_c x_c / ||x||    with    ||x|| = sqrt(sum over c of x_c^2)

    at every position. Early maps of a network without batch normalization are some ten
    times as large as late ones. gamma is learned, one number a channel.

    Args:
        scale: float, where gamma starts; 20 in SSD, on conv4_3.
        epsilon: float > 0, the least squared length; a vector of zeros stays zero.

    Shapes:
        x: (..., C) float. C must be known when the layer is built.
        y: (..., C), in the compute dtype of the layer.

    Raises:
        ValueError: scale or epsilon is not > 0.

    Example:
        >>> L2Normalization(10.0)(ops.array([[3.0, 4.0]])).numpy().round(4).tolist()
        [[6.0, 8.0]]
    """

    def __init__(self, scale=20.0, epsilon=1e-10, **kwargs):
        super().__init__(**kwargs)
        for name, value in (("scale", scale), ("epsilon", epsilon)):
            if not value > 0:
                raise ValueError(f"{name} must be > 0, got {value!r}")
        self.scale, self.epsilon = scale, epsilon

    def build(self, input_shape):
        start = keras.initializers.Constant(self.scale)
        self.gamma = self.add_weight(
            shape=(input_shape[-1],), initializer=start, name="gamma"
        )

    def call(self, x):
        x = ops.cast(x, "float32")  # squares of half precision overflow
        squares = ops.sum(x * x, axis=-1, keepdims=True)
        y = x * ops.rsqrt(ops.maximum(squares, self.epsilon))
        return ops.cast(y, self.compute_dtype) * ops.cast(
            self.gamma, self.compute_dtype
        )

    def get_config(self):
        own = {"scale": self.scale, "epsilon": self.epsilon}
        return {**super().get_config(), **own}
