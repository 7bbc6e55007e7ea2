"""Dropout: in training, leave out units at random, so that none relies on another.

Paper: Srivastava, Hinton, Krizhevsky, Sutskever and Salakhutdinov, "Dropout: A Simple
       Way to Prevent Neural Networks from Overfitting", JMLR 2014.
Link:  https://jmlr.org/papers/v15/srivastava14a.html (sections 4 and 10)
"""

import keras
from keras import layers, ops


def thin(x, keep):
    """Return x where keep is true and 0 elsewhere, in the dtype of x."""
    return x * ops.cast(keep, x.dtype)


@keras.saving.register_keras_serializable("foundations/learning")
class Dropout(layers.Layer):
    """Set each value to 0 with probability `rate`, drawn anew for every example.

        in training     y = m x             m ~ Bernoulli(p),  p = 1 - rate
        in inference    y = p x

    p is the paper's letter for the probability to KEEP a unit; it multiplies outgoing
    weights by p at test time, which is the same as multiplying y. Practice (and Keras)
    divides in training instead, which leaves the network as it is for inference:

        in training     y = m x / p
        in inference    y = x

    Either way y has the same expected value in both modes. Doing both, or neither,
    is a mistake, and so is scaling by the rate.

    Args:
        rate: float in [0, 1), the share that is dropped. The paper drops 0.5 of hidden
            units and 0.2 of inputs.
        inverted: bool, divide in training (practice) or multiply in inference (paper).
        seed: int or None.

    Shapes:
        x: any, float.
        y: as x. No weights.

    Raises:
        ValueError: rate is outside [0, 1).

    Example:
        >>> y = Dropout(0.75, seed=0)(ops.ones((1, 1000)), training=True)
        >>> print(sorted({float(v) for v in y[0]}))
        [0.0, 4.0]
    """

    def __init__(self, rate=0.5, inverted=True, seed=None, **kwargs):
        super().__init__(**kwargs)
        if not 0 <= rate < 1:
            raise ValueError(f"rate must be in [0, 1), got {rate!r}")
        self.rate = rate
        self.inverted = inverted
        self.seed = seed
        self.generator = keras.random.SeedGenerator(seed)
        self.supports_masking = True

    def call(self, x, training=False):
        p = 1 - self.rate
        if not training:
            return x if self.inverted else p * x
        noise = keras.random.uniform(ops.shape(x), seed=self.generator)
        y = thin(x, noise < p)
        return y / p if self.inverted else y

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        own = {"rate": self.rate, "inverted": self.inverted, "seed": self.seed}
        return {**super().get_config(), **own}
