"""What a denoiser is put together from: blocks that are told the time, down, up.

Paper: Ho, Jain and Abbeel, "Denoising Diffusion Probabilistic Models", NeurIPS 2020.
Link:  https://arxiv.org/abs/2006.11239 (appendix B)
"""

import keras
from keras import layers, ops

from modules.nlp.translation.positional_encoding import sinusoids


@keras.saving.register_keras_serializable("generative")
class TimeEmbedding(layers.Layer):
    """Say the step t in waves, so that a network can tell near steps and far ones.

    The sinusoids are those of the Transformer's positions.

    Args:
        channels: int, even.

    Shapes:
        t: (B,) int or float.
        y: (B, channels).

    Raises:
        ValueError: channels is not even.

    Example:
        >>> tuple(TimeEmbedding(8)(ops.array([1, 50, 1000])).shape)
        (3, 8)
    """

    def __init__(self, channels, **kwargs):
        super().__init__(autocast=False, **kwargs)  # float16 ends at 65,504
        self.channels = channels
        if channels < 2 or channels % 2:
            raise ValueError(f"channels must be even and >= 2, got {channels!r}")

    def call(self, t):
        return ops.cast(sinusoids(t, self.channels), self.compute_dtype)

    def compute_output_spec(self, t):
        return keras.KerasTensor((*t.shape, self.channels), dtype=self.compute_dtype)

    def get_config(self):
        return {**super().get_config(), "channels": self.channels}


def time_features(t, channels, units):
    """Return what every block is told of t, (B, units): waves, then two layers."""
    y = layers.Dense(units, "silu", name="time_1")(TimeEmbedding(channels)(t))
    return layers.Dense(units, name="time_2")(y)


def norm_silu(x, name):
    """Group normalization: 32 groups, or groups of 4 channels if those are fewer."""
    groups = min(32, x.shape[-1] // 4)
    y = layers.GroupNormalization(groups, epsilon=1e-6, name=f"{name}_norm")(x)
    return layers.Activation("silu", name=f"{name}_silu")(y)


def conv(x, filters, name, strides=1, kernel_initializer="glorot_uniform"):
    """Convolve 3x3."""
    start = {"kernel_initializer": kernel_initializer}
    return layers.Conv2D(filters, 3, strides, "same", name=name, **start)(x)


def time_block(x, time, filters, rate, name):
    """Return x plus a branch of two convolutions between which the time is added.

    The branch ends in zeros, so every block starts as the identity (or its 1x1
    convolution, where the channels change).

    Args:
        x: (B, H, W, C) Keras tensor.
        time: (B, D) Keras tensor, from time_features.
        filters: int.
        rate: float, of the dropout.
        name: str.
    """
    y = conv(norm_silu(x, f"{name}_1"), filters, f"{name}_conv1")
    told = layers.Activation("silu", name=f"{name}_time_silu")(time)
    told = layers.Dense(filters, name=f"{name}_time")(told)
    told = layers.Reshape((1, 1, filters), name=f"{name}_time_map")(told)
    y = norm_silu(layers.Add(name=f"{name}_told")([y, told]), f"{name}_2")
    y = layers.Dropout(rate, name=f"{name}_dropout")(y)
    y = conv(y, filters, f"{name}_conv2", kernel_initializer="zeros")
    if x.shape[-1] != filters:
        x = layers.Conv2D(filters, 1, name=f"{name}_shortcut")(x)
    return layers.Add(name=f"{name}_add")([x, y])


def attention_block(x, name):
    """Return x plus what its pixels read from each other, with one head."""
    channels = x.shape[-1]
    norm = layers.GroupNormalization(
        min(32, channels // 4), epsilon=1e-6, name=f"{name}_norm"
    )
    look = layers.MultiHeadAttention(1, channels, attention_axes=(1, 2), name=name)
    y = norm(x)
    return layers.Add(name=f"{name}_add")([x, look(y, y)])


def down(x, name):
    """Halve height and width by a convolution."""
    return conv(x, x.shape[-1], name, strides=2)


def up(x, name):
    """Double height and width: repeat pixels, then convolve."""
    y = layers.UpSampling2D(2, interpolation="nearest", name=f"{name}_repeat")(x)
    return conv(y, x.shape[-1], name)
