"""Grades assignments/generative/gan_losses.py."""

import numpy as np

from course.grading import close, fit, gradient, points

FORBIDDEN = ("modules.generative.gan", "losses.BinaryCrossentropy")


def softplus(a):
    return np.logaddexp(0, a)


def of_discriminator(real, fake, smoothing=0.0):
    on_real = (1 - smoothing) * softplus(-real) + smoothing * softplus(real)
    return on_real.mean() + softplus(fake).mean()


def of_generator(fake):
    return softplus(-fake).mean()


def judged(x, d):
    return np.concatenate([x, x**2], axis=1) @ d[:-1] + d[-1]


def slopes(f, weights, step=1e-6):
    """Return the gradient of f by central differences in float64."""
    found = np.zeros(weights.shape)
    for place in np.ndindex(weights.shape):
        ends = []
        for sign in (1, -1):
            moved = weights.copy()
            moved[place] += sign * step
            ends.append(f(moved))
        found[place] = (ends[0] - ends[1]) / (2 * step)
    return found


@points(3)
def test_discriminator_loss(submission, rng):
    """the discriminator's loss is cross-entropy on both kinds, real labels smoothed"""
    real, fake = rng.normal(size=5) + 1, 2 * rng.normal(size=3) - 1
    for smoothing in (0.0, 0.2):
        got = submission.discriminator_loss(real, fake, smoothing)
        want = of_discriminator(real, fake, smoothing)
        close(got, want, hint="Whose labels are smoothed?")


@points(2)
def test_generator_loss(submission, rng):
    """the generator's loss is -ln D, with a slope where the discriminator wins"""
    fake = 2 * rng.normal(size=7) - 1
    close(submission.generator_loss(fake), of_generator(fake))
    slope = gradient(submission.generator_loss, np.array([-20.0, 0.0]))
    close(slope, np.array([-0.5, -0.25]), hint="Is it flat where D is near 0?")


@points(1, hidden=True)
def test_large_logits(submission, rng):
    """the losses are finite for logits of any size"""
    size = rng.uniform(500, 900)
    real, fake = np.array([-size, 2.0]), np.array([size, 1.0])
    hint = "What is the logarithm of a sigmoid that has become 0?"
    got = submission.discriminator_loss(real, fake, 0.0)
    close(got, of_discriminator(real, fake), hint=hint)
    close(submission.generator_loss(real), of_generator(real), hint=hint)


@points(2)
def test_best_discriminator(submission, rng):
    """the best discriminator beats every other one on five points"""
    p, q = rng.dirichlet(np.full(5, 3.0), size=2)
    for smoothing in (0.0, 0.2):
        grid = np.linspace(0, 1, 20_002)[1:-1, None]
        loss = -(1 - smoothing) * p * np.log(grid)
        loss = loss - (smoothing * p + q) * np.log(1 - grid)
        want = grid[loss.argmin(axis=0), 0]
        got = submission.best_discriminator(p, q, smoothing)
        close(got, want, rtol=1e-3, atol=2e-3, hint="Where is the derivative zero?")


@points(4)
def test_game(submission, rng):
    """one gradient step moves each player by its own loss only"""
    x, z = rng.normal(size=(6, 2)) + 1, rng.normal(size=(5, 3))
    g, d = rng.normal(size=(4, 2)), rng.normal(size=5)

    def made(g):
        return z @ g[:-1] + g[-1]

    real, fake = judged(x, d), judged(made(g), d)
    close(submission.discriminator_loss(real, fake, 0.0), of_discriminator(real, fake))
    close(submission.generator_loss(fake), of_generator(fake))
    want = of_discriminator(real, fake) + of_generator(fake)
    close(submission.game(x, z, g, d), want, hint="Is it the sum of both?")
    by_g = slopes(lambda g: of_generator(judged(made(g), d)), g)
    by_d = slopes(lambda d: of_discriminator(judged(x, d), judged(made(g), d)), d)
    got = gradient(submission.game, x, z, g, d, wrt=(2, 3))
    close(got[0], by_g, hint="Which losses may move the generator?")
    close(got[1], by_d, hint="Which losses may move the discriminator?")


@points(2, after="test_game")
def test_network(submission, rng):
    """your generator moves towards its data in ten steps"""
    x = np.clip(np.array([0.6, -0.3]) + 0.1 * rng.normal(size=(64, 2)), -1, 1)
    model = submission.network()
    losses = fit(model, x, np.zeros(64), 10)
    close(losses[0], 3 * np.log(2), rtol=1e-3, hint="What is the loss at D = 1/2?")
    a, b = model.middle()
    assert a > -0.4 and b < 0.4, f"from (-0.5, 0.5) it went to ({a:.2f}, {b:.2f})"
