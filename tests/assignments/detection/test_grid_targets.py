"""Grades assignments/detection/grid_targets.py."""

import numpy as np

from course.grading import close, fit, gradient, points

FORBIDDEN = ("modules.detection.yolo", "modules.detection.yolo_network", "keras_hub")


def boxes_of(rng, rows, columns):
    """Return a box in each of five cells of different rows and columns, and these."""
    at = np.array([[0, 4], [1, 2], [2, 6], [0, 0], [2, 3]])
    within = rng.uniform([0.1, 0.6], [0.4, 0.9], size=(5, 2))  # x, y in the cell
    within[::2] = within[::2, ::-1]
    x, y = (at[:, 1] + within[:, 0]) / columns, (at[:, 0] + within[:, 1]) / rows
    sizes = rng.uniform(0.3, 0.7, size=(5, 2))
    return np.concatenate([np.stack([x, y], axis=-1), sizes], axis=-1), at, within


@points(2)
def test_cells(submission, rng):
    """cells finds row and column of every centre"""
    boxes, at, _ = boxes_of(rng, 3, 7)
    hint = "In a grid of 3 rows and 7 columns, where is x = 0.9, y = 0.1?"
    close(submission.cells(boxes, 3, 7), at, hint=hint)


@points(2)
def test_encode(submission, rng):
    """encode gives the place in the cell and the roots of the sizes"""
    boxes, _, within = boxes_of(rng, 3, 7)
    want = np.concatenate([within, np.sqrt(boxes[:, 2:])], axis=-1)
    hint = "What must a centre in the middle of its cell give?"
    close(submission.encode(boxes, 3, 7), want, hint=hint)


@points(3)
def test_decode(submission, rng):
    """decode agrees with NumPy in every cell"""
    places = rng.uniform(0.1, 0.9, size=(12, 2, 4))
    want = places.copy()
    want[..., 2:] *= want[..., 2:]
    for i, j in np.ndindex(3, 4):
        want[4 * i + j, :, :2] += j, i
    want[..., :2] /= 4, 3
    got = submission.decode(places, 3, 4)
    close(got, want, hint="In which row is cell number 5 of a grid of 3 x 4?")


@points(2)
def test_responsible(submission, rng):
    """responsible looks at overlap, and at distance where there is none"""
    overlaps = rng.uniform(0.05, 0.15, size=(6, 3))
    want = np.array([2, 0, 1, 1, 2, 1])
    cell = np.arange(6)
    low = np.array([0.6, 0.6, 0.2, 0.2, 0, 0])
    overlaps[cell, want] = rng.uniform(low, low + 0.2)
    overlaps[0, 0] = overlaps[1, 2] = 0
    overlaps[4:] = 0
    distances = rng.uniform(0.5, 0.9, size=(6, 3))
    low = np.array([1, 1, 1, 1, 0.1, 0.1])  # the right box is far where others touch
    distances[cell, want] = rng.uniform(low, low + 0.2)
    distances[[4, 5], [1, 2]] += 1  # so the first box is not the farthest there
    hint = "Which boxes of which cells touch nothing at all?"
    close(submission.responsible(overlaps, distances), want, hint=hint)


def case(rng):
    """Return the arguments of loss: 7 cells, 2 boxes, 3 classes, 3 things."""
    labels = np.array([-1, 2, -1, -1, 0, 1, -1])
    chosen = np.array([0, 1, 1, 0, 0, 1, 1])
    places, wanted = rng.uniform(-1, 1, (7, 2, 4)), rng.uniform(0, 1, (7, 4))
    confidences, scores = rng.uniform(0.2, 1, (7, 2)), rng.uniform(0.1, 1, (7, 3))
    overlaps = rng.uniform(0.1, 0.6, (7, 2))
    weights = rng.uniform([3, 0.2], [5, 0.6])
    return places, confidences, scores, wanted, overlaps, chosen, labels, *weights


def costs(places, confidences, scores, wanted, overlaps, chosen, labels, coord, noobj):
    """Return the loss, and its gradients in the first three, by loops."""
    slopes = [np.zeros(a.shape) for a in (places, confidences, scores)]
    total = 0.0
    for a, b in np.ndindex(confidences.shape):
        if labels[a] >= 0 and b == chosen[a]:
            miss, off = places[a, b] - wanted[a], confidences[a, b] - overlaps[a, b]
            total += coord * (miss**2).sum() + off**2
            slopes[0][a, b], slopes[1][a, b] = 2 * coord * miss, 2 * off
        else:
            total += noobj * confidences[a, b] ** 2
            slopes[1][a, b] = 2 * noobj * confidences[a, b]
    for a in np.flatnonzero(labels >= 0):
        miss = scores[a] - np.eye(scores.shape[1])[labels[a]]
        total += (miss**2).sum()
        slopes[2][a] = 2 * miss
    return total, slopes


@points(4)
def test_loss(submission, rng):
    """loss agrees with NumPy, and so do its gradients"""
    args = case(rng)
    value, slopes = costs(*args)
    hint = "Which boxes count in which of the four sums?"
    close(submission.loss(*args), value, hint=hint)
    got = gradient(submission.loss, *args, wrt=(0, 1, 2))
    close(got, slopes, hint="Do you compute with keras.ops?")


@points(1)
def test_loss_of_an_image_without_things(submission, rng):
    """loss has only the confidences where there is no thing"""
    args = list(case(rng))
    args[6] = np.full(7, -1)
    want = args[8] * (args[1] ** 2).sum()
    close(submission.loss(*args), want, hint="Does a box of label -1 have a place?")


@points(1, after="test_loss")
def test_network(submission, rng):
    """a small network learns from your targets with your loss"""
    boxes = np.array([[[0.3, 0.4, 0.3, 0.4]], [[0.7, 0.6, 0.4, 0.5]]])
    images = 0.1 * rng.normal(size=(2, 32, 48, 1))
    for image, [(x, y, w, h)] in zip(images, boxes, strict=True):
        rows = slice(int(32 * (y - h / 2)), int(32 * (y + h / 2)))
        image[rows, int(48 * (x - w / 2)) : int(48 * (x + w / 2))] += 1
    classes = np.array([[1], [2]])
    pairs = zip(boxes, classes, strict=True)
    wanted = np.stack([submission.prepare(*pair) for pair in pairs])
    assert wanted.shape == (2, 24, 9), f"targets of shape {wanted.shape}"
    losses = fit(submission.network(), images, wanted, 10)
    assert losses[-1] < 0.7 * losses[0], f"the loss went {losses[0]} to {losses[-1]}"
