"""Grades assignments/vision/classification/batch_norm_backward.py."""

import numpy as np

from course.grading import close, fit, gradient, points

FORBIDDEN = (
    "modules.vision.classification.batch_norm",
    "layers.BatchNormalization",
    "layers.LayerNormalization",
    "layers.GroupNormalization",
    "ops.batch_normalization",
    "ops.layer_normalization",
    "ops.rms_normalization",
    "ops.normalize",
    "ops.moments",
    "nn.batch_normalization",
    "nn.fused_batch_norm",
    "nn.moments",
    "ops.jvp",
    "ops.vjp",
    "GradientTape",
    "tf.gradients",
)

EPSILON = 0.1  # large, so that its place in the formula shows


def batch(rng, *shape):
    """Return values whose channels differ in mean and spread."""
    channels = np.arange(shape[-1])
    return rng.normal(size=shape) * (0.5 + 0.3 * channels) + 1 - channels


def statistics(x):
    values = x.reshape(-1, x.shape[-1])
    mean = values.sum(0) / len(values)
    return mean, ((values - mean) ** 2).sum(0) / len(values)


def normalize(x, gamma, beta, epsilon=EPSILON):
    mean, variance = statistics(x)
    return gamma * (x - mean) / (variance + epsilon) ** 0.5 + beta


def gradients(dy, x, gamma, beta, epsilon=EPSILON, step=1e-6):
    """Return dx, dgamma and dbeta of sum(dy * y), by central differences in float64."""
    arguments = x, gamma, beta
    found = [np.zeros(a.shape) for a in arguments]
    for argument, slopes in zip(arguments, found, strict=True):
        for place in np.ndindex(argument.shape):
            value = argument[place]
            for sign in (1, -1):
                argument[place] = value + sign * step
                y = normalize(*arguments, epsilon)
                slopes[place] += sign * (dy * y).sum() / (2 * step)
            argument[place] = value
    return found


def scale(rng, channels):
    """Return gamma or beta: no zeros, no ones, both signs."""
    return rng.uniform(0.5, 0.9, channels) * np.resize([2.0, -1.0], channels)


@points(2)
def test_statistics(submission, rng):
    """mean and variance of each channel, behind a dense layer and a convolution"""
    for shape in [(5, 3), (2, 3, 2, 4)]:
        x = batch(rng, *shape)
        got = submission.statistics(x)
        close(got, statistics(x), hint="Which m values belong to one channel?")


@points(2)
def test_normalize(submission, rng):
    """normalize standardizes with the given statistics, then scales and shifts"""
    x = batch(rng, 2, 3, 4, 3)
    mean, variance = np.array([0.5, -1.0, 2.0]), np.array([0.04, 0.5, 2.0])
    gamma, beta = scale(rng, 3), scale(rng, 3)
    want = gamma * (x - mean) / np.sqrt(variance + EPSILON) + beta

    got = submission.normalize(x, mean, variance, gamma, beta, EPSILON)
    close(got, want, hint="Where does epsilon go, and what does gamma multiply?")


@points(1)
def test_moving_average(submission, rng):
    """momentum is the share of the old average that stays"""
    old, new = rng.uniform(1, 2, size=4), rng.uniform(3, 4, size=4)
    got = submission.moving_average(old, new, 0.75)
    close(got, 0.75 * old + 0.25 * new, hint="What should momentum 1 give?")


@points(3)
def test_parameter_gradients(submission, rng):
    """dgamma and dbeta agree with finite differences of the loss"""
    for shape in [(5, 3), (2, 3, 2, 4)]:
        x, dy = batch(rng, *shape), batch(rng, *shape)
        gamma, beta = scale(rng, shape[-1]), scale(rng, shape[-1])

        _, dgamma, dbeta = gradients(dy, x, gamma, beta)

        got = submission.parameter_gradients(dy, x, *statistics(x), EPSILON)
        close(got, (dgamma, dbeta), hint="How many values of y does one gamma reach?")


@points(4)
def test_input_gradient(submission, rng):
    """dx agrees with finite differences, through the mean and the variance too"""
    for shape in [(5, 3), (2, 3, 2, 4)]:
        x, dy = batch(rng, *shape), batch(rng, *shape)
        gamma, beta = scale(rng, shape[-1]), scale(rng, shape[-1])
        want, _, _ = gradients(dy, x, gamma, beta)

        got = submission.input_gradient(dy, x, *statistics(x), gamma, EPSILON)
        close(got, want, hint="Does a change of x move the mean and the variance?")


@points(1, hidden=True)
def test_constant_channel(submission, rng):
    """a channel without any variance has finite gradients of the right size"""
    x, dy = batch(rng, 4, 3), batch(rng, 4, 3)
    x[:, 1] = 2.0
    gamma, beta = scale(rng, 3), scale(rng, 3)
    want, _, _ = gradients(dy, x, gamma, beta, epsilon=0.01)
    got = submission.input_gradient(dy, x, *statistics(x), gamma, 0.01)
    close(got, want, rtol=1e-3, hint="What keeps the divisor from being 0?")


@points(2, after="test_input_gradient")
def test_network(submission, rng):
    """your layer ignores the scale of its input, and a network learns with it"""
    x, dy = 3 * batch(rng, 4, 3, 2, 5), batch(rng, 4, 3, 2, 5)
    gamma, beta = scale(rng, 5), scale(rng, 5)
    want, _, _ = gradients(dy, x, gamma, beta, epsilon=1e-3)
    once = gradient(submission.batch_norm, x, gamma, beta, cotangent=dy)
    close(once, want, hint="Are all of your functions right?")
    larger = gradient(submission.batch_norm, 10 * x, gamma, beta, cotangent=dy)
    close(10 * larger, once, rtol=0.02, atol=0.02, hint="BN(10 x) = BN(x)")

    labels = np.arange(12) % 3
    images = rng.normal(size=(12, 4, 5, 3)) + 2 * np.eye(3)[labels][:, None, None]
    losses = fit(submission.network(), images, labels, 10)
    assert losses[-1] < 0.5 * losses[0], f"the loss went {losses[0]} to {losses[-1]}"
