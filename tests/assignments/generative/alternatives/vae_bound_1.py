"""Exercise: the bound of a variational autoencoder.

A VAE maximises a lower bound on the likelihood: how well a code explains the image,
minus what the code costs. Here you write both parts and the draw between them, and a
small VAE learns with your functions.

Paper: Kingma and Welling, "Auto-Encoding Variational Bayes", ICLR 2014.
Link:  https://arxiv.org/abs/1312.6114 (sections 2.3 and 2.4, appendix B)
See:   modules/generative/generative_model.py (what the model at the end is built on)
Needs: generative (VAE, reparameterisation), the density of a Gaussian
Time:  45 minutes
Grade: python -m course grade generative/vae_bound

Throughout, the encoder gives log_variance = ln(sigma^2), which may be any real number;
logarithms are natural. Gradients must flow through, so use keras.ops and not NumPy.

When your functions are right, watch the two parts of the bound:
python -m course demo generative/vae_bound
"""

import math

import keras
from keras import layers, ops

from modules.generative.generative_model import GenerativeModel


def draw(mean, log_variance, noise):
    """Return a draw from N(mean, sigma^2), made of noise from N(0, 1).

    Args:
        mean, log_variance: (B, D) float; log_variance is ln(sigma^2).
        noise: (B, D) float, one number for each of z.

    Returns:
        z, (B, D) float, with gradients to mean and log_variance.
    """
    return ops.add(mean, ops.multiply(ops.sqrt(ops.exp(log_variance)), noise))


def divergence(mean, log_variance):
    """Return KL(N(mean, sigma^2) || N(0, I)) of each example, in nats.

    The sum over the D dimensions of (mean^2 + sigma^2 - 1 - ln sigma^2) / 2.

    Args:
        mean, log_variance: (B, D) float.

    Returns:
        (B,) float: a sum over dimensions, not an average.
    """
    total = 0.0
    for j in range(mean.shape[-1]):
        m, log = mean[:, j], log_variance[:, j]
        total = total + 0.5 * (m * m + ops.expm1(log) - log)
    return total


def log_likelihood(x, y, sigma):
    """Return ln p(x | z) of each example, for a Gaussian of fixed deviation around y.

    Each pixel is N(y, sigma^2), independent of the others. Keep the constant
    -ln(2 pi sigma^2) / 2, which every pixel has.

    Args:
        x: (B, H, W, C) float, the images.
        y: (B, H, W, C) float, what the decoder says.
        sigma: float > 0, the same for all pixels.

    Returns:
        (B,) float: a sum over all pixels of an image.
    """
    pixels = math.prod(x.shape[1:])
    rows = ops.reshape((x - y) / sigma, (-1, pixels))
    constant = pixels * (math.log(sigma) + 0.5 * math.log(2 * math.pi))
    return -0.5 * ops.einsum("bp,bp->b", rows, rows) - constant


def bound(x, y, mean, log_variance, sigma):
    """Return the lower bound (ELBO), averaged over the batch.

    Args:
        x, y: (B, H, W, C) float; y is what the decoder made of `draw(...)`.
        mean, log_variance: (B, D) float, of the encoder.
        sigma: float > 0.

    Returns:
        float scalar, to be maximised.
    """
    explained = ops.mean(log_likelihood(x, y, sigma))
    return explained - ops.mean(divergence(mean, log_variance))


class SmallVAE(GenerativeModel):
    """Your functions as a model that `fit` trains; given."""

    def __init__(self, latent=2, sigma=0.5, seed=0):
        super().__init__(seed=seed)
        self.sigma = sigma
        x, z = keras.Input((4, 4, 1)), keras.Input((latent,))
        y = layers.Dense(16, "tanh")(layers.Flatten()(x))
        heads = [layers.Dense(latent)(y), layers.Dense(latent)(y)]
        self.encoder = keras.Model(x, heads)
        y = layers.Dense(16)(layers.Dense(16, "tanh")(z))
        self.decoder = keras.Model(z, layers.Reshape((4, 4, 1))(y))
        self.track("code_cost")

    def call(self, x, training=False):
        mean, log_variance = self.encoder(x)
        z = draw(mean, log_variance, self.noise(ops.shape(mean)))
        return self.decoder(z), mean, log_variance

    def objective(self, x, y_pred, training):
        cost = divergence(*y_pred[1:])  # (B,)
        loss = -bound(x, *y_pred, self.sigma)
        return {"loss": ops.broadcast_to(loss, ops.shape(cost)), "code_cost": cost}


def network():
    """Return a compiled VAE of 4x4 images; given."""
    keras.utils.set_random_seed(0)
    model = SmallVAE()
    model.compile(keras.optimizers.Adam(0.03), run_eagerly=True)
    return model


if __name__ == "__main__":
    stripes = ops.one_hot(ops.arange(96) % 4, 4)[:, :, None, None]
    images = ops.broadcast_to(stripes, (96, 4, 4, 1)) - 0.5
    model = network()
    print("epoch     loss   of which the code costs")
    for epoch in range(0, 41, 8):
        found = model.evaluate(images, verbose=0, return_dict=True)
        print(f"{epoch:5}  {found['loss']:7.2f}   {found['code_cost']:.2f} nats")
        model.fit(images, epochs=8, verbose=0)
