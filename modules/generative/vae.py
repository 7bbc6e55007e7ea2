"""Variational autoencoder: codes that are distributions, a bound that is maximised.

Paper: Kingma and Welling, "Auto-Encoding Variational Bayes", ICLR 2014.
Link:  https://arxiv.org/abs/1312.6114 (sections 2 and 3, appendices B and C)
"""

import math

import keras
from keras import ops

from modules.generative.generative_model import GenerativeModel, restored, saved
from modules.generative.reparameterization import Reparameterize


def gaussian_kl(mean, log_variance):
    """Return KL(N(mu, sigma^2) || N(0, I)), the cost of a code in nats.

        KL = 1/2 sum_j (mu_j^2 + sigma_j^2 - 1 - ln sigma_j^2)

    It is never negative, and 0 only where mu = 0 and sigma = 1.

    Args:
        mean, log_variance: (..., D) float.

    Returns:
        (...) float: summed over the D dimensions, not averaged.

    Example:
        >>> float(gaussian_kl(ops.array([1.0, 2.0]), ops.array([0.0, 0.0])))
        2.5
    """
    terms = ops.square(mean) + ops.exp(log_variance) - 1 - log_variance
    return 0.5 * ops.sum(terms, axis=-1)


def bernoulli_log_likelihood(x, logits):
    """Return ln p(x | z) of pixels that are on with probability sigmoid(logits).

    Grey values in between are taken as a share of on; then it is a score, and no
    longer the logarithm of a probability.

    Args:
        x: (B, ...) float in [0, 1].
        logits: (B, ...) float, what the decoder says.

    Returns:
        (B,) float: summed over all pixels.
    """
    log = x * logits - ops.softplus(logits)
    return ops.sum(log, axis=tuple(range(1, len(x.shape))))


def gaussian_log_likelihood(x, y, sigma):
    """Return ln p(x | z) = ln N(x; y, sigma^2 I).

    It is -|x - y|^2 / (2 sigma^2) plus a constant. So for a FIXED sigma, and only then,
    maximising it is minimising squared error; sigma says how much that error weighs
    against the KL.

    Args:
        x, y: (B, ...) float; y is what the decoder says.
        sigma: float > 0.

    Returns:
        (B,) float: summed over all pixels.
    """
    terms = ops.square((x - y) / sigma) + math.log(2 * math.pi * sigma**2)
    return -0.5 * ops.sum(terms, axis=tuple(range(1, len(x.shape))))


@keras.saving.register_keras_serializable("generative")
class VAE(GenerativeModel):
    """An encoder q(z|x) and a decoder p(x|z) that maximise a bound on ln p(x).

        ln p(x) >= ELBO = E_q[ln p(x|z)] - KL(q(z|x) || p(z))        p(z) = N(0, I)

    The expectation is estimated by one draw of z per example, reparameterised. The KL
    is between q(z|x), for every x, and the PRIOR. What is learnt is a lower bound: the
    gap to ln p(x) is KL(q(z|x) || p(z|x)).

    Args:
        encoder: model from x to [mean, log_variance], (B, D) each.
        decoder: model from (B, D) to the shape of x: logits, or a mean with sigma.
        sigma: None for pixels from 0 to 1 that are Bernoulli; a float > 0 for pixels
            from -1 to 1 that are Gaussian with that standard deviation.
        seed: int or None.

    Shapes:
        x: (B, ...) float.
        y: three: what the decoder says, mean, log_variance. In inference z is the mean.

    Raises:
        ValueError: sigma is neither None nor > 0; fit gets images outside their range.

    Example:
        >>> a = keras.Input((6,))
        >>> heads = [keras.layers.Dense(2)(a), keras.layers.Dense(2)(a)]
        >>> b = keras.Input((2,))
        >>> decoder = keras.Model(b, keras.layers.Dense(6)(b))
        >>> vae = VAE(keras.Model(a, heads), decoder, seed=0)
        >>> tuple(vae.sample(3).shape)
        (3, 6)
    """

    def __init__(self, encoder, decoder, sigma=None, seed=None, **kwargs):
        super().__init__(seed=seed, **kwargs)
        if sigma is not None and not sigma > 0:
            raise ValueError(f"sigma must be None or > 0, got {sigma!r}")
        self.encoder = encoder
        self.decoder = decoder
        self.sigma = sigma
        self.low = 0.0 if sigma is None else -1.0
        self.draw = Reparameterize(seed, dtype=self.dtype_policy)
        self.track("reconstruction", "kl")

    def call(self, x, training=False):
        mean, log_variance = self.encoder(x, training=training)
        z = self.draw(mean, log_variance, training=training)
        return self.decoder(z, training=training), mean, log_variance

    def log_likelihood(self, x, y):
        """Return ln p(x | z) of each example, y being what the decoder said: (B,)."""
        if self.sigma is None:
            return bernoulli_log_likelihood(x, y)
        return gaussian_log_likelihood(x, y, self.sigma)

    def objective(self, x, y_pred, training):
        x, *y_pred = (ops.cast(a, "float32") for a in (x, *y_pred))
        y, mean, log_variance = y_pred
        reconstruction = -self.log_likelihood(x, y)
        kl = gaussian_kl(mean, log_variance)
        total = reconstruction + kl  # -ELBO
        return {"loss": total, "reconstruction": reconstruction, "kl": kl}

    def decode(self, z):
        """Return the mean image of each code: (B, D) to (B, ...)."""
        y = self.decoder(z)
        return ops.sigmoid(y) if self.sigma is None else y

    def sample(self, count):
        """Return the mean images of codes drawn from the prior: (count, ...)."""
        return self.decode(self.noise((count, self.decoder.input_shape[-1])))

    def get_config(self):
        encoder, decoder = saved(self.encoder, self.decoder)
        own = {"encoder": encoder, "decoder": decoder}
        own |= {"sigma": self.sigma, "seed": self.seed}
        return {**super().get_config(), **own}

    @classmethod
    def from_config(cls, config):
        return cls(**restored(config, "encoder", "decoder"))
