"""The bound, its two parts, and where it is exact."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers, ops
from scipy import stats

from course.checks import check_function, check_model
from modules.generative.reparameterization import reparameterize
from modules.generative.vae import (
    VAE,
    bernoulli_log_likelihood,
    gaussian_kl,
    gaussian_log_likelihood,
)

RNG = np.random.default_rng(0)
X = RNG.uniform(size=(3, 4, 5, 1)).astype("float32")
Y = RNG.normal(size=X.shape).astype("float32")
MEAN, LOG = RNG.normal(size=(2, 3, 4)).astype("float32")


def coders(latent=2):
    x = keras.Input((4, 5, 1))
    y = layers.Flatten()(x)
    heads = [layers.Dense(latent)(y), layers.Dense(latent)(y)]
    z = keras.Input((latent,))
    y = layers.Reshape((4, 5, 1))(layers.Dense(20)(z))
    return keras.Model(x, heads), keras.Model(z, y)


def make(sigma=None):
    return VAE(*coders(), sigma=sigma, seed=0)


def test_model():
    shapes = [(3, 4, 5, 1), (3, 2), (3, 2)]
    weights = 2 * (20 * 2 + 2) + 2 * 20 + 20
    check_model(make, X, shapes, weights, training="differs")


def test_functions():
    check_function(gaussian_kl, MEAN, LOG, y_shape=(3,))
    check_function(bernoulli_log_likelihood, X, Y, y_shape=(3,))


def test_kl_is_the_integral():
    z = np.linspace(-20, 20, 20_001)
    for mu, sigma in [(0.0, 1.0), (1.5, 0.7), (-0.4, 2.0)]:
        q, p = stats.norm(mu, sigma), stats.norm(0, 1)
        want = np.trapezoid(q.pdf(z) * (q.logpdf(z) - p.logpdf(z)), z)
        got = gaussian_kl(np.float32([mu]), np.float32([2 * np.log(sigma)]))
        np.testing.assert_allclose(got, want, atol=1e-5)


def test_kl_is_zero_only_at_the_prior_and_sums_over_dimensions():
    assert float(gaussian_kl(np.zeros(4, "f4"), np.zeros(4, "f4"))) == 0
    assert np.all(ops.convert_to_numpy(gaussian_kl(MEAN, LOG)) > 0)
    alone = sum(gaussian_kl(MEAN[:, i : i + 1], LOG[:, i : i + 1]) for i in range(4))
    np.testing.assert_allclose(gaussian_kl(MEAN, LOG), alone, rtol=1e-5)
    # KL(q || p), not KL(p || q), which has 1 / sigma^2
    np.testing.assert_allclose(
        gaussian_kl(np.zeros(1, "f4"), np.log(np.float32([4.0]))),
        0.5 * (4 - 1 - np.log(4)),
        rtol=1e-6,
    )


def test_log_likelihoods_agree_with_scipy():
    on = (X > 0.5).astype("float32")
    want = stats.bernoulli.logpmf(on, 1 / (1 + np.exp(-Y))).sum(axis=(1, 2, 3))
    np.testing.assert_allclose(bernoulli_log_likelihood(on, Y), want, rtol=1e-5)
    want = stats.norm(Y, 0.3).logpdf(X).sum(axis=(1, 2, 3))
    np.testing.assert_allclose(gaussian_log_likelihood(X, Y, 0.3), want, rtol=1e-5)


def test_logits_of_any_size_are_finite():
    got = bernoulli_log_likelihood(np.ones((1, 2), "f4"), np.float32([[-1e4, 1e4]]))
    np.testing.assert_allclose(got, [-1e4])


def test_fixed_variance_is_squared_error():
    """ln p differs between two decodings by the difference of MSE / (2 sigma^2)."""
    other = Y + 0.1
    for sigma in (0.5, 2.0):
        error = [np.square(X - y).sum(axis=(1, 2, 3)) for y in (Y, other)]
        a, b = (gaussian_log_likelihood(X, y, sigma) for y in (Y, other))
        np.testing.assert_allclose(
            a - b, (error[1] - error[0]) / (2 * sigma**2), rtol=1e-3
        )


class LinearGaussian:
    """x = W z + b + sigma noise: here ln p(x) is known."""

    def __init__(self, sigma=0.6):
        self.sigma, self.weight = sigma, RNG.normal(size=(2, 20))
        self.bias = RNG.normal(size=20)
        self.x = RNG.normal(size=(3, 20)).clip(-1, 1)
        self.encoder, self.decoder = coders()
        self.decoder.set_weights([self.weight, self.bias])
        self.vae = VAE(self.encoder, self.decoder, sigma=sigma)

    def evidence(self):
        covariance = self.weight.T @ self.weight + self.sigma**2 * np.eye(20)
        return stats.multivariate_normal(self.bias, covariance).logpdf(self.x)

    def posterior(self):
        precision = np.eye(2) + self.weight @ self.weight.T / self.sigma**2
        mean = (self.x - self.bias) @ self.weight.T / self.sigma**2
        return mean @ np.linalg.inv(precision), np.linalg.inv(precision)

    def bound(self, mean, variance):
        """Return the ELBO of N(mean, diag(variance)), its expectation exact.

        ln p(x | z) is quadratic in z, so epsilon = (+-1, +-1) stand for all noise.
        """
        x = self.x.reshape(3, 4, 5, 1).astype("float32")
        mean, log = (a.astype("float32") for a in (mean, np.log(variance)))
        total = 0
        for signs in np.ndindex(2, 2):
            z = reparameterize(mean, log, np.float32([2 * s - 1 for s in signs]))
            found = self.vae.objective(x, (self.decoder(z), mean, log), False)
            total = total - ops.convert_to_numpy(found["loss"]) / 4
        return total


def test_bound_is_never_above_the_evidence():
    world = LinearGaussian()
    evidence = world.evidence()
    for scale in (0.1, 0.5, 1.0, 3.0):
        bound = world.bound(RNG.normal(size=(3, 2)), np.full((3, 2), scale))
        assert np.all(bound < evidence)


def test_gap_is_the_divergence_from_the_true_posterior():
    world = LinearGaussian()
    mean, covariance = world.posterior()
    precision = np.linalg.inv(covariance)
    for shift, scale in [(0.0, 1.0), (0.3, 1.0), (0.3, 0.5)]:
        variance = np.tile(scale / np.diag(precision), (3, 1))
        gap = world.evidence() - world.bound(mean + shift, variance)
        s = np.full(2, shift)
        want = 0.5 * (
            np.sum(variance * np.diag(precision), axis=1)
            + s @ precision @ s
            - 2
            - np.log(variance).sum(axis=1)
            - np.linalg.slogdet(precision)[1]
        )
        np.testing.assert_allclose(gap, want, atol=2e-3)


def test_bound_is_the_evidence_where_the_posterior_is_exact():
    world = LinearGaussian()
    world.weight[1] = 0  # one dimension is not used: the posterior is diagonal
    world.decoder.set_weights([world.weight, world.bias])
    mean, covariance = world.posterior()
    bound = world.bound(mean, np.tile(np.diag(covariance), (3, 1)))
    np.testing.assert_allclose(bound, world.evidence(), rtol=1e-5)


def test_loss_is_a_mean_over_the_batch_of_sums():
    vae = make(sigma=0.5)
    y, mean, log = (ops.convert_to_numpy(a) for a in vae(X))
    want = stats.norm(y, 0.5).logpdf(X).sum(axis=(1, 2, 3)).mean()
    want -= 0.5 * (mean**2 + np.exp(log) - 1 - log).sum(axis=1).mean()
    np.testing.assert_allclose(vae.compute_loss(X, y_pred=(y, mean, log)), -want, 1e-5)


def test_gradient_reaches_the_encoder_through_the_draw():
    vae = make()
    with tf.GradientTape() as tape:
        y, *_ = vae(X, training=True)
        loss = -ops.sum(vae.log_likelihood(X, y))  # without the KL
    for slope in tape.gradient(loss, [w.value for w in vae.trainable_weights]):
        assert np.any(slope)


@pytest.mark.parametrize("sigma", [None, 0.1])
def test_learns_in_fit(sigma):
    keras.utils.set_random_seed(0)
    vae = make(sigma)
    vae.compile(keras.optimizers.Adam(0.02), jit_compile=sigma is None)
    history = vae.fit(np.tile(X, (8, 1, 1, 1)), epochs=15, verbose=0).history
    assert np.mean(history["loss"][-3:]) < np.mean(history["loss"][:3])
    parts = np.add(history["kl"], history["reconstruction"])
    np.testing.assert_allclose(history["loss"], parts, rtol=1e-4)
    pictures = ops.convert_to_numpy(vae.sample(2))
    assert pictures.shape == (2, 4, 5, 1) and np.isfinite(pictures).all()
    assert sigma or (0 < pictures.min() and pictures.max() < 1)


def test_refuses():
    with pytest.raises(ValueError, match="sigma must be None or > 0, got 0"):
        make(sigma=0)
    for sigma, low in ((None, 0), (1.0, -1)):
        vae = make(sigma)
        vae.compile("adam")
        with pytest.raises(ValueError, match=f"floats from {low} to 1, got them"):
            vae.fit(255 * X)
