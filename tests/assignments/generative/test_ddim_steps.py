"""Grades assignments/generative/ddim_steps.py."""

import numpy as np

from course.grading import close, fit, points

FORBIDDEN = ("modules.generative.diffusion", "modules.generative.ddpm")


def sigma(now, then, eta):
    return eta * np.sqrt((1 - then) / (1 - now) * (1 - now / then))


def step(x, predicted, now, then, eta, noise):
    clean = (x - np.sqrt(1 - now) * predicted) / np.sqrt(now)
    s = sigma(now, then, eta)
    return np.sqrt(then) * clean + np.sqrt(1 - then - s**2) * predicted + s * noise


@points(2)
def test_alpha_bars(submission, rng):
    """alpha_bar is the running product of 1 - beta, and 1 at step 0"""
    betas = np.sort(rng.uniform(0.05, 0.5, size=5))
    want = [np.prod(1 - betas[:t]) for t in range(6)]
    close(submission.alpha_bars(betas), np.array(want), hint="What does a step keep?")
    last = np.asarray(submission.alpha_bars(np.linspace(1e-4, 0.02, 1000)))[-1]
    close(last, 4.036e-5, rtol=2e-3, hint="This is the schedule of the paper.")


@points(2)
def test_add_noise(submission, rng):
    """the image is scaled by one root and the noise by the other, each at its step"""
    x, noise = rng.normal(size=(2, 3, 2, 5, 1))
    bars = rng.permutation([0.9, 0.5, 0.1])
    a = bars[:, None, None, None]
    want = np.sqrt(a) * x + np.sqrt(1 - a) * noise
    close(submission.add_noise(x, noise, bars), want, hint="Is the variance kept?")


@points(2)
def test_clean_image(submission, rng):
    """the true noise gives the image back"""
    x, noise = rng.normal(size=(2, 3, 2, 5, 1))
    bar = rng.uniform(0.2, 0.6)
    x_t = np.sqrt(bar) * x + np.sqrt(1 - bar) * noise
    got = submission.clean_image(x_t, noise, bar)
    close(got, x, hint="Solve the equation of add_noise for x.")


@points(2)
def test_new_noise(submission, rng):
    """sigma is equation 16: DDPM's for eta = 1, and 0 at the last step"""
    now, then = rng.uniform(0.1, 0.4), rng.uniform(0.5, 0.8)
    for eta in (1.0, 0.3):
        got = submission.new_noise(now, then, eta)
        close(got, sigma(now, then, eta), hint="A variance, or its root?")
    beta = rng.uniform(0.1, 0.4)
    tilde = (1 - then) / (1 - then * (1 - beta)) * beta
    close(submission.new_noise(then * (1 - beta), then, 1.0), np.sqrt(tilde))
    close(submission.new_noise(now, 1.0, 1.0), 0.0, hint="Is step 0 without noise?")


@points(4)
def test_step(submission, rng):
    """a step scales the image, and shares the noise between old and new"""
    x, predicted, noise = rng.normal(size=(3, 2, 3, 5, 1))
    now, then = rng.uniform(0.1, 0.3), rng.uniform(0.5, 0.8)
    clean = (x - np.sqrt(1 - now) * predicted) / np.sqrt(now)
    close(submission.clean_image(x, predicted, now), clean)
    close(submission.new_noise(now, then, 0.9), sigma(now, then, 0.9))
    for eta in (0.9, 0.0):
        got = submission.step(x, predicted, now, then, eta, noise)
        want = step(x, predicted, now, then, eta, noise)
        close(got, want, hint="What are the three terms of equation 12?")


@points(1, hidden=True)
def test_oracle(submission, rng):
    """with the true noise every path leads back to the image, in one step or many"""
    x, noise, new = rng.normal(size=(3, 2, 3, 5, 1))
    x_t, now = np.sqrt(0.1) * x + np.sqrt(0.9) * noise, 0.1
    for then in (0.5, 1.0):
        x_t = submission.step(x_t, noise, now, then, 0.0, new)
        now = then
    close(x_t, x, hint="Is anything left to add at alpha_bar = 1?")


@points(2, after="test_step")
def test_network(submission, rng):
    """ten of your steps follow the path of the best denoiser, and a network learns"""
    betas = np.linspace(0.01, 0.4, 20)
    x, noises = rng.normal(size=(2, 3, 2, 1)), rng.normal(size=(4, 2, 3, 2, 1))
    bars = np.concatenate([[1.0], np.cumprod(1 - betas)])
    want, stops = x, [20, 15, 10, 5, 0]
    for i in range(4):
        now, then = bars[stops[i]], bars[stops[i + 1]]
        seen = np.sqrt(1 - now) * (want - np.sqrt(now) * 0.5)
        seen = seen / (now * 0.2**2 + 1 - now)
        want = step(want, seen, now, then, 0.5, noises[i])
    got = submission.gaussian_images(x, betas, 4, 0.5, noises)
    close(got, want, rtol=1e-3, atol=1e-3, hint="Are all of your functions right?")

    images = 2 * np.repeat(np.eye(4)[np.arange(64) % 4], 4, 1).reshape(64, 4, 4, 1) - 1
    losses = fit(submission.network(), images, np.zeros(64), 10)
    assert losses[-1] < 0.9 * losses[0], f"the loss went {losses[0]} to {losses[-1]}"
