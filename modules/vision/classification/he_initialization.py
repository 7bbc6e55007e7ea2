"""He initialization: start every layer with a gain of 1, so that depth costs nothing.

Paper: He, Zhang, Ren and Sun, "Delving Deep into Rectifiers: Surpassing Human-Level
       Performance on ImageNet Classification", ICCV 2015.
Link:  https://arxiv.org/abs/1502.01852 (section 2.2, equations 7 to 16)
"""

import math

import keras


def fans(shape):
    """Return (fan_in, fan_out): the weights that meet in, and leave from, one value.

    Args:
        shape: of a kernel, (C_in, C_out) or (k, ..., k, C_in, C_out).

    Returns:
        Two ints, k^2 C_in and k^2 C_out for an image convolution.

    Example:
        >>> fans((3, 3, 64, 128))
        (576, 1152)
    """
    *window, channels, filters = shape
    return math.prod(window) * channels, math.prod(window) * filters


def gain(variance, fan, slope=0.0):
    """Return by what one layer multiplies the second moment of activations.

        gain = 1/2 (1 + a^2) n Var[w]

    The half is what a ReLU takes away: of values that are symmetric around 0 it keeps
    one side. Thirty layers multiply by gain^30. He's weights have a gain of 1;
    Xavier's variance of 1/n has a gain of 1/2 here, as it was made for linear layers.

    Args:
        variance: float, Var[w]; the mean of w is 0.
        fan: int, called n: fan_in, or fan_out for the gradient on its way back.
        slope: float, called a: 0 for ReLU, 1 for a linear layer.

    Example:
        >>> gain(1 / 512, 512)
        0.5
    """
    return (1 + slope**2) / 2 * fan * variance


@keras.saving.register_keras_serializable("vision/classification")
class HeNormal(keras.initializers.Initializer):
    """Draw weights from N(0, 2 / ((1 + a^2) n)), the variance whose gain is 1.

    The weights are centred at 0. What is 1 is the gain of the layer, not its weights.
    With the first n = fan_in the activations keep their size, with n = fan_out the
    gradients; the paper finds either enough. Biases start at 0.

    Practice differs: keras.initializers.HeNormal cuts the normal distribution off at
    two standard deviations and widens it so that the variance is the same.

    Args:
        slope: float, called a, of the (P)ReLU behind the layer.
        mode: "fan_in" or "fan_out".
        seed: int, or None for different weights at every call.

    Shapes:
        weights: as asked, (k, ..., k, C_in, C_out).

    Raises:
        ValueError: mode is neither of the two.

    Example:
        >>> tuple(HeNormal(seed=0)((3, 3, 64, 128)).shape)
        (3, 3, 64, 128)
    """

    def __init__(self, slope=0.0, mode="fan_in", seed=None):
        if mode not in ("fan_in", "fan_out"):
            raise ValueError(f"mode must be 'fan_in' or 'fan_out', got {mode!r}")
        self.slope = slope
        self.mode = mode
        self.seed = seed

    def __call__(self, shape, dtype=None):
        fan = fans(shape)[self.mode == "fan_out"]
        deviation = 1 / math.sqrt(gain(1.0, fan, self.slope))
        return keras.random.normal(shape, 0.0, deviation, dtype, seed=self.seed)

    def get_config(self):
        return {"slope": self.slope, "mode": self.mode, "seed": self.seed}
