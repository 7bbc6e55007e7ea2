"""PReLU: a ReLU that learns how much of the negative part to let through.

Paper: He, Zhang, Ren and Sun, "Delving Deep into Rectifiers: Surpassing Human-Level
       Performance on ImageNet Classification", ICCV 2015.
Link:  https://arxiv.org/abs/1502.01852 (section 2.1, equations 1 to 4)
"""

import keras
from keras import layers, ops


@keras.saving.register_keras_serializable("vision/classification")
class PReLU(layers.Layer):
    """Multiply what is negative by a slope that is learned, one for every channel.

        f(x) = max(0, x) + a min(0, x)        df/da = min(0, x), summed over a's places

    a = 0 is ReLU, a = 1 the identity; a fixed a = 0.01 is the leaky ReLU. The paper
    does not decay a, which would pull it towards ReLU.

    Practice differs: keras.layers.PReLU() has one slope for every *element* of x, and
    all start at 0; the paper's are had with shared_axes=[1, 2] and an initializer.

    Args:
        shared: bool, whether all channels share one slope (the paper's channel-shared
            variant).

    Shapes:
        x: (..., C) float. C must be known when the layer is built.
        y: as x. C weights, or 1.

    Example:
        >>> x = ops.array([[-4.0, 8.0]])
        >>> print(ops.convert_to_numpy(PReLU()(x)))
        [[-1.  8.]]
    """

    def __init__(self, shared=False, **kwargs):
        super().__init__(**kwargs)
        self.shared = shared

    def build(self, input_shape):
        self.slope = self.add_weight(
            name="slope",
            shape=(1,) if self.shared else input_shape[-1:],
            initializer=keras.initializers.Constant(0.25),
        )

    def call(self, x):
        return ops.maximum(x, 0) + self.slope * ops.minimum(x, 0)

    def get_config(self):
        return {**super().get_config(), "shared": self.shared}
