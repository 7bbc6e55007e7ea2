"""Batch normalization: give every channel the mean and variance that it learns.

Paper: Ioffe and Szegedy, "Batch Normalization: Accelerating Deep Network Training by
       Reducing Internal Covariate Shift", ICML 2015.
Link:  https://arxiv.org/abs/1502.03167 (section 3, algorithms 1 and 2)
"""

import keras
from keras import layers, ops


@keras.saving.register_keras_serializable("vision/classification")
class BatchNorm(layers.Layer):
    """Standardise each channel over the batch (and the image), then scale and shift.

        y = gamma (x - mu) / sqrt(var + epsilon) + beta

    When training, mu and var are those of the batch: one pair per channel, from all
    its m = B H W values. Otherwise they are the moving averages that training kept:

        moving <- momentum * moving + (1 - momentum) * batch

    Practice differs from the paper. The paper averages var * m / (m - 1) for use at
    test time (unbiased=True); Keras averages var itself. The paper has no single
    momentum; Keras has 0.99, most ResNets 0.9. Standardising is not whitening:
    channels stay correlated.

    Args:
        momentum: float in [0, 1).
        epsilon: float > 0.
        unbiased: bool, whether the moving variance is the paper's.

    Shapes:
        x: (B, ..., C) float. C must be known when the layer is built.
        y: as x. 2 C trainable weights, 2 C moving statistics.

    Raises:
        ValueError: momentum or epsilon is outside its range.

    Example:
        >>> x = ops.convert_to_tensor([[1.0], [3.0]])
        >>> print(ops.convert_to_numpy(BatchNorm(epsilon=1e-9)(x, training=True)))
        [[-1.]
         [ 1.]]
    """

    def __init__(self, momentum=0.99, epsilon=1e-3, unbiased=False, **kwargs):
        super().__init__(**kwargs)
        if not 0 <= momentum < 1:
            raise ValueError(f"momentum must be in [0, 1), got {momentum!r}")
        if not epsilon > 0:
            raise ValueError(f"epsilon must be > 0, got {epsilon!r}")
        self.momentum = momentum
        self.epsilon = epsilon
        self.unbiased = unbiased

    def build(self, input_shape):
        # autocast=False: in half precision all is still computed in float32
        spec = {"shape": input_shape[-1:], "autocast": False}
        kept = {**spec, "trainable": False}
        self.gamma = self.add_weight(name="gamma", initializer="ones", **spec)
        self.beta = self.add_weight(name="beta", initializer="zeros", **spec)
        self.moving_mean = self.add_weight(
            name="moving_mean", initializer="zeros", **kept
        )
        self.moving_variance = self.add_weight(
            name="moving_variance", initializer="ones", **kept
        )

    def call(self, x, training=False):
        x = ops.cast(x, self.variable_dtype)
        mean, variance = self.moving_mean, self.moving_variance
        if training and self.trainable:
            mean, variance = ops.moments(x, axes=tuple(range(len(x.shape) - 1)))
            self._keep(mean, variance, count=ops.size(x) / x.shape[-1])
        y = self.gamma * (x - mean) / ops.sqrt(variance + self.epsilon) + self.beta
        return ops.cast(y, self.compute_dtype)

    def _keep(self, mean, variance, count):
        if self.unbiased:
            count = ops.cast(count, variance.dtype)
            variance = variance * count / (count - 1)
        for moving, batch in (
            (self.moving_mean, mean),
            (self.moving_variance, variance),
        ):
            moving.assign(self.momentum * moving + (1 - self.momentum) * batch)

    def get_config(self):
        own = {
            "momentum": self.momentum,
            "epsilon": self.epsilon,
            "unbiased": self.unbiased,
        }
        return {**super().get_config(), **own}
