"""Positional encoding: attention does not see order, so places are added to words.

Paper: Vaswani et al., "Attention Is All You Need", NeurIPS 2017.
Link:  https://arxiv.org/abs/1706.03762 (section 3.5; row E of table 3 for learned ones)
"""

import keras
from keras import layers, ops


def sinusoids(positions, channels, max_wavelength=10_000.0):
    """Return one wave for each channel, at the given positions.

        PE(p, 2i)     = sin(p / 10000^(2i / d))
        PE(p, 2i + 1) = cos(p / 10000^(2i / d))

    A sine and its cosine are a point on a circle. Moving by k positions turns every
    circle by an angle that depends on k and not on p: PE(p + k) = R_k PE(p). The
    frequencies are fixed, a geometric series; nothing here is a Fourier expansion.

    Practice differs: many libraries put all sines first and all cosines after them,
    which is the same up to the order of channels.

    Args:
        positions: (...) int or float, called p or pos.
        channels: int, even, called d_model.
        max_wavelength: float, 2 pi times this is nearly the longest wave.

    Returns:
        (..., channels) float32.

    Raises:
        ValueError: channels is not even.

    Example:
        >>> print(ops.convert_to_numpy(sinusoids(ops.array([0]), channels=4)))
        [[0. 1. 0. 1.]]
    """
    if channels < 2 or channels % 2:
        raise ValueError(f"channels must be even and >= 2, got {channels!r}")
    i = ops.arange(0, channels, 2, dtype="float32")
    rates = ops.power(max_wavelength, -i / channels)  # (d / 2,)
    angles = ops.cast(positions, "float32")[..., None] * rates  # (..., d / 2)
    waves = ops.stack([ops.sin(angles), ops.cos(angles)], axis=-1)
    return ops.reshape(waves, (*ops.shape(angles)[:-1], channels))


@keras.saving.register_keras_serializable("nlp/translation")
class PositionalEncoding(layers.Layer):
    """Add sinusoids to every sentence; no weights, and no limit to its length.

        y_t = x_t + PE(t + start_index)

    Args:
        max_wavelength: float, 10,000 in the paper.

    Shapes:
        x: (B, T, D) float, D even. start_index: int or int tensor, the words before x.
        y: (B, T, D).

    Raises:
        ValueError: D is odd.

    Example:
        >>> tuple(PositionalEncoding()(ops.zeros((2, 5, 8))).shape)
        (2, 5, 8)
    """

    def __init__(self, max_wavelength=10_000.0, **kwargs):
        super().__init__(**kwargs)
        self.max_wavelength = max_wavelength
        self.supports_masking = True

    def call(self, x, start_index=0):
        positions = start_index + ops.arange(ops.shape(x)[1], dtype="int32")
        waves = sinusoids(positions, x.shape[-1], self.max_wavelength)
        return x + ops.cast(waves, x.dtype)

    def get_config(self):
        return {**super().get_config(), "max_wavelength": self.max_wavelength}


@keras.saving.register_keras_serializable("nlp/translation")
class LearnedPositions(layers.Layer):
    """Add a learned vector for each position, as BERT and GPT do.

        y_t = x_t + P[t + start_index]

    Args:
        max_length: int >= 1, the longest sentence that there are vectors for.

    Shapes:
        x: (B, T, D) float, T <= max_length. start_index: int or int tensor.
        y: (B, T, D).

    Raises:
        ValueError: max_length is not an int >= 1, or the sentence is longer. (Where its
            length is known only at run time, TensorFlow refuses the position.)

    Example:
        >>> tuple(LearnedPositions(max_length=9)(ops.zeros((2, 5, 8))).shape)
        (2, 5, 8)
    """

    def __init__(self, max_length, **kwargs):
        super().__init__(**kwargs)
        if not (isinstance(max_length, int) and max_length >= 1):
            raise ValueError(f"max_length must be an int >= 1, got {max_length!r}")
        self.max_length = max_length
        self.supports_masking = True

    def build(self, x_shape):
        small = keras.initializers.RandomNormal(stddev=0.02)
        self.positions = self.add_weight(
            (self.max_length, x_shape[-1]), small, name="positions"
        )

    def call(self, x, start_index=0):
        last = start_index + x.shape[1] if x.shape[1] is not None else None
        if isinstance(last, int) and last > self.max_length:
            limit = f"there are {self.max_length} positions"
            raise ValueError(f"{limit}, got a sentence of {last} words")
        positions = start_index + ops.arange(ops.shape(x)[1], dtype="int32")
        return x + ops.take(self.positions, positions, axis=0)

    def get_config(self):
        return {**super().get_config(), "max_length": self.max_length}
