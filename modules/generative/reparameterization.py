"""Reparameterisation: draw from a Gaussian so that gradients reach its parameters.

Paper: Kingma and Welling, "Auto-Encoding Variational Bayes", ICLR 2014.
Link:  https://arxiv.org/abs/1312.6114 (section 2.4)
"""

import keras
from keras import layers, ops


def reparameterize(mean, log_variance, noise):
    """Return a draw from N(mean, sigma^2) as a function of noise from N(0, 1).

        z = mu + sigma * epsilon    with    sigma = exp(log_variance / 2)

    All chance is in epsilon, which has no parameters. So dz/dmu = 1 and dz/dsigma =
    epsilon, and the gradient of an expectation is the expectation of a gradient.

    Args:
        mean, log_variance: (..., D) float. log_variance = ln sigma^2, any real number.
        noise: (..., D) float, called epsilon, drawn anew for every example.

    Returns:
        (..., D) float.

    Example:
        >>> mean, two = ops.array([3.0]), ops.log(ops.array([4.0]))
        >>> print(f"{float(reparameterize(mean, two, ops.array([-1.0]))[0]):.1f}")
        1.0
    """
    return mean + ops.exp(0.5 * log_variance) * noise


@keras.saving.register_keras_serializable("generative")
class Reparameterize(layers.Layer):
    """Draw z = mu + sigma * epsilon when training; the mean otherwise.

    Args:
        seed: int or None.

    Shapes:
        mean, log_variance: (B, ..., D) float.
        z: the same.

    Example:
        >>> layer = Reparameterize(seed=0)
        >>> tuple(layer(ops.zeros((2, 3)), ops.zeros((2, 3)), training=True).shape)
        (2, 3)
    """

    def __init__(self, seed=None, **kwargs):
        super().__init__(**kwargs)
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def call(self, mean, log_variance, training=False):
        if not training:
            return mean
        noise = keras.random.normal(
            ops.shape(mean), dtype=self.compute_dtype, seed=self.seed_generator
        )
        return reparameterize(mean, log_variance, noise)

    def compute_output_shape(self, mean_shape, log_variance_shape):
        return mean_shape

    def get_config(self):
        return {**super().get_config(), "seed": self.seed}
