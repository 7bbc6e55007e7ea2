"""Grades assignments/detection/anchor_targets.py."""

import numpy as np

from course.grading import close, fit, gradient, points

FORBIDDEN = (
    "modules.detection.anchors",
    "modules.detection.box_codec",
    "modules.detection.matching",
    "modules.detection.multi_task_loss",
    "modules.detection.region_proposal_network",
    "keras.utils.bounding_boxes",
    "keras_hub",
    "keras.losses.Huber",
    "keras.losses.huber",
)


def boxes_of(rng, *shape):
    places = rng.uniform(0, 60, (*shape, 2))
    return np.concatenate([places, rng.uniform(4, 30, (*shape, 2))], axis=-1)


def grid(height, width, stride, scales, ratios):
    found = np.zeros((height, width, len(scales) * len(ratios), 4))
    for i, j in np.ndindex(height, width):
        k = 0
        for s in scales:
            for r in ratios:
                w = np.sqrt(s * s / r)
                found[i, j, k] = (j + 0.5) * stride, (i + 0.5) * stride, w, s * s / w
                k += 1
    return found


def deltas_of(boxes, anchors):
    shift = (boxes[..., :2] - anchors[..., :2]) / anchors[..., 2:]
    return np.concatenate([shift, np.log(boxes[..., 2:] / anchors[..., 2:])], axis=-1)


@points(3)
def test_anchors(submission, rng):
    """anchors of every scale and ratio stand in the middle of every cell"""
    scales, ratios = rng.uniform(5, 40, size=2), rng.uniform(0.2, 3, size=3)
    want = grid(2, 5, 12.0, scales, ratios)
    got = submission.anchors(2, 5, 12.0, list(scales), list(ratios))
    close(got, want, hint="Work out w and h for s = 10, r = 4 on paper.")


@points(2)
def test_encode(submission, rng):
    """encode gives the shift in sizes of the anchor, and logarithms of sizes"""
    boxes, anchors = boxes_of(rng, 2, 7), boxes_of(rng, 2, 7)
    close(submission.encode(boxes, anchors), deltas_of(boxes, anchors))


@points(2)
def test_decode(submission, rng):
    """decode agrees with NumPy, and brings back what was encoded"""
    boxes, anchors = boxes_of(rng, 2, 7), boxes_of(rng, 2, 7)
    hint = "What must t = 0 give?"
    close(submission.decode(deltas_of(boxes, anchors), anchors), boxes, hint=hint)


def overlap(rng):
    """Return IoUs in which all three rules matter.

    Anchor 4 is the best that object 2 has, and overlaps object 1 more; anchor 6 is the
    best that object 0 has, far below the low threshold.
    """
    table = rng.uniform(0.01, 0.09, size=(8, 3))
    table[1, 1], table[2, 1], table[3, 1] = rng.uniform([0.75, 0.9, 0.4], [0.8, 1, 0.6])
    table[4] = rng.uniform([0.01, 0.5, 0.4], [0.09, 0.6, 0.45])
    table[5, 2], table[6, 0] = rng.uniform([0.32, 0.15], [0.38, 0.2])
    return table


@points(4)
def test_label(submission, rng):
    """label follows the two thresholds, and gives every object its best anchor"""
    table = overlap(rng)
    want = np.array([0, 1, 1, -1, 1, -1, 1, 0])
    objects = table.argmax(axis=1)
    objects[4], objects[6] = 2, 0
    got = submission.label(table, 0.7, 0.3)
    hint = "Which anchor is the best for object 2? And what else does it overlap?"
    close(got, [want, objects], hint=hint)
    mixed = rng.permutation(8)
    close(submission.label(table[mixed], 0.7, 0.3), [want[mixed], objects[mixed]])


def costs(logits, deltas, labels, targets):
    """Return the loss, and its gradients in logits and deltas, in float64."""
    n = max((labels >= 0).sum(), 1)
    log = np.logaddexp(0, np.where(labels == 1, -logits, logits))
    error = deltas - targets
    smooth = np.where(abs(error) < 1, error**2 / 2, abs(error) - 0.5).sum(axis=-1)
    value = (log[labels >= 0].sum() + smooth[labels == 1].sum()) / n
    slope = (1 / (1 + np.exp(-logits)) - labels) * (labels >= 0) / n
    return value, slope, np.clip(error, -1, 1) * (labels == 1)[:, None] / n


@points(3)
def test_loss(submission, rng):
    """loss agrees with NumPy, and so do its gradients"""
    labels = np.array([1, 0, -1, 0, 1, -1, 0, -1, 1])
    logits = rng.normal(size=9)
    deltas, targets = 1.5 * rng.normal(size=(2, 9, 4))
    value, slope, pull = costs(logits, deltas, labels, targets)
    args = logits, deltas, labels, targets
    hint = "Which anchors count in which of the two sums?"
    close(submission.loss(*args), value, hint=hint)
    got = gradient(submission.loss, *args, wrt=(0, 1))
    close(got, [slope, pull], hint="Do you compute with keras.ops?")


@points(1)
def test_loss_at_the_limits(submission, rng):
    """loss stays finite for sure answers, and is 0 where every anchor is ignored"""
    labels = np.array([1, 0, 0])
    logits, deltas = np.array([-90.0, 80.0, -99.0]), rng.normal(size=(3, 4))
    want = costs(logits, deltas, labels, deltas + 0.5)[0]
    close(submission.loss(logits, deltas, labels, deltas + 0.5), want)
    ignored = np.array([-1, -1, -1])
    close(submission.loss(logits, deltas, ignored, deltas + 0.5), 0.0)


@points(1, after="test_loss")
def test_network(submission, rng):
    """a region proposal network learns from your targets with your loss"""
    boxes = np.array([[[16.0, 20, 22, 14], [44, 40, 9, 25]], [[40, 12, 20, 20]] * 2])
    boxes[1, 1] = [14, 46, 24, 11]
    images = 0.1 * rng.normal(size=(2, 64, 64, 1))
    for image, objects in zip(images, boxes, strict=True):
        for x, y, w, h in objects:
            rows, columns = slice(int(y - h / 2), int(y + h / 2)), int(x - w / 2)
            image[rows, columns : int(x + w / 2)] += 1
    wanted = np.stack([submission.prepare(each, 8, 8) for each in boxes])
    assert wanted.shape == (2, 384, 5), f"targets of shape {wanted.shape}"
    losses = fit(submission.network(1), images, wanted, 10)
    assert losses[-1] < 0.6 * losses[0], f"the loss went {losses[0]} to {losses[-1]}"
