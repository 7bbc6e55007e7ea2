"""Layer normalization: every vector gets mean 0 and variance 1 on its own.

Paper: Ba, Kiros and Hinton, "Layer Normalization", 2016.
Link:  https://arxiv.org/abs/1607.06450 (section 3, equations 3 and 4)
"""

import keras
from keras import layers, ops


@keras.saving.register_keras_serializable("foundations/sequences")
class LayerNorm(layers.Layer):
    """Standardise each vector over its own units, then scale and shift them.

        y = g * (a - mu) / sqrt(sigma^2 + epsilon) + b
        mu = mean(a)    sigma^2 = mean((a - mu)^2)    over the units of one vector

    One mean and one variance for every example and step, one gain g and bias b for
    every unit. Nothing depends on the batch, so there are no moving statistics, and
    training and inference are the same. The paper's equations have no epsilon; its
    code and most others have 1e-5 (BERT 1e-12), Keras 1e-3. g is `gamma` and b `beta`.

    Args:
        epsilon: float > 0.

    Shapes:
        x: (B, ..., D) float. D must be known when the layer is built.
        y: as x. 2 D weights.

    Raises:
        ValueError: epsilon is not > 0.

    Example:
        >>> x = ops.convert_to_tensor([[1.0, 3.0], [10.0, 30.0]])
        >>> print(ops.convert_to_numpy(LayerNorm(epsilon=1e-9)(x)))
        [[-1.  1.]
         [-1.  1.]]
    """

    def __init__(self, epsilon=1e-5, **kwargs):
        super().__init__(**kwargs)
        if not epsilon > 0:
            raise ValueError(f"epsilon must be > 0, got {epsilon!r}")
        self.epsilon = epsilon
        self.supports_masking = True

    def build(self, input_shape):
        # autocast=False: in half precision all is still computed in float32
        spec = {"shape": input_shape[-1:], "autocast": False}
        self.gamma = self.add_weight(name="gamma", initializer="ones", **spec)
        self.beta = self.add_weight(name="beta", initializer="zeros", **spec)

    def call(self, x):
        x = ops.cast(x, self.variable_dtype)
        mean, variance = ops.moments(x, axes=-1, keepdims=True)  # (B, ..., 1)
        y = self.gamma * (x - mean) / ops.sqrt(variance + self.epsilon) + self.beta
        return ops.cast(y, self.compute_dtype)

    def get_config(self):
        return {**super().get_config(), "epsilon": self.epsilon}
