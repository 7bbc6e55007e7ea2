"""Grades assignments/vision/segmentation/decoder_parts.py."""

import numpy as np

from course.grading import close, fit, gradient, points, raises

FORBIDDEN = (
    "modules.vision.segmentation.crop",
    "modules.vision.segmentation.pixel_cross_entropy",
    "modules.vision.segmentation.unet.join",
    "modules.vision.classification.label_smoothing",
    "modules.foundations.learning.losses",
    "layers.Cropping2D",
    "layers.CenterCrop",
    "layers.Conv2DTranspose",
    "ops.conv_transpose",
    "ops.categorical_crossentropy",
    "ops.sparse_categorical_crossentropy",
    "keras.losses",
    "nn.conv2d_transpose",
    "nn.max_pool_with_argmax",
    "nn.softmax_cross_entropy_with_logits",
    "nn.sparse_softmax_cross_entropy_with_logits",
)

THINGS = np.array(
    [
        [0, 1, 1, 0, 0, 0, 0, 0, 0],
        [0, 1, 1, 0, 2, 2, 0, 0, 0],
        [0, 0, 0, 0, 2, 2, 0, 0, 0],
        [0, 0, 0, 0, 0, 2, 0, 0, 0],
        [0, 0, 0, 0, 0, 0, 0, 0, 0],
        [0, 3, 0, 0, 0, 0, 0, 0, 0],
        [0, 3, 3, 0, 0, 0, 0, 0, 0],
    ]
)


