"""Grades assignments/detection/single_shot.py."""

import numpy as np

from course.grading import close, fit, gradient, points

FORBIDDEN = (
    "modules.detection.anchors",
    "modules.detection.ssd",
    "modules.detection.ssd_vgg",
    "modules.detection.multibox_loss",
    "modules.detection.multi_task_loss",
    "modules.detection.matching.keep_top",
    "modules.detection.region_proposal_network",
    "keras_hub",
    "keras.losses.Huber",
    "keras.losses.huber",
)


@points(2)
def test_scales(submission, rng):
    """scales has the first map apart, even steps, and one step beyond"""
    low, step, first = rng.uniform([0.2, 0.1, 0.05], [0.3, 0.2, 0.15])
    want = [first] + [low + k * step for k in range(5)]
    got = submission.scales(5, low, low + 3 * step, first)
    close(got, want, hint="Which scale has the second map, and which the last one?")


def boxes_of(height, width, scale, after, ratios):
    """Return the boxes by loops, cut at the border."""
    found = np.zeros((height, width, 2 + 2 * len(ratios), 4))
    sizes = [(scale, scale), (np.sqrt(scale * after),) * 2]
    for a in ratios:
        h = np.sqrt(scale**2 / a)
        sizes += [(a * h, h), (h, a * h)]
    for i, j in np.ndindex(height, width):
        x, y = (j + 0.5) / width, (i + 0.5) / height
        for k, (w, h) in enumerate(sizes):
            left, right = max(x - w / 2, 0), min(x + w / 2, 1)
            top, bottom = max(y - h / 2, 0), min(y + h / 2, 1)
            middle = (left + right) / 2, (top + bottom) / 2
            found[i, j, k] = *middle, right - left, bottom - top
    return found


@points(4)
def test_priors(submission, rng):
    """priors agrees with NumPy for a map of 3 x 5 and two ratios"""
    scale, more = rng.uniform([0.3, 0.1], [0.4, 0.2])
    ratios = list(rng.uniform([1.5, 2.5], [2.0, 3.0]))
    want = boxes_of(3, 5, scale, scale + more, ratios)
    got = submission.priors(3, 5, scale, scale + more, ratios)
    hint = "Work out the k sizes for scale 0.2, after 0.8 and a = 4 on paper."
    close(got, want, hint=hint)


def case(rng):
    """Return losses and labels of three images with 2, 0 and 5 objects."""
    labels = np.zeros((3, 17), int)
    for row, count in zip(labels, (2, 0, 5), strict=True):
        row[rng.permutation(17)[:count]] = rng.integers(1, 4, size=count)
    losses = rng.permutation(3 * 17).reshape(3, 17) / 10 + 0.05
    losses[labels > 0] += 4  # objects are hard, too
    return losses, labels


def chosen_of(losses, labels, ratio, least):
    want = np.zeros(losses.shape, bool)
    for i, (row, kinds) in enumerate(zip(losses, labels, strict=True)):
        count = max(ratio * (kinds > 0).sum(), least)
        ranked = sorted(np.flatnonzero(kinds == 0), key=lambda a: -row[a])
        want[i, ranked[:count]] = True
    return want


@points(4)
def test_hard(submission, rng):
    """hard takes the background of the highest loss, image by image"""
    losses, labels = case(rng)
    hint = "How many count in each image, and are they those with the highest loss?"
    got = submission.hard(losses, labels, 2, 3)
    close(got, chosen_of(losses, labels, 2, 3), hint=hint)
    got = submission.hard(losses, labels, 3, 0)
    close(got, chosen_of(losses, labels, 3, 0), hint="And with least = 0?")


def costs(losses, chosen, deltas, labels, targets, weight):
    """Return the loss, and its gradients in losses and deltas, in float64."""
    there = labels > 0
    n = max(there.sum(), 1)
    error = deltas - targets
    smooth = np.where(abs(error) < 1, error**2 / 2, abs(error) - 0.5).sum(axis=-1)
    counted = there | chosen
    value = (losses[counted].sum() + weight * smooth[there].sum()) / n
    return value, counted / n, weight * np.clip(error, -1, 1) * there[..., None] / n


@points(3)
def test_loss(submission, rng):
    """loss agrees with NumPy, and so do its gradients"""
    losses, labels = case(rng)
    chosen = chosen_of(losses, labels, 1, 3)
    deltas, targets = 1.5 * rng.normal(size=(2, 3, 17, 4))
    args = losses, chosen, deltas, labels, targets, rng.uniform(0.3, 0.7)
    value, slope, pull = costs(*args)
    hint = "Which boxes count in which of the two sums, and what is N?"
    close(submission.loss(*args), value, hint=hint)
    got = gradient(submission.loss, *args, wrt=(0, 2))
    close(got, [slope, pull], hint="Do you compute with keras.ops?")


@points(1)
def test_loss_without_objects(submission, rng):
    """loss is that of the chosen background alone where there is no object"""
    losses = rng.uniform(0.5, 2, size=(2, 9))
    chosen, labels = losses > 1.2, np.zeros((2, 9), int)
    chosen[0, 0] = True
    deltas, targets = rng.normal(size=(2, 2, 9, 4))
    got = submission.loss(losses, chosen, deltas, labels, targets, 1.0)
    close(got, losses[chosen].sum(), hint="What do you divide by?")


@points(1, after="test_loss")
def test_network(submission, rng):
    """a small SSD learns from your boxes with your loss"""
    boxes = np.array([[0.3, 0.4, 0.35, 0.3], [0.6, 0.5, 0.5, 0.6]])
    images = 0.1 * rng.normal(size=(2, 32, 32, 1))
    for image, (x, y, w, h) in zip(images, boxes, strict=True):
        rows = slice(int(32 * (y - h / 2)), int(32 * (y + h / 2)))
        image[rows, int(32 * (x - w / 2)) : int(32 * (x + w / 2))] += 1
    rows = [(boxes[:1], np.array([1])), (boxes[1:], np.array([2]))]
    wanted = np.stack([submission.prepare(*row) for row in rows])
    assert wanted.shape == (2, 336, 5), f"targets of shape {wanted.shape}"
    losses = fit(submission.network(), images, wanted, 10)
    assert losses[-1] < 0.85 * losses[0], f"the loss went {losses[0]} to {losses[-1]}"
