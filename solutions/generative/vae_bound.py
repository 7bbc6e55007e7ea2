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
    # BEGIN SOLUTION shift and scale the noise
    # HINT sigma is the square root of the variance; what is it of log_variance?
    # HINT return mean + ops.exp(log_variance / 2) * noise
    sigma = ops.exp(log_variance / 2)
    # WRONG sigma = ops.exp(log_variance)
    # WHY this is the variance; the noise is scaled by the standard deviation, its root
    # WRONG sigma = log_variance
    # WHY you use the logarithm of the variance as the standard deviation itself
    return mean + sigma * noise
    # WRONG return ops.stop_gradient(mean + sigma * noise)
    # WHY the draw is cut from the graph, so the encoder gets no gradient: all chance is
    # WHY in the noise, and mean and sigma must stay connected
    # WRONG return mean + sigma * noise[:1]
    # WHY all examples share the noise of the first one
    # WRONG return mean
    # WHY the noise is missing, so the decoder sees the mean only and sigma has no part
    # END SOLUTION


def divergence(mean, log_variance):
    """Return KL(N(mean, sigma^2) || N(0, I)) of each example, in nats.

    The sum over the D dimensions of (mean^2 + sigma^2 - 1 - ln sigma^2) / 2.

    Args:
        mean, log_variance: (B, D) float.

    Returns:
        (B,) float: a sum over dimensions, not an average.
    """
    # BEGIN SOLUTION the closed form
    # HINT sigma^2 is ops.exp(log_variance), and ln sigma^2 is log_variance.
    # HINT It must be 0 where mean = 0 and log_variance = 0, and never be negative.
    variance = ops.exp(log_variance)
    # WRONG variance = ops.exp(log_variance / 2)
    # WHY where the variance belongs you have the standard deviation
    # WRONG variance = ops.square(log_variance)
    # WHY you treat log_variance as sigma; the variance is its exponential
    terms = ops.square(mean) + variance - 1 - log_variance
    # WRONG terms = variance - 1 - log_variance
    # WHY the mean is missing: this is the divergence from N(mean, I), and the prior
    # WHY stands at 0
    # WRONG terms = 1 + log_variance - ops.square(mean) - variance
    # WHY the sign is turned: a divergence is never negative
    return ops.sum(terms, axis=-1) / 2
    # WRONG return ops.sum(terms, axis=-1)
    # WHY the factor 1/2 is missing
    # WRONG return ops.mean(terms, axis=-1) / 2
    # WHY you average over the dimensions of the code; the divergence of independent
    # WHY dimensions is their sum
    # END SOLUTION


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
    # BEGIN SOLUTION the logarithm of the density, summed over pixels
    # HINT ln N(x; y, sigma^2) = -(x - y)^2 / (2 sigma^2) - ln(2 pi sigma^2) / 2
    # HINT Sum over the axes (1, 2, 3).
    error = ops.square(x - y) / (2 * sigma**2)
    # WRONG error = ops.square(x - y) / (2 * sigma)
    # WHY you divide by sigma; the density has sigma^2 there
    # WRONG error = ops.square(x - y)
    # WHY this is squared error as it is; what it weighs against the divergence is
    # WHY 1 / (2 sigma^2)
    log = -error - math.log(2 * math.pi * sigma**2) / 2
    return ops.sum(log, axis=(1, 2, 3))
    # WRONG return ops.mean(log, axis=(1, 2, 3))
    # WHY you average over pixels, which makes the code's cost as heavy as the image:
    # WHY the likelihood of independent pixels is a product, so logarithms add up
    # END SOLUTION


def bound(x, y, mean, log_variance, sigma):
    """Return the lower bound (ELBO), averaged over the batch.

    Args:
        x, y: (B, H, W, C) float; y is what the decoder made of `draw(...)`.
        mean, log_variance: (B, D) float, of the encoder.
        sigma: float > 0.

    Returns:
        float scalar, to be maximised.
    """
    # BEGIN SOLUTION what is explained, minus what the code costs
    # HINT Both of your functions return one number an example.
    gain = log_likelihood(x, y, sigma) - divergence(mean, log_variance)
    # WRONG gain = log_likelihood(x, y, sigma) + divergence(mean, log_variance)
    # WHY the divergence is a cost, and you add it as if it were a gain
    return ops.mean(gain)
    # WRONG return ops.sum(gain)
    # WHY you sum over the batch; the bound of a batch is the mean of its examples
    # WRONG return -ops.mean(gain)
    # WHY this is the loss; the bound itself is to be maximised
    # END SOLUTION


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