def pooled(x):
    """Return the maxima and their indices, window by window."""
    batch, height, width, channels = x.shape
    y = np.zeros((batch, height // 2, width // 2, channels))
    indices = np.zeros(y.shape, int)
    for b, i, j, c in np.ndindex(y.shape):
        places = [(2 * i + u, 2 * j + v) for u in (0, 1) for v in (0, 1)]
        best = max(places, key=lambda place: x[b, *place, c])  # noqa: B023
        y[b, i, j, c] = x[b, *best, c]
        indices[b, i, j, c] = best[0] * width + best[1]
    return y, indices


def unpooled(y, indices, height, width):
    found = np.zeros((len(y), height * width, y.shape[-1]))
    for b, i, j, c in np.ndindex(y.shape):
        found[b, indices[b, i, j, c], c] = y[b, i, j, c]
    return found.reshape(len(y), height, width, -1)


def weighed(instances, count, w0, sigma):
    weights = np.ones(instances.shape)
    for place in np.argwhere(instances == 0) if count > 1 else ():
        near = sorted(
            min(np.hypot(*(place - p)) for p in np.argwhere(instances == i))
            for i in range(1, count + 1)
        )
        weights[tuple(place)] += w0 * np.exp(-((near[0] + near[1]) ** 2) / 2 / sigma**2)
    return weights


def loss(logits, labels, weights, ignore):
    log_p = logits - logits.max(axis=-1, keepdims=True)
    log_p = log_p - np.log(np.exp(log_p).sum(axis=-1, keepdims=True))
    counts = labels != ignore
    right = np.take_along_axis(log_p, np.where(counts, labels, 0)[..., None], -1)
    return -(weights * right[..., 0])[counts].sum() / weights[counts].sum()


@points(2)
def test_join(submission, rng):
    """the skip is cut around the middle and stands before the other map"""
    skip, up = rng.normal(size=(2, 8, 9, 3)), rng.normal(size=(2, 4, 3, 3))
    want = np.concatenate([skip[:, 2:6, 3:6], up], axis=-1)
    close(submission.join(skip, up), want, hint="How many pixels go, and where?")
    same = np.concatenate([skip, skip[..., :1]], axis=-1)
    close(submission.join(skip, skip[..., :1]), same, hint="maps of one size")
    raises("ValueError", submission.join, skip, up[:, :3])
    raises("ValueError", submission.join, up, skip)


@points(2)
def test_up_convolution(submission, rng):
    """each pixel becomes two rows and two columns, by four matrices"""
    x, kernel = rng.normal(size=(2, 3, 4, 3)), rng.normal(size=(2, 2, 3, 5))
    want = np.zeros((2, 6, 8, 5))
    for u, v in np.ndindex(2, 2):
        want[:, u::2, v::2] = x @ kernel[u, v]
    got = submission.up_convolution(x, kernel)
    close(got, want, hint="What stands in row 0, column 1?")


@points(3)
def test_pool_with_indices(submission, rng):
    """the maximum of each window, and which pixel of the channel it was"""
    x = rng.normal(size=(2, 4, 6, 3))
    hint = "Row i, column j has the index i * W + j."
    close(submission.pool_with_indices(x), pooled(x), hint=hint)
    x = np.maximum(x, 0.3)  # as behind a ReLU
    hint = "Which of equal maxima counts?"
    close(submission.pool_with_indices(x), pooled(x), hint=hint)


@points(3)
def test_unpool(submission, rng):
    """each value goes back where it came from, and three of four pixels are 0"""
    y, indices = pooled(rng.normal(size=(2, 4, 6, 3)))
    got = submission.unpool(y, indices, 4, 6)
    hint = "Has each channel its own indices?"
    close(got, unpooled(y, indices, 4, 6), hint=hint)
    slope = rng.normal(size=(2, 4, 6, 3))
    flows = gradient(submission.unpool, y, indices, 4, 6, wrt=0, cotangent=slope)
    places = indices.reshape(2, 6, 3)
    want = np.take_along_axis(slope.reshape(2, 24, 3), places, 1).reshape(y.shape)
    close(flows, want, hint="The gradient of a value is that at its place.")


@points(1, after="test_unpool")
def test_pooling_undoes_unpooling(submission, rng):
    """what was unpooled and is pooled again is what it was, where it is above 0"""
    y, indices = pooled(rng.uniform(0.5, 2, size=(2, 6, 4, 3)))
    up = submission.unpool(y, indices, 6, 4)
    close(submission.pool_with_indices(up), (y, indices), hint="Are both right?")


@points(3)
def test_border_weights(submission):
    """the ground between two things counts most, and things count 1"""
    for count, w0, sigma in ((3, 10.0, 2.0), (2, 4.0, 3.5)):
        instances = np.where(THINGS <= count, THINGS, 0)
        want = weighed(instances, count, w0, sigma)
        got = submission.border_weights(instances, count, w0, sigma)
        close(got, want, hint=f"{count} things: what are d1 and d2 of pixel [0, 3]?")
    one = np.where(THINGS == 1, 1, 0)
    got = submission.border_weights(one, 1, 10.0, 2.0)
    close(got, np.ones(one.shape), hint="With one thing there is nothing between.")


@points(3)
def test_pixel_loss(submission, rng):
    """the weighted mean over the pixels that count, and only those"""
    logits, weights = 2 * rng.normal(size=(2, 3, 5, 4)), rng.uniform(1, 4, (2, 3, 5))
    labels = rng.integers(4, size=(2, 3, 5))
    for ignore in (255, -1):
        labels[0, :2] = labels[1, 2, 3] = ignore
        want = loss(logits, labels, weights, ignore)
        got = submission.pixel_loss(logits, labels, weights, ignore)
        close(got, want, hint=f"ignore = {ignore}: what do you divide by?")
    got = submission.pixel_loss(100 * logits, labels, weights, -1)
    want = loss(100 * logits, labels, weights, -1)
    close(got, want, hint="Are large logits finite?")
    got = submission.pixel_loss(logits, 0 * labels - 1, weights, -1)
    close(got, 0.0, hint="No pixel counts.")


@points(1, after="test_pixel_loss", hidden=True)
def test_loss_gradient(submission, rng):
    """ignored pixels get no gradient, and new names of the classes change nothing"""
    logits, weights = rng.normal(size=(2, 3, 4, 3)), rng.uniform(1, 4, (2, 3, 4))
    labels = rng.integers(3, size=(2, 3, 4))
    labels[1, 1:] = 255
    counts = (labels != 255)[..., None]
    p = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    w = weights[..., None] * counts
    want = w * (p - np.eye(3)[np.where(labels == 255, 0, labels)]) / w.sum()
    got = gradient(submission.pixel_loss, logits, labels, weights, 255, wrt=0)
    close(got, want, hint="softmax less one-hot, weighed")
    order = np.array([2, 0, 1])
    named = np.where(labels == 255, 255, np.argsort(order)[labels % 255])
    got = submission.pixel_loss(logits[..., order], named, weights, 255)
    close(got, loss(logits, labels, weights, 255), hint="classes renamed")


@points(2, after="test_pooling_undoes_unpooling")
def test_network(submission, rng):
    """a network with both ways up learns, with your loss, some labels being unknown"""
    images = rng.uniform(size=(6, 12, 16, 3))
    labels = images.argmax(-1)[:, 2:-2, 2:-2]
    labels[:, :2, :5] = 255
    y = np.stack([labels, 1 + (labels == 1)], axis=-1)
    losses = fit(submission.network(), images, y.astype(float), 10)
    assert losses[-1] < 0.9 * losses[0], f"the loss went {losses[0]} to {losses[-1]}"
