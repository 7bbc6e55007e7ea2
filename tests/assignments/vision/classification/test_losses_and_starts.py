"""Grades assignments/vision/classification/losses_and_starts.py."""

import numpy as np

from course.grading import close, fit, gradient, points

FORBIDDEN = (
    "modules.vision.classification.label_smoothing",
    "modules.vision.classification.prelu",
    "modules.vision.classification.he_initialization",
    "modules.vision.classification.local_response_normalization",
    "layers.PReLU",
    "losses.CategoricalCrossentropy",
    "losses.categorical_crossentropy",
    "initializers.HeNormal",
    "initializers.VarianceScaling",
    "nn.local_response_normalization",
    "nn.lrn",
    "GradientTape",
    "tf.gradients",
)


def targets(labels, classes, epsilon):
    rows = np.full((len(labels), classes), epsilon / classes)
    rows[np.arange(len(labels)), labels] += 1 - epsilon
    return rows


def signs(rng, *shape):
    """Return values away from 0, half of them negative."""
    size = int(np.prod(shape))
    sign = rng.permutation(np.resize([1.0, -1.0], size))
    return (sign * rng.uniform(0.3, 2, size=size)).reshape(shape)


@points(2)
def test_smooth_targets(submission, rng):
    """every target keeps 1 - epsilon for its label and shares epsilon among all"""
    labels = rng.permutation([0, 4, 2, 2, 3, 1])
    for epsilon in (rng.uniform(0.1, 0.4), 0.0):
        got = submission.smooth_targets(labels, 5, epsilon)
        close(got, targets(labels, 5, epsilon), hint="What does each row sum to?")


@points(2)
def test_classification_loss(submission, rng):
    """the loss is smoothed in training, and plain in evaluation"""
    logits, labels = 2 * rng.normal(size=(6, 5)), rng.permutation([0, 4, 2, 2, 3, 1])
    epsilon = rng.uniform(0.2, 0.4)
    log_p = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
    for training in (True, False):
        target = targets(labels, 5, epsilon if training else 0)
        want = -(target * log_p).sum(-1).mean()
        got = submission.classification_loss(logits, labels, epsilon, training)
        close(got, want, hint=f"with training={training}: which targets belong here?")


@points(1)
def test_epsilon_for_gap(submission, rng):
    """epsilon_for_gap finds the smoothing whose best logits have a given gap"""
    for classes in (10, 3):
        epsilon = rng.uniform(0.05, 0.3)
        right, wrong = 1 - epsilon + epsilon / classes, epsilon / classes
        got = submission.epsilon_for_gap(classes, float(np.log(right / wrong)))
        close(got, epsilon, rtol=1e-3, hint="What are the two targets?")


@points(1)
def test_prelu_start(submission):
    """a PReLU starts with the paper's slopes, as many as the paper has"""
    got = submission.prelu_start((4, 3, 5))
    close(got, np.full(5, 0.25), hint="Is there one slope a channel, and which?")


@points(2)
def test_prelu(submission, rng):
    """prelu scales what is negative, with any slopes"""
    x, slopes = signs(rng, 2, 4, 3, 5), rng.permutation([-0.5, 0, 0.25, 1, 1.5])
    want = np.where(x > 0, x, slopes * x)
    close(submission.prelu(x, slopes), want, hint="What may slopes not change?")


@points(2)
def test_slope_gradient(submission, rng):
    """slope_gradient agrees with finite differences of the loss"""
    x, dy = signs(rng, 2, 4, 3, 5), signs(rng, 2, 4, 3, 5)
    step = 1e-3
    want = np.zeros(5)
    for c in range(5):
        for sign in (1, -1):
            slopes = np.full(5, 0.25) + sign * step * (np.arange(5) == c)
            y = np.where(x > 0, x, slopes * x)
            want[c] += sign * (dy * y).sum() / (2 * step)

    got = submission.slope_gradient(dy, x)
    close(got, want, hint="How many values of y does one slope reach?")


@points(3)
def test_he_kernel(submission, rng):
    """he_kernel gives layers a gain of 1, dense and convolutional, with any slope"""
    for shape in [(7, 11), (3, 5, 4, 6)]:
        for slope in (0.0, rng.uniform(0.3, 0.6)):
            noise = rng.normal(size=shape)
            meet = noise[..., 0].size
            want = noise / np.sqrt((1 + slope**2) / 2 * meet)
            got = submission.he_kernel(noise, slope)
            close(got, want, hint=f"for {shape}: how many weights meet in one value?")


@points(2)
def test_local_response(submission, rng):
    """local_response divides by the energy of neighbouring channels"""
    x = signs(rng, 2, 4, 3, 7)
    k, alpha, beta = rng.uniform(1, 2), rng.uniform(1, 2), rng.uniform(0.6, 0.9)
    for size in (3, 5):
        want = np.zeros(x.shape)
        for c in range(7):
            near = x[..., max(0, c - size // 2) : c + size // 2 + 1]
            energy = (near**2).sum(-1)
            want[..., c] = x[..., c] / (k + alpha / size * energy) ** beta
        got = submission.local_response(x, size, k, alpha, beta)
        close(got, want, hint=f"with size {size}: which channels does channel 0 see?")


@points(1, hidden=True)
def test_more_neighbours_than_channels(submission, rng):
    """a window that is wider than all channels takes them all"""
    x = signs(rng, 2, 4, 3, 2)
    energy = (x**2).sum(-1, keepdims=True)
    want = x / (1 + 0.5 / 5 * energy) ** 0.75
    got = submission.local_response(x, 5, 1.0, 0.5, 0.75)
    close(got, want, hint="Are there zeros beyond the last channel?")


@points(1, after="test_he_kernel")
def test_signal(submission):
    """the second moment survives thirty layers with your weights"""
    got = submission.signal()
    close(got, 1.0, rtol=0.7, hint="keep signal as it was given")


@points(2, after="test_classification_loss")
def test_network(submission, rng):
    """gradients flow through your pieces, and a network trains with them"""
    x, dy = signs(rng, 2, 4, 3, 5), signs(rng, 2, 4, 3, 5)
    slopes = rng.uniform(0.1, 0.9, 5)
    got = gradient(submission.prelu, x, slopes, wrt=1, cotangent=dy)
    close(got, (dy * np.minimum(x, 0)).sum((0, 1, 2)), hint="Is prelu in keras.ops?")

    labels = np.arange(12) % 3
    images = rng.normal(size=(12, 4, 5, 3)) + 2 * np.eye(3)[labels][:, None, None]
    losses = fit(submission.network(), images, labels, 10)
    assert losses[-1] < 0.8 * losses[0], f"the loss went {losses[0]} to {losses[-1]}"
