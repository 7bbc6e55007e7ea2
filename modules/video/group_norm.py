"""Group normalization: statistics of a few channels of one example, of no batch.

Paper: Wu and He, "Group Normalization", ECCV 2018.
Link:  https://arxiv.org/abs/1803.08494 (section 3, equations 1, 2, 6 and 7)
"""

import keras
from keras import layers, ops


@keras.saving.register_keras_serializable("video")
class GroupNorm(layers.Layer):
    """Standardise each group of channels of each example, then scale and shift.

        y_c = gamma_c (x_c - mu_g) / sqrt(var_g + epsilon) + beta_c

    The C channels are G groups of C / G neighbours; g is that of channel c. mu_g and
    var_g are over all positions and all channels of the group, in one example. gamma
    and beta are one number a channel, as in batch normalization.

    An example is treated alike in any batch, in training and in use. Clips are so large
    that a batch has few: there, statistics over the batch are noise. groups=1 is layer
    normalization over all of an example, groups=C instance normalization.

    Keras's layer has epsilon=1e-3, and groups=-1 for one channel a group.

    Args:
        groups: int >= 1 that divides the channels, called G.
        epsilon: float > 0.

    Shapes:
        x: (B, ..., C) float. C must be known when the layer is built.
        y: as x. 2 C weights.

    Raises:
        ValueError: groups is not an int >= 1 or does not divide C, or epsilon is not
            > 0.

    Example:
        >>> x = ops.convert_to_tensor([[1.0, 3.0, 10.0, 30.0]])
        >>> print(ops.convert_to_numpy(GroupNorm(groups=2, epsilon=1e-9)(x)))
        [[-1.  1. -1.  1.]]
    """

    def __init__(self, groups=32, epsilon=1e-5, **kwargs):
        super().__init__(**kwargs)
        if not (isinstance(groups, int) and groups >= 1):
            raise ValueError(f"groups must be an int >= 1, got {groups!r}")
        if not epsilon > 0:
            raise ValueError(f"epsilon must be > 0, got {epsilon!r}")
        self.groups = groups
        self.epsilon = epsilon

    def build(self, input_shape):
        channels = input_shape[-1]
        if channels is None or channels % self.groups:
            raise ValueError(
                f"groups={self.groups} does not divide {channels} channels"
            )
        # autocast=False: in half precision all is still computed in float32
        spec = {"shape": (channels,), "autocast": False}
        self.gamma = self.add_weight(name="gamma", initializer="ones", **spec)
        self.beta = self.add_weight(name="beta", initializer="zeros", **spec)

    def call(self, x):
        sizes = ops.shape(x)
        x = ops.cast(x, self.variable_dtype)
        each = x.shape[-1] // self.groups
        x = ops.reshape(x, (sizes[0], -1, self.groups, each))  # (B, N, G, C / G)
        mean, variance = ops.moments(x, axes=(1, 3), keepdims=True)
        x = (x - mean) / ops.sqrt(variance + self.epsilon)
        y = self.gamma * ops.reshape(x, sizes) + self.beta
        return ops.cast(y, self.compute_dtype)

    def get_config(self):
        own = {"groups": self.groups, "epsilon": self.epsilon}
        return {**super().get_config(), **own}
