"""Grades assignments/foundations/sequences/layer_norm_backward.py."""

import numpy as np

from course.grading import close, fit, gradient, points

FORBIDDEN = (
    "modules.foundations.sequences.layer_norm",
    "layers.LayerNormalization",
    "layers.RMSNormalization",
    "layers.BatchNormalization",
    "layers.GroupNormalization",
    "ops.layer_normalization",
    "ops.rms_normalization",
    "ops.batch_normalization",
    "ops.normalize",
    "ops.moments",
    "nn.moments",
    "nn.batch_normalization",
    "ops.vjp",
    "ops.jvp",
    "GradientTape",
    "tf.gradients",
)

EPSILON = 0.1  # large, so that its place in the formula shows
SHAPES = (5, 3), (2, 3, 4)


def vectors(rng, *shape):
    """Return vectors that differ in mean and spread, and so do their units."""
    spread = rng.uniform(0.5, 2, size=(*shape[:-1], 1)) * (1 + np.arange(shape[-1]))
    return spread * rng.normal(size=shape) + rng.normal(size=(*shape[:-1], 1))


def deviations(x, epsilon=EPSILON):
    """Return x less its mean, and the root of its variance plus epsilon."""
    centred = x - x.sum(-1, keepdims=True) / x.shape[-1]
    return centred, ((centred**2).sum(-1, keepdims=True) / x.shape[-1] + epsilon) ** 0.5


def layer_norm(x, gain, bias, epsilon=EPSILON):
    centred, std = deviations(x, epsilon)
    return gain * centred / std + bias


def rms_norm(x, gain):
    return gain * x / ((x**2).sum(-1, keepdims=True) / x.shape[-1] + EPSILON) ** 0.5


def slopes(dy, function, *arguments, step=1e-6):
    """Return gradients of sum(dy * function), by central differences in float64."""
    found = [np.zeros(a.shape) for a in arguments]
    for argument, slope in zip(arguments, found, strict=True):
        for place in np.ndindex(argument.shape):
            value = argument[place]
            for sign in (1, -1):
                argument[place] = value + sign * step
                y = function(*arguments)
                slope[place] += sign * (dy * y).sum() / (2 * step)
            argument[place] = value
    return found


def scale(rng, units):
    """Return gain or bias: no zeros, no ones, both signs."""
    return rng.uniform(0.5, 0.9, units) * np.resize([2.0, -1.0, 4.0], units)


@points(2)
def test_standardise(submission, rng):
    """x_hat and std of each vector, for examples and for examples with steps"""
    for shape in SHAPES:
        x = vectors(rng, *shape)
        centred, std = deviations(x)
        got = submission.standardise(x, EPSILON)
        close(got, (centred / std, std), hint="Which values make one mean?")


@points(2)
def test_parameter_gradients(submission, rng):
    """dgain and dbias agree with finite differences of the loss"""
    for shape in SHAPES:
        x, dy = vectors(rng, *shape), rng.normal(size=shape)
        gain, bias = scale(rng, shape[-1]), scale(rng, shape[-1])
        want = slopes(dy, lambda g, b: layer_norm(x, g, b), gain, bias)  # noqa: B023
        centred, std = deviations(x)

        got = submission.parameter_gradients(dy, centred / std)
        close(got, tuple(want), hint="Where does one gain act?")


@points(4)
def test_input_gradient(submission, rng):
    """dx of layer normalization agrees with finite differences"""
    for shape in SHAPES:
        x, dy = vectors(rng, *shape), rng.normal(size=shape)
        gain = scale(rng, shape[-1])
        [want] = slopes(dy, lambda x: layer_norm(x, gain, 0.0), x)  # noqa: B023
        centred, std = deviations(x)

        got = submission.input_gradient(dy, centred / std, std, gain)
        close(got, want, hint="How does one unit of x reach the others of its vector?")


@points(3)
def test_rms_gradient(submission, rng):
    """dx of RMS normalization agrees with finite differences"""
    for shape in SHAPES:
        x, dy = vectors(rng, *shape), rng.normal(size=shape)
        gain = scale(rng, shape[-1])
        [want] = slopes(dy, lambda x: rms_norm(x, gain), x)  # noqa: B023

        got = submission.rms_gradient(dy, x, gain, EPSILON)
        close(got, want, hint="Which of the three paths are left?")


@points(2)
def test_normalized_step(submission, rng):
    """the sums of a recurrent step are normalized in front of the tanh"""
    x, h = rng.normal(size=(2, 3)) + 1, rng.uniform(-1, 1, size=(2, 4))
    w, u = rng.normal(size=(3, 4)), rng.normal(size=(4, 4))
    gain, bias = scale(rng, 4), scale(rng, 4)
    want = np.tanh(layer_norm(x @ w + h @ u, gain, bias))

    got = submission.normalized_step(x, h, w, u, gain, bias, EPSILON)
    close(got, want, hint="What is normalized: x w + h u, or something else?")


@points(1)
def test_scale_of_the_weights(submission, rng):
    """larger weights leave the next state as it is"""
    x, h = rng.normal(size=(2, 3)), rng.uniform(-1, 1, size=(2, 4))
    w, u = rng.normal(size=(3, 4)), rng.normal(size=(4, 4))
    gain, bias = scale(rng, 4), scale(rng, 4)
    centred = x @ w + h @ u
    centred = centred - centred.mean(-1, keepdims=True)
    want = np.tanh(gain * centred / centred.std(-1, keepdims=True) + bias)

    for factor in (1e3, 1e5):
        close(
            submission.normalized_step(x, h, factor * w, factor * u, gain, bias, 0.01),
            want,
            hint="Which quotient does not change with the scale of the sums?",
        )


@points(2, after="test_input_gradient")
def test_network(submission, rng):
    """your gradients serve a layer, and a recurrent network learns with your step"""
    x, dy = vectors(rng, 2, 3, 4), rng.normal(size=(2, 3, 4))
    gain, bias = scale(rng, 4), scale(rng, 4)
    [want] = slopes(dy, lambda x: layer_norm(x, gain, 0.0, 1e-3), x)
    got = gradient(submission.layer_norm, x, gain, bias, cotangent=dy)
    close(got, want, hint="Do your gradients use the std that they are given?")

    tokens = rng.integers(1, 6, size=(40, 6))
    tokens[:, 0] = 1 + np.arange(40) % 5
    losses = fit(submission.network(), tokens, tokens[:, 0], 10)
    assert losses[-1] < 0.7 * losses[0], f"the loss went {losses[0]} to {losses[-1]}"
