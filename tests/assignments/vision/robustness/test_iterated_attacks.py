"""Grades assignments/vision/robustness/iterated_attacks.py."""

import numpy as np

from course.grading import close, fit, points

FORBIDDEN = (
    "modules.vision.robustness",
    "GradientTape",
    "tf.gradients",
    "ops.vjp",
    "ops.jvp",
)


def softmax(z):
    p = np.exp(z - z.max(axis=-1, keepdims=True))
    return p / p.sum(axis=-1, keepdims=True)


def loss(x, labels, w1, b1, w2, b2):
    z = np.maximum(x @ w1 + b1, 0) @ w2 + b2
    return -np.log(softmax(z)[np.arange(len(x)), labels]).sum()


def perceptron(rng, size=5, hidden=7, classes=4):
    """Return x, labels that are not predicted, and weights; no unit is at its bend."""
    x = rng.normal(size=(3, size))
    w1, w2 = rng.normal(size=(size, hidden)), rng.normal(size=(hidden, classes))
    b1, b2 = np.sign(rng.normal(size=hidden)), rng.normal(size=classes)
    a = x @ w1
    b1 += np.where(np.abs(a + b1).min(axis=0) < 0.02, 0.1, 0)
    labels = (np.maximum(a + b1, 0) @ w2 + b2).argmin(axis=-1)
    return x, labels, w1, b1, w2, b2


def lattice(rng):
    """Return x and a gradient that turns on the way; nothing depends on rounding.

    All values are multiples of 1/32, and the gradient changes its sign between them.
    """
    x = rng.integers(0, 33, size=(4, 9)) / 32
    turns = np.roll(x, 1, axis=1) + rng.choice([-3, -1, 1, 3], size=x.shape) / 64
    strength = rng.uniform(0.5, 2, size=x.shape) * rng.choice([-1, 1], size=x.shape)

    def gradient(a):
        return (strength * (np.roll(a, 1, axis=1) - turns)).astype("float32")

    return x, gradient


def projected(a, x, epsilon):
    low, high = np.maximum(x - epsilon, 0), np.minimum(x + epsilon, 1)
    return np.minimum(np.maximum(a, low), high)


def attacked(gradient, x, start, epsilon, size, steps, sign):
    a = projected(x + start, x, epsilon)
    for _ in range(steps):
        a = projected(a + sign * size * np.sign(gradient(a)), x, epsilon)
    return a


@points(2)
def test_margin_change(submission, rng):
    """a linear lead changes by epsilon times the 1-norm of its weights, and no more"""
    w, epsilon = rng.normal(size=(6, 4)) + 0.2, rng.uniform(0.1, 0.4)
    for label, rival in ((0, 2), (3, 1)):
        weights = w[:, rival] - w[:, label]
        corners = np.array(np.meshgrid(*[[-1, 1]] * 6)).reshape(6, -1)
        want = epsilon * (weights @ corners).max()  # try every corner of the ball
        got = submission.margin_change(w, label, rival, epsilon)
        close(got, want, hint="Which weights does the lead have?")


@points(4)
def test_input_gradient(submission, rng):
    """the gradient by hand agrees with finite differences of the loss"""
    x, *rest = perceptron(rng)
    want = np.zeros(x.shape)
    for place in np.ndindex(x.shape):
        for sign in (1, -1):
            moved = x.copy()
            moved[place] += sign * 1e-5
            want[place] += sign * loss(moved, *rest) / 2e-5

    got = submission.input_gradient(x, *rest)
    close(got, want, hint="What is the gradient by the logits, by h, by a, by x?")


@points(2)
def test_sign_step(submission, rng):
    """one step up the loss, or down that of the class that is wanted"""
    x, g = rng.uniform(-1, 2, size=(3, 5)), rng.normal(size=(3, 5))
    g[1, 2] = 0.0
    size = rng.uniform(0.1, 0.3)
    for targeted, sign in ((False, 1), (True, -1)):
        got = submission.sign_step(x, g, size, targeted)
        close(got, x + sign * size * np.sign(g), hint="Up or down, and how far?")


@points(3)
def test_project(submission, rng):
    """x' stays within epsilon of x and in the box, value by value"""
    x = rng.uniform(size=(3, 8))
    x[0, :2] = 0.02, 0.99
    epsilon = rng.uniform(0.1, 0.2)
    x_new = x + rng.uniform(-0.4, 0.4, size=x.shape)
    x_new[0, :2] = -0.3, 1.3
    got = submission.project(x_new, x, epsilon, 0.0, 1.0)
    close(got, projected(x_new, x, epsilon), hint="Which interval has each value?")
    got = submission.project(4 * x_new - 2, 4 * x - 2, 4 * epsilon, -2.0, 2.0)
    want = 4 * projected(x_new, x, epsilon) - 2
    close(got, want, hint="Which box is it this time?")


@points(4)
def test_attack(submission, rng):
    """start, then step by step: gradient where you are, sign step, projection"""
    x, gradient = lattice(rng)
    start = rng.integers(-9, 10, size=x.shape) / 32
    epsilon, size = 5 / 32, 2 / 32
    for steps, targeted in ((0, False), (1, False), (6, False), (6, True)):
        want = attacked(gradient, x, start, epsilon, size, steps, 1 - 2 * targeted)
        arguments = gradient, x, start, epsilon, size, steps, 0.0, 1.0, targeted
        close(submission.attack(*arguments), want, hint=f"steps={steps}, {targeted=}")


@points(1, hidden=True)
def test_fast_gradient(submission, rng):
    """one step of size epsilon without noise is the fast gradient sign method"""
    x, gradient = lattice(rng)
    epsilon = 6 / 32
    arguments = gradient, x, 0 * x, epsilon, epsilon, 1, 0.0, 1.0, False
    want = np.clip(x + epsilon * np.sign(gradient(x)), 0, 1)
    close(submission.attack(*arguments), want, hint="Which x' does one step give?")


@points(2, after="test_attack")
def test_network(submission, rng):
    """a network learns from your attacks on itself"""
    labels = np.arange(12) % 3
    x = 0.2 * rng.uniform(size=(12, 12)) + 0.6 * np.repeat(np.eye(3), 4, 1)[labels]
    model = submission.network()
    found = model.attacked(x, labels)
    assert 0.05 < np.abs(found - x).max() < 0.1001, "the attack moves by up to 0.1"
    losses = fit(model, x, labels, 10)
    assert losses[-1] < 0.7 * losses[0], f"the loss went {losses[0]} to {losses[-1]}"
