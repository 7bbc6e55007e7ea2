"""Gumbel-softmax: draw from a categorical so that gradients reach its logits.

Paper: Jang, Gu and Poole, "Categorical Reparameterization with Gumbel-Softmax",
       ICLR 2017; Maddison, Mnih and Teh, "The Concrete Distribution", ICLR 2017.
Link:  https://arxiv.org/abs/1611.01144 (section 2); https://arxiv.org/abs/1611.00712
"""

import keras
from keras import layers, ops

LEAST = 1e-20  # what float32 can tell from 0, and its logarithm is finite


def gumbel_noise(uniform):
    """Return g = -ln(-ln u), standard Gumbel noise.

    Args:
        uniform: float in [0, 1), of any shape; 0 is taken as the least number above.

    Returns:
        Of the same shape, always finite.

    Example:
        >>> print(f"{float(gumbel_noise(ops.array(0.5))):.4f}")
        0.3665
    """
    uniform = ops.clip(uniform, LEAST, 1 - keras.config.epsilon())
    return -ops.log(-ops.log(uniform))


def gumbel_softmax(logits, noise, temperature=1.0):
    """Return a soft draw from the categorical with these logits.

        y = softmax((ln pi + g) / tau)

    argmax y is the Gumbel-max draw, exactly from softmax(logits) at every tau; y itself
    is not a draw from the categorical. tau -> 0 makes y one-hot, tau -> infinity
    uniform. Gradients are those of the relaxed objective: biased for tau > 0, and of
    growing variance as tau -> 0.

    Args:
        logits: (..., K) float, ln pi plus any constant.
        noise: (..., K) float, called g, drawn anew for every example.
        temperature: float > 0, called tau.

    Returns:
        (..., K) float > 0, sums to 1.
    """
    return ops.softmax((logits + noise) / temperature, axis=-1)


def straight_through(y):
    """Return one_hot(argmax y) whose gradient is that of y.

        one_hot(argmax y) + y - stop_gradient(y)

    computed so that the value is one-hot to the last bit: y - stop_gradient(y) is 0.

    Args:
        y: (..., K) float.

    Returns:
        (..., K) float.

    Example:
        >>> print(ops.convert_to_numpy(straight_through(ops.array([0.3, 0.7]))))
        [0. 1.]
    """
    y = ops.convert_to_tensor(y)
    hard = ops.one_hot(ops.argmax(y, axis=-1), ops.shape(y)[-1], dtype=y.dtype)
    return ops.stop_gradient(hard) + (y - ops.stop_gradient(y))


@keras.saving.register_keras_serializable("generative")
class GumbelSoftmax(layers.Layer):
    """Draw one of K classes when training; take the likeliest otherwise.

    Args:
        temperature: float > 0, called tau.
        hard: bool, whether the draw is one-hot, its gradient straight-through.
        seed: int or None.

    Shapes:
        logits: (B, ..., K) float, K known.
        y: the same; in inference one-hot, without noise.

    Raises:
        ValueError: temperature is not > 0.

    Example:
        >>> layer = GumbelSoftmax(hard=True, seed=0)
        >>> float(ops.sum(layer(ops.zeros((1, 5)), training=True)))
        1.0
    """

    def __init__(self, temperature=1.0, hard=False, seed=None, **kwargs):
        super().__init__(**kwargs)
        if not temperature > 0:
            raise ValueError(f"temperature must be > 0, got {temperature!r}")
        self.temperature = temperature
        self.hard = hard
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def call(self, logits, training=False):
        if not training:
            return straight_through(ops.softmax(logits))
        uniform = keras.random.uniform(  # float16 has too few numbers near 0 and 1
            ops.shape(logits), dtype="float32", seed=self.seed_generator
        )
        soft = gumbel_softmax(
            ops.cast(logits, "float32"), gumbel_noise(uniform), self.temperature
        )
        y = straight_through(soft) if self.hard else soft
        return ops.cast(y, self.compute_dtype)

    def compute_output_shape(self, logits_shape):
        return logits_shape

    def get_config(self):
        own = {"temperature": self.temperature, "hard": self.hard, "seed": self.seed}
        return {**super().get_config(), **own}
