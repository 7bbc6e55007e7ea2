"""Grades assignments/detection/soft_suppression.py."""

import numpy as np

from course.grading import close, fit, gradient, points

FORBIDDEN = (
    "modules.detection.boxes",
    "modules.detection.average_precision",
    "keras.utils.bounding_boxes",
    "tf.image.non_max_suppression_with_scores",
    "tf.image.non_max_suppression",
)


def boxes_of(rng, count, far=40):
    """Return boxes of sizes 5 to 25, many of which overlap."""
    corners, sizes = rng.uniform(0, far, (count, 2)), rng.uniform(5, 25, (count, 2))
    return np.concatenate([corners, corners + sizes], axis=1)


def three_areas(a, b):
    a, b = a[:, None], b[None]
    shared = np.minimum(a[..., 2:], b[..., 2:]) - np.maximum(a[..., :2], b[..., :2])
    around = np.maximum(a[..., 2:], b[..., 2:]) - np.minimum(a[..., :2], b[..., :2])
    both = np.maximum(shared, 0).prod(axis=-1)
    sizes = [(box[..., 2:] - box[..., :2]).prod(axis=-1) for box in (a, b)]
    return both, sizes[0] + sizes[1] - both, around.prod(axis=-1)


def overlap(a, b):
    both, either, _ = three_areas(a, b)
    return both / either


def giou(a, b):
    both, either, hull = three_areas(a, b)
    return both / either - (hull - either) / hull


@points(2)
def test_areas(submission, rng):
    """areas of the intersection, the union and the hull of every two boxes"""
    a, b = boxes_of(rng, 5), boxes_of(rng, 4)
    a[0], b[0] = [0, 0, 9, 7], [30, 40, 35, 44]  # apart both ways
    a[1], b[1] = [0, 0, 9, 7], [3, 20, 8, 30]  # apart one way
    want = three_areas(a, b)
    hint = "Work out two boxes that lie apart on paper: what do they share?"
    close(submission.areas(a, b), list(want), hint=hint)


@points(2)
def test_generalized_iou(submission, rng):
    """generalized_iou agrees with NumPy, and has a gradient for boxes that lie apart"""
    a, b = boxes_of(rng, 5), boxes_of(rng, 4)
    a[0] = [100, 100, 108, 105]
    close(submission.generalized_iou(a, b), giou(a, b), hint="What is divided by what?")
    want, step = np.zeros(4), 1e-4
    for i in range(4):
        move = step * np.eye(4)[i]
        change = giou(a[:1] + move, b) - giou(a[:1] - move, b)
        want[i] = change.sum() / (2 * step)
    got = gradient(submission.generalized_iou, a[:1], b)
    close(got, want[None], rtol=1e-2, atol=1e-2, hint="Do you compute with keras.ops?")


def softened(overlaps, scores, classes, sigma):
    """Return the final scores, box by box."""
    scores, left = scores.copy(), set(range(len(scores)))
    while left:
        best = max(left, key=lambda i: scores[i])
        left.remove(best)
        for i in left:
            if classes[i] == classes[best]:
                scores[i] *= np.exp(-(overlaps[best, i] ** 2) / sigma)
    return scores


@points(3)
def test_soft_suppress(submission, rng):
    """soft_suppress lowers the scores of overlapped boxes of the same class"""
    boxes = boxes_of(rng, 9, far=20)
    overlaps = overlap(boxes, boxes)
    scores = (rng.permutation(9) + rng.uniform(0.3, 0.7, size=9)) / 9.5
    classes = np.array([0, 1, 0, 0, 1, 0, 2, 0, 0])
    got = submission.soft_suppress(overlaps, scores, classes, 0.4)
    want = softened(overlaps, scores, classes, 0.4)
    close(got, want, hint="Which box is taken third, and what is its score by then?")


@points(1)
def test_soft_suppress_takes_the_best_that_is_left(submission):
    """a box that has been lowered below another waits for its turn"""
    overlaps = np.array([[1, 0.9, 0.1], [0.9, 1, 0.6], [0.1, 0.6, 1]])
    scores, classes = np.array([0.9, 0.8, 0.7]), np.array([4, 4, 4])
    third = 0.7 * np.exp(-0.01 / 0.5)
    second = 0.8 * np.exp(-0.81 / 0.5) * np.exp(-0.36 / 0.5)
    got = submission.soft_suppress(overlaps, scores, classes, 0.5)
    hint = "After the first box the third has a higher score than the second."
    close(got, np.array([0.9, second, third]), hint=hint)


@points(2)
def test_found(submission, rng):
    """found marks the detections that take an object, and no object is taken twice"""
    overlaps = np.array([[0.2, 0.3], [0.8, 0.6], [0.9, 0.1], [0.7, 0.55], [0.4, 0.85]])
    scores = np.array([0.95, 0.5, 0.7, 0.1, 0.4]) + rng.uniform(0, 0.04, size=5)
    # 0 is too far off both; 2 takes object 0; 1 prefers it too and takes object 1
    want = np.array([False, True, True, False, False])
    hint = "From the highest score down: which objects are left for each?"
    close(submission.found(scores, overlaps, 0.5), want, hint=hint)
    mixed = np.array([3, 4, 2, 0, 1])
    got = submission.found(scores[mixed], overlaps[mixed], 0.5)
    close(got, want[mixed], hint=hint)


@points(2)
def test_average_precision(submission, rng):
    """average_precision agrees with the sum over all hits, in any order of the list"""
    order = [True, False, True, True, False, False, True, False]  # of 6 objects
    want = (1 + 3 / 4 + 3 / 4 + 4 / 7) / 6
    scores = np.sort(rng.uniform(0.1, 0.9, size=8))[::-1] + np.linspace(0.08, 0, 8)
    mixed = np.array([4, 6, 0, 7, 3, 1, 5, 2])
    got = submission.average_precision(scores[mixed], np.array(order)[mixed], 6)
    close(got, want, hint="Write down precision after each detection, by hand.")


@points(1, after="test_soft_suppress")
def test_crowd(submission):
    """in a crowd soft suppression is worth more than hard suppression, and than none"""
    objects = np.array([[0, 0, 10, 20], [4, 0, 14, 20], [30, 0, 42, 9], [35, 0, 47, 9]])
    boxes = np.repeat(objects, 2, axis=0) + 0.2 * np.array([[0, 1] * 4]).T
    scores = np.array([0.95, 0.9, 0.6, 0.55, 0.94, 0.89, 0.62, 0.57])
    got = submission.crowd(scores, boxes, objects.astype(float), 0.5)
    # raw: right, right, wrong, wrong, right, right; hard: two objects are gone
    want = {"raw": (1 + 1 + 4 / 6 + 4 / 6) / 4, "hard": 0.5, "soft": 1.0}
    close(got, want)


@points(1, after="test_generalized_iou")
def test_regressor(submission, rng):
    """boxes find targets that lie apart from them, by the gradient of your GIoU"""
    targets = np.array([[0.5, 0.6, 0.8, 0.9], [0.3, 0.2, 0.9, 0.5]])
    losses = fit(submission.regressor(2), np.array([[0], [1]]), targets, 10)
    first = 1 - np.diagonal(giou(np.tile([0.0, 0, 0.1, 0.1], (2, 1)), targets)).mean()
    close(losses[0], first)
    assert losses[-1] < losses[0] - 0.3, f"the loss went {losses[0]} to {losses[-1]}"
