"""Grades assignments/foundations/optimizers/optimizer_steps.py."""

import numpy as np

from course.grading import close, fit, points

FORBIDDEN = (
    "keras.optimizers",
    "modules.foundations.optimizers.momentum",
    "modules.foundations.optimizers.nesterov",
    "modules.foundations.optimizers.rprop",
    "modules.foundations.optimizers.adagrad",
    "modules.foundations.optimizers.rmsprop",
    "modules.foundations.optimizers.adadelta",
    "modules.foundations.optimizers.adam",
    "modules.foundations.optimizers.nadam",
    "modules.foundations.optimizers.adamw",
    "raw_ops",
)

EPSILON = 0.3  # as large as the gradients, so that its place shows


def values(rng, *shape):
    """Return values of both signs, none near zero."""
    return rng.uniform(0.2, 1.5, shape) * rng.choice([-1, 1], shape)


def averages(rng, *shape):
    """Return a mean and a mean square as gradients may have left them."""
    mean = 0.3 * values(rng, *shape)
    return mean, mean**2 + rng.uniform(0.1, 0.5, shape)


@points(1)
def test_momentum(submission, rng):
    """the heavy ball remembers its velocity and rolls downhill"""
    velocity, gradient = values(rng, 2, 3), values(rng, 2, 3)
    new = 0.7 * velocity + 0.2 * gradient
    got = submission.momentum(velocity, gradient, 0.2, 0.7)
    close(got, (new, -new), hint="What should a share of 0 give?")


@points(2)
def test_nesterov(submission, rng):
    """Nesterov's gradient is that of the point ahead, and the step is not from there"""
    weights, velocity = values(rng, 2, 3), values(rng, 2, 3)
    curvature = rng.uniform(1, 2, (2, 3))

    def gradient_of(place):
        return (curvature * np.asarray(place, float)).astype("float32")

    new = 0.7 * velocity + 0.2 * curvature * (weights - 0.7 * velocity)
    got = submission.nesterov(weights, velocity, gradient_of, 0.2, 0.7)
    close(got, (weights - new, new), hint="Where is the gradient taken?")


@points(2)
def test_rprop(submission, rng):
    """Rprop changes the size of each step by the sign of two gradients"""
    sizes = rng.uniform(0.2, 0.4, (2, 6))
    kept = np.sign(values(rng, 6)) * [1, 1, 1, 1, 1, 0]
    now = kept * [1, -1, 1, -1, 0, 1] + [0, 0, 0, 0, 0, 1]
    previous, gradient = (
        kept * rng.uniform(2, 3, (2, 6)),
        now * rng.uniform(4, 5, (2, 6)),
    )
    sizes[:, 2], sizes[:, 3] = 0.95, 0.06  # these two reach the limits
    new = sizes * [1.5, 0.25, 1.5, 0.25, 1, 1]
    new[:, 2], new[:, 3] = 1.0, 0.05

    got = submission.rprop(sizes, previous, gradient, 1.5, 0.25, 0.05, 1.0)
    want = (new, gradient, -np.sign(gradient) * new)
    close(got, want, hint="Does the size of the gradient play a part?")


@points(2)
def test_rmsprop(submission, rng):
    """centred RMSProp divides by the root of the gradient's variance"""
    mean, mean_square = averages(rng, 2, 3)
    gradient = values(rng, 2, 3)
    new = 0.8 * mean + 0.2 * gradient
    square = 0.8 * mean_square + 0.2 * gradient**2
    delta = -0.1 * gradient / (square - new**2 + EPSILON) ** 0.5

    got = submission.rmsprop(mean, mean_square, gradient, 0.1, 0.8, EPSILON)
    close(got, (new, square, delta), hint="What stands under the root?")


@points(2)
def test_adadelta(submission, rng):
    """Adadelta's step has the size of the steps before it"""
    square, steps = rng.uniform(0.1, 0.5, (2, 3)), rng.uniform(0.6, 0.9, (2, 3))
    gradient = values(rng, 2, 3)
    new = 0.8 * square + 0.2 * gradient**2
    delta = -(((steps + EPSILON) / (new + EPSILON)) ** 0.5) * gradient
    want = (new, 0.8 * steps + 0.2 * delta**2, delta)

    got = submission.adadelta(square, steps, gradient, 0.8, EPSILON)
    close(got, want, hint="Which two averages, and when is each renewed?")


def moments(m, v, gradient):
    return 0.8 * m + 0.2 * gradient, 0.95 * v + 0.05 * gradient**2


@points(3)
def test_adam(submission, rng):
    """Adam's step, in the third step and in the first"""
    gradient = values(rng, 2, 3)
    nothing = np.zeros((2, 3))
    for t, (m, v) in ((3, averages(rng, 2, 3)), (1, (nothing, nothing))):
        new_m, new_v = moments(m, v, gradient)
        root = (new_v / (1 - 0.95**t)) ** 0.5
        delta = -0.1 * new_m / (1 - 0.8**t) / (root + EPSILON)

        got = submission.adam(m, v, gradient, t, 0.1, 0.8, 0.95, EPSILON)
        close(
            got, (new_m, new_v, delta), hint="Which averages are corrected, and when?"
        )


@points(1, hidden=True)
def test_constant_gradient(submission, rng):
    """along a constant gradient of any size each step of Adam is the rate"""
    gradient = values(rng, 5) * 10.0 ** np.array([-3, -1, 0, 2, 4])
    m = v = np.zeros(5)
    for t in range(1, 6):
        m, v, delta = submission.adam(m, v, gradient, t, 0.1, 0.9, 0.99, 1e-9)
        close(delta, -0.1 * np.sign(gradient), rtol=1e-3)


@points(2)
def test_nadam(submission, rng):
    """Nadam's mean looks one step ahead, with a constant beta_1"""
    gradient, (m, v) = values(rng, 2, 3), averages(rng, 2, 3)
    t = 2
    new_m, new_v = moments(m, v, gradient)
    ahead = 0.8 * new_m / (1 - 0.8 ** (t + 1)) + 0.2 * gradient / (1 - 0.8**t)
    delta = -0.1 * ahead / ((new_v / (1 - 0.95**t)) ** 0.5 + EPSILON)

    got = submission.nadam(m, v, gradient, t, 0.1, 0.8, 0.95, EPSILON)
    close(got, (new_m, new_v, delta), hint="How does it differ from your adam?")


@points(2, after="test_adam")
def test_network(submission, rng):
    """adam reaches the bottom of a narrow valley, and trains a network"""
    steps = submission.race("adam")
    near = isinstance(steps, int) and abs(steps - 216) <= 3
    assert near, f"adam took {steps} steps in the race, expected 216"

    labels = np.arange(24) % 3
    x = rng.normal(size=(24, 6)) + 3 * np.eye(6)[labels]
    losses = fit(submission.network("adam"), x, labels, 10)
    assert losses[-1] < 0.7 * losses[0], f"the loss went {losses[0]} to {losses[-1]}"
