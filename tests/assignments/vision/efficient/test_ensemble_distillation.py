"""Grades assignments/vision/efficient/ensemble_distillation.py."""

import numpy as np

from course.grading import close, fit, gradient, points

FORBIDDEN = (
    "modules.vision.efficient.distillation",
    "modules.foundations.learning.softmax",
    "keras.distillation",
    "losses.KLDivergence",
    "losses.kl_divergence",
    "losses.kld",
    "GradientTape",
    "tf.gradients",
    "ops.vjp",
)


def softened(z, temperature=1.0):
    z = z / temperature
    p = np.exp(z - z.max(axis=-1, keepdims=True))
    return p / p.sum(axis=-1, keepdims=True)


def soft(z, targets, temperature):
    q = softened(z, temperature)
    safe = np.where(targets > 0, targets, 1)
    divergence = (targets * (np.log(safe) - np.log(q))).sum(axis=-1)
    return temperature**2 * divergence.mean()


def hard(z, labels):
    return -np.log(softened(z)[np.arange(len(labels)), labels]).mean()


def problem(rng):
    """Return logits of the student and three teachers, labels, temperature, alpha.

    No label is what the teachers prefer.
    """
    z, v = 2 * rng.normal(size=(4, 5)), 2 * rng.normal(size=(3, 4, 5))
    labels = softened(v, 2.0).mean(axis=0).argmin(axis=-1)
    return z, v, labels, rng.uniform(2, 3), rng.uniform(0.6, 0.8)


@points(2)
def test_soften(submission, rng):
    """softened rows sum to 1, and a high temperature evens them out"""
    z = 2 * rng.normal(size=(4, 5))
    for temperature in (rng.uniform(2, 4), rng.uniform(0.3, 0.7)):
        got = submission.soften(z, temperature)
        close(got, softened(z, temperature), hint="What is divided by T?")


@points(2)
def test_ensemble_targets(submission, rng):
    """the targets are the mean of what the softened teachers find probable"""
    _, v, _, temperature, _ = problem(rng)
    want = softened(v, temperature).mean(axis=0)
    got = submission.ensemble_targets(v, temperature)
    close(got, want, hint="Which comes first, the softmax or the mean?")


@points(3)
def test_soft_loss(submission, rng):
    """the soft part is T^2 times the divergence from the student to the targets"""
    z, v, _, temperature, _ = problem(rng)
    targets = softened(v, temperature).mean(axis=0)
    got = submission.soft_loss(z, targets, temperature)
    close(got, soft(z, targets, temperature), hint="What are the five factors?")
    shifted = z + rng.normal(size=(4, 1))  # the same probabilities
    got = submission.soft_loss(shifted, softened(z), 1.0)
    close(got, 0.0, hint="What is the loss of a student that agrees?")


@points(3)
def test_distillation_loss(submission, rng):
    """both parts are weighed by alpha, and no gradient reaches the teachers"""
    z, v, labels, temperature, alpha = problem(rng)
    targets = softened(v, temperature).mean(axis=0)
    for weight in (alpha, 1.0, 0.0):
        want = weight * soft(z, targets, temperature) + (1 - weight) * hard(z, labels)
        got = submission.distillation_loss(z, v, labels, temperature, weight)
        close(got, want, hint="At which temperature is each part?")
    loss = submission.distillation_loss
    found = gradient(loss, z, v, labels, temperature, alpha, wrt=1)
    close(found, np.zeros(v.shape), hint="Should the teachers learn anything?")


@points(4)
def test_student_gradient(submission, rng):
    """the gradient by hand agrees with finite differences of the loss"""
    z, v, labels, temperature, alpha = problem(rng)
    targets = softened(v, temperature).mean(axis=0)
    want = np.zeros(z.shape)
    for place in np.ndindex(z.shape):
        for sign in (1, -1):
            moved = z.copy()
            moved[place] += sign * 1e-5
            loss = alpha * soft(moved, targets, temperature)
            loss += (1 - alpha) * hard(moved, labels)
            want[place] += sign * loss / 2e-5

    got = submission.student_gradient(z, targets, labels, temperature, alpha)
    close(got, want, hint="Which power of T is left, and what makes it a mean?")


@points(1, hidden=True)
def test_extremes(submission, rng):
    """logits of thousands and classes ruled out by the teachers stay finite"""
    z, _, labels, _, _ = problem(rng)
    got = submission.soften(np.array([[3000.0, 3000.0, -3000.0]]), 1.5)
    close(got, np.array([[0.5, 0.5, 0.0]]), hint="Does a power overflow?")
    targets = np.eye(5)[labels]
    got = submission.soft_loss(z, targets, 2.0)
    close(got, soft(z, targets, 2.0), hint="What is 0 * ln 0?")


@points(1, after="test_student_gradient", hidden=True)
def test_high_temperature(submission, rng):
    """at a high temperature the student regresses on the teachers' logits"""
    z, v = rng.normal(size=(4, 5)), rng.normal(size=(1, 4, 5))
    z, v = (a - a.mean(axis=-1, keepdims=True) for a in (z, v))
    temperature = 300.0
    targets = softened(v[0], temperature)
    labels = np.zeros(4, int)
    got = submission.student_gradient(z, targets, labels, temperature, 1.0)
    close(got, (z - v[0]) / 5 / 4, rtol=0.02, atol=0.02, hint="What is left of T?")


@points(2, after="test_distillation_loss")
def test_network(submission, rng):
    """a small network learns from two teachers with your loss"""
    labels = np.arange(12) % 3
    images = rng.normal(size=(12, 6, 7, 3)) + np.eye(3)[labels][:, None, None]
    losses = fit(submission.network(), images, labels, 8)
    assert losses[-1] < 0.7 * losses[0], f"the loss went {losses[0]} to {losses[-1]}"
