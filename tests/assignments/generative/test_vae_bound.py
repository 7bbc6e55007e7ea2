"""Grades assignments/generative/vae_bound.py."""

import numpy as np

from course.grading import close, fit, gradient, points

FORBIDDEN = ("modules.generative.vae", "modules.generative.reparameterization")


def code(rng, batch, size):
    """Return mean and log_variance; no sigma is 1."""
    log = rng.uniform(0.4, 1.5, size=(batch, size)) * rng.choice([-1, 1], (batch, size))
    return rng.normal(size=(batch, size)) + 0.5, log


def kl(mean, log):
    return (mean**2 + np.exp(log) - 1 - log).sum(axis=-1) / 2


def likelihood(x, y, sigma):
    terms = (x - y) ** 2 / sigma**2 + np.log(2 * np.pi * sigma**2)
    return -terms.sum(axis=(1, 2, 3)) / 2


@points(3)
def test_draw(submission, rng):
    """draw moves and scales the noise, and gradients reach mean and deviation"""
    mean, log = code(rng, 3, 5)
    noise, cotangent = rng.normal(size=(2, 3, 5))
    sigma = np.exp(log / 2)
    got = submission.draw(mean, log, noise)
    close(got, mean + sigma * noise, hint="What scales the noise?")
    slopes = gradient(
        submission.draw, mean, log, noise, wrt=(0, 1), cotangent=cotangent
    )
    want = [cotangent, cotangent * sigma * noise / 2]
    close(slopes, want, hint="How does z change with the mean, and with sigma?")


@points(3)
def test_divergence(submission, rng):
    """the divergence from the prior is the closed form, and 0 at the prior"""
    mean, log = code(rng, 3, 5)
    hint = "What is it for mean = 0 and log_variance = 0?"
    close(submission.divergence(mean, log), kl(mean, log), hint=hint)
    mean[1], log[1] = 0, 0
    close(submission.divergence(mean, log), kl(mean, log), hint=hint)


@points(2)
def test_log_likelihood(submission, rng):
    """the likelihood is that of SciPy's Gaussian, summed over the pixels"""
    x, y = rng.normal(size=(2, 2, 3, 5, 1))
    for sigma in (0.3, 1.7):
        got = submission.log_likelihood(x, y, sigma)
        close(got, likelihood(x, y, sigma), hint="What does sigma divide?")


@points(2)
def test_bound(submission, rng):
    """the bound is the mean over the batch of what is explained minus the cost"""
    x, y = rng.normal(size=(2, 3, 2, 5, 1))
    mean, log = code(rng, 3, 4)
    close(submission.divergence(mean, log), kl(mean, log))
    close(submission.log_likelihood(x, y, 0.6), likelihood(x, y, 0.6))
    want = (likelihood(x, y, 0.6) - kl(mean, log)).mean()
    close(submission.bound(x, y, mean, log, 0.6), want, hint="Gain or cost?")


@points(1, hidden=True)
def test_evidence(submission, rng):
    """where all is linear the bound stays below ln p(x), and reaches it once"""
    weight, sigma = rng.uniform(0.5, 1.5, size=4), 0.7
    x = rng.normal(size=(1, 2, 2, 1))
    precision = 1 + weight @ weight / sigma**2
    best = weight @ x.ravel() / sigma**2 / precision
    covariance = np.outer(weight, weight) + sigma**2 * np.eye(4)
    evidence = -0.5 * (
        x.ravel() @ np.linalg.solve(covariance, x.ravel())
        + np.linalg.slogdet(2 * np.pi * covariance)[1]
    )
    found = []
    for shift in (0.0, 0.8):
        mean, log = np.array([[best + shift]]), np.array([[-np.log(precision)]])
        ends = []  # ln p(x | z) is quadratic: noise of -1 and 1 stands for all
        for noise in (-1.0, 1.0):
            z = submission.draw(mean, log, np.array([[noise]]))
            y = (np.asarray(z).item() * weight).reshape(1, 2, 2, 1)
            ends.append(float(submission.bound(x, y, mean, log, sigma)))
        found.append(np.mean(ends))
    want = [evidence, evidence - 0.8**2 * precision / 2]
    close(np.array(found), np.array(want), hint="Is the bound tight at the posterior?")


@points(2, after="test_bound")
def test_network(submission, rng):
    """a small VAE learns stripes with your functions"""
    x = np.repeat(np.eye(4)[np.arange(24) % 4][:, :, None, None], 4, axis=2) - 0.5
    model = submission.network()
    losses = fit(model, x, np.zeros(24), 10)
    assert losses[-1] < losses[0] - 1, f"the loss went {losses[0]} to {losses[-1]}"
    hint = "Are all of your functions right?"
    y, mean, log = model(x)
    want = -(likelihood(x, y, 0.5) - kl(mean, log)).mean()
    close(losses[0] > want, True, hint=hint)
    close(submission.bound(x, y, mean, log, 0.5), -want, hint=hint)
