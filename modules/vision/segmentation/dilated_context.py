"""Context module: dilated convolutions that see 67 x 67 places and keep every one.

Paper: Yu and Koltun, "Multi-Scale Context Aggregation by Dilated Convolutions",
       ICLR 2016.
Link:  https://arxiv.org/abs/1511.07122 (sections 2 and 3, table 1, equations 4 and 5)
"""

import keras
import numpy as np
from keras import layers, ops

RATES = (1, 1, 2, 4, 8, 16, 1)
LARGE = (2, 2, 4, 8, 16, 32, 32)  # channels of the large module, in those of x


@keras.saving.register_keras_serializable("vision/segmentation")
class IdentityKernel(keras.initializers.Initializer):
    """Start a convolution so that it passes its input on.

        k[t, a, b] = C / c'    if t is the middle and floor(a C / c) = floor(b C / c')
                     noise     else

    a is one of c channels in, b one of c' channels out, and C divides both: they form C
    groups. With c = c' = C it is the identity. The weights of other groups, and those
    beside the middle, are normal with the deviation sigma.

    Args:
        channels: int >= 1, called C.
        sigma: float >= 0; with 0 the whole module is the identity on maps >= 0.
        seed: int or None.

    Raises:
        ValueError: C does not divide the channels in and out, or the kernel is even.

    Example:
        >>> IdentityKernel(2)((1, 1, 2, 4)).numpy()[0, 0].tolist()
        [[0.5, 0.5, 0.0, 0.0], [0.0, 0.0, 0.5, 0.5]]
    """

    def __init__(self, channels, sigma=0.0, seed=None):
        self.channels, self.sigma, self.seed = channels, sigma, seed
        self.noise = keras.initializers.RandomNormal(stddev=sigma, seed=seed)

    def __call__(self, shape, dtype=None):
        height, width, seen, made = shape
        if seen % self.channels or made % self.channels:
            raise ValueError(f"{self.channels} must divide {seen} and {made} channels")
        if height % 2 == 0 or width % 2 == 0:
            raise ValueError(f"a kernel of {height} x {width} has no middle")
        source = np.arange(seen) * self.channels // seen
        target = np.arange(made) * self.channels // made
        same = np.zeros(shape, "float32")
        same[height // 2, width // 2] = source[:, None] == target
        kernel = same * (self.channels / made)
        if self.sigma:
            kernel = kernel + (1 - same) * self.noise(shape)
        return ops.cast(kernel, dtype or keras.config.floatx())

    def get_config(self):
        return {"channels": self.channels, "sigma": self.sigma, "seed": self.seed}


def context_module(x, rates=RATES, widths=None, sigma=0.0):
    """Return x after a 3x3 convolution of each rate, each with a ReLU, and a 1x1.

        (F *_l k)(p) = sum over s + l t = p of F(s) k(t)

    A dilated convolution skips l - 1 places between those it looks at. With rates that
    double, what a place depends on grows exponentially, and the weights linearly. Size
    and channels stay; so the module fits behind any map, such as the scores of a
    network. The basic module has 64 C^2 weights, and 8 C biases.

    Args:
        x: (B, H, W, C) Keras tensor. The first ReLU cuts off what is negative.
        rates: ints >= 1, called l.
        widths: channels behind each of the 3x3, in multiples of C; 1 everywhere by
            default, LARGE in the paper's large module.
        sigma: float >= 0, of the noise with which the identity starts.

    Returns:
        (B, H, W, C) Keras tensor; at the start, with sigma = 0, max(x, 0).

    Raises:
        ValueError: a rate or a width is not an int >= 1, or their numbers differ.
    """
    widths = widths or (1,) * len(rates)
    if len(widths) != len(rates):
        raise ValueError(f"{len(rates)} rates need as many widths, got {widths!r}")
    if not all(isinstance(n, int) and n >= 1 for n in (*rates, *widths)):
        raise ValueError(f"rates and widths must be ints >= 1, got {rates}, {widths}")
    channels = x.shape[-1]
    for i, (rate, width) in enumerate(zip(rates, widths, strict=True), 1):
        x = layers.Conv2D(
            width * channels,
            3,
            padding="same",
            dilation_rate=rate,
            activation="relu",
            kernel_initializer=IdentityKernel(channels, sigma),
            name=f"context_{i}",
        )(x)
    start = IdentityKernel(channels, sigma)
    return layers.Conv2D(channels, 1, kernel_initializer=start, name="context_out")(x)


def receptive_fields(rates=RATES, size=3):
    """Return on how many places, in a row, a value depends after each convolution.

        F_0 = 1        F_i = F_(i-1) + (k - 1) l_i

    With k = 3 and rates 1, 2, 4, ..., 2^i that is 2^(i+2) - 1. Strides are 1.

    Args:
        rates: ints >= 1.
        size: int >= 1, called k.

    Returns:
        list of int.

    Example:
        >>> receptive_fields()
        [3, 5, 9, 17, 33, 65, 67]
    """
    return (1 + np.cumsum([(size - 1) * rate for rate in rates])).tolist()
