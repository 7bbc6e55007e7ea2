"""Exercise: softer suppression, an overlap with a gradient, and what they are worth.

Non-maximum suppression deletes a box that overlaps a better one, and with it the
second of two things that stand close together. Soft-NMS lowers its score instead.
Intersection over union has no gradient for boxes that lie apart; the generalised one
has. Average precision tells whether either helped.

Paper: Bodla, Singh, Chellappa and Davis, "Soft-NMS", ICCV 2017.
Link:  https://arxiv.org/abs/1704.04503 (section 3)
Paper: Rezatofighi et al., "Generalized Intersection over Union", CVPR 2019.
Link:  https://arxiv.org/abs/1902.09630 (section 3, algorithm 1)
See:   modules/detection/non_maximum_suppression.py, average_precision.py
Needs: detection (boxes, suppression, average precision)
Time:  60 minutes
Grade: python -m course grade detection/soft_suppression

A box is (left, top, right, bottom): the places of its edges, so that it is right - left
wide. No number of pixels is to be added. Every box here has width and height > 0.

When your functions are right, see suppression at work on a scene:
python -m course demo detection/suppression
"""

import keras
import numpy as np
from keras import layers, ops

from modules.detection.non_maximum_suppression import non_maximum_suppression


def areas(boxes1, boxes2):
    """Return three areas for every pair of boxes: of both, of either, of the hull.

    The first is what the two boxes share, 0 if they lie apart. The second is what at
    least one of them covers. The third is the area of the smallest box around the two.

    Use keras.ops and not NumPy, since gradients must flow through.

    Args:
        boxes1: (N, 4) float.
        boxes2: (M, 4) float.

    Returns:
        Three tensors (N, M): intersection, union, hull.
    """
    # BEGIN SOLUTION compare every box with every other
    # HINT boxes1[:, None] is (N, 1, 4) and boxes2[None] is (1, M, 4): they broadcast.
    # HINT The shared box begins at the larger left and ends at the smaller right.
    # HINT Boxes that lie apart have a negative width in common: ops.maximum(width, 0).
    a, b = boxes1[:, None], boxes2[None]
    # WRONG a, b = (
    # WRONG     ops.concatenate([box[..., :2], box[..., :2] + box[..., 2:]], axis=-1)
    # WRONG     for box in (boxes1[:, None], boxes2[None])
    # WRONG )
    # WHY you read the last two numbers as width and height; they are the right and the
    # WHY bottom edge
    shared = ops.minimum(a[..., 2:], b[..., 2:]) - ops.maximum(a[..., :2], b[..., :2])
    # WRONG shared = ops.minimum(a[..., 2:], b[..., 2:]) + 1
    # WRONG shared = shared - ops.maximum(a[..., :2], b[..., :2])
    # WHY you add 1 to widths and heights, as if edges were numbers of pixels; here they
    # WHY are places, and a box from 2 to 5 is 3 wide
    intersection = ops.prod(ops.maximum(shared, 0), axis=-1)
    # WRONG intersection = ops.prod(shared, axis=-1)
    # WHY boxes that lie apart get an intersection: two negative sides even make a
    # WHY positive area, so cut each side off at 0
    # WRONG intersection = ops.prod(ops.abs(shared), axis=-1)
    # WHY the gap between boxes that lie apart is no intersection: cut each side off at
    # WHY 0 instead of taking its absolute value
    sizes = [ops.prod(box[..., 2:] - box[..., :2], axis=-1) for box in (a, b)]
    union = sizes[0] + sizes[1] - intersection
    # WRONG union = sizes[0] + sizes[1]
    # WHY what the boxes share is counted twice in the union: subtract it once
    around = ops.maximum(a[..., 2:], b[..., 2:]) - ops.minimum(a[..., :2], b[..., :2])
    hull = ops.prod(around, axis=-1)
    # WRONG hull = sizes[0] + sizes[1]
    # WHY the hull is the smallest box around both, not the sum of their areas
    return intersection, union, hull
    # END SOLUTION


def generalized_iou(boxes1, boxes2):
    """Return the generalised intersection over union of every pair.

        GIoU = intersection / union - (hull - union) / hull

    It is 1 for equal boxes, and goes to -1 as boxes move away from each other.
    Use your `areas`. Gradients must flow through.

    Args:
        boxes1: (N, 4) float.
        boxes2: (M, 4) float.

    Returns:
        (N, M) float.
    """
    # BEGIN SOLUTION the overlap, less the share of the hull that is empty
    # HINT hull - union is what neither of the boxes covers.
    intersection, union, hull = areas(boxes1, boxes2)
    return intersection / union - (hull - union) / hull
    # WRONG return intersection / union - (hull - union) / union
    # WHY you divide the empty part by the union; it is a share of the hull
    # WRONG return intersection / union
    # WHY this is the plain IoU: it is 0 for all boxes that lie apart, near or far
    # WRONG return intersection / union - union / hull
    # WHY you subtract the share that the boxes cover; subtract the empty one
    # WRONG return intersection / hull - (hull - union) / hull
    # WHY the first term is the IoU, and is divided by the union, not by the hull
    # END SOLUTION


def soft_suppress(overlaps, scores, classes, sigma):
    """Return what the scores become when overlapped boxes are made less sure.

    Of the boxes not yet taken, take the one whose score is highest now; its score is
    final. Multiply the score of each box not yet taken, and of the same class, by

        exp(-overlap^2 / sigma)

    where overlap is its IoU with the box just taken. Repeat until all are taken. No
    two scores are ever equal in the checks.

    Args:
        overlaps: (N, N) float, the IoU of every two boxes.
        scores: (N,) float in (0, 1).
        classes: (N,) int.
        sigma: float > 0.

    Returns:
        (N,) float: the final scores, in the order of the input.
    """
    # BEGIN SOLUTION take the best that is left, lower the rest, repeat
    # HINT Keep an array of what is still open, and loop N times.
    # HINT best = ops.argmax(ops.where(open_, scores, -1))
    # HINT factor = ops.exp(-ops.square(overlaps[best]) / sigma)
    scores = ops.convert_to_tensor(scores)
    count = len(overlaps)
    left = ops.ones(count, "bool")
    for _ in range(count):
        best = ops.argmax(ops.where(left, scores, -1))
        # WRONG best = ops.argmin(ops.where(left, scores, 2))
        # WHY you take the lowest score first, so bad boxes lower the good ones
        left = left & (ops.arange(count) != best)
        # WRONG left = left & (ops.arange(count) != best) & (overlaps[best] <= 0.5)
        # WHY a box that overlaps much is taken out at once, with its score as it was:
        # WHY it must stay, so that later boxes lower it too
        factor = ops.exp(-ops.square(overlaps[best]) / sigma)
        # WRONG factor = ops.exp(-overlaps[best] / sigma)
        # WHY the overlap is not squared
        # WRONG factor = ops.exp(-ops.square(overlaps[best]) / (2 * sigma**2))
        # WHY you divide by 2 sigma^2 as in a normal distribution; here it is sigma
        # WRONG factor = 1 - overlaps[best]
        # WHY this is the paper's linear rule; the statement asks for the other one
        # WRONG factor = ops.cast(overlaps[best] <= 0.5, "float32")
        # WHY this is the old, hard suppression: scores are kept or become 0
        alike = left & (classes == classes[best])
        # WRONG alike = left
        # WHY boxes of different classes lower each other: a person in front of a
        # WHY horse is no reason to doubt the horse
        # WRONG alike = classes == classes[best]
        # WHY boxes that were taken earlier are lowered again; their scores are final
        scores = ops.where(alike, scores * factor, scores)
        # WRONG pass
        # WHY no score changes
    return scores
    # WRONG return ops.flip(ops.sort(scores))
    # WHY you return the scores sorted; the statement wants them in the input's order
    # END SOLUTION


def found(scores, overlaps, threshold):
    """Return which detections find an object, of one class in one image.

    Go through the detections from the highest score down. Each takes, of the objects
    that are not yet taken, the one that it overlaps most, if that IoU is >= threshold.
    If it takes one it is right, else it is wrong. No two scores are equal, nor two
    overlaps.

    Args:
        scores: (D,) float.
        overlaps: (D, N) float, IoU of detections and objects, N >= 1.
        threshold: float.

    Returns:
        (D,) bool, in the order of the input.
    """
    # BEGIN SOLUTION from the highest score down, each object once
    # HINT order = ops.argsort(-scores) gives the detections from the highest score.
    # HINT Keep (N,) of what is free: ops.where(free, overlaps[i], -1).
    # HINT An object that was taken makes a second detection of it wrong.
    overlaps = ops.convert_to_numpy(overlaps)
    hits = np.zeros(len(overlaps), bool)
    free = np.ones(overlaps.shape[1], bool)
    order = np.argsort(-ops.convert_to_numpy(scores))
    # WRONG order = np.arange(len(overlaps))
    # WHY you go through the detections as they stand in the list, not from the
    # WHY highest score down
    for i in order:
        offered = np.where(free, overlaps[i], -1)
        # WRONG offered = overlaps[i]
        # WHY an object can be found again and again: a second detection of it is wrong
        most = offered.argmax()
        hits[i] = offered[most] >= threshold
        # WRONG most = overlaps[i].argmax()
        # WRONG hits[i] = overlaps[i, most] >= threshold and free[most]
        # WHY a detection whose favourite is taken may still have another object that
        # WHY it overlaps enough (yours is the rule of the older VOC benchmark)
        free[most] &= not hits[i]
        # WRONG free[most] = False
        # WHY a detection that overlaps too little takes its object away from others
    return hits
    # END SOLUTION


def average_precision(scores, hits, truths):
    """Return the area under the interpolated precision-recall curve.

    Sort the detections from the highest score down. After each of them, precision is
    the share of right ones among those so far, and recall is their number divided by
    truths. Replace each precision by the largest at the same or a later place in that
    order. Then add up precision times growth of recall. No two scores are equal.

    Args:
        scores: (D,) float, D >= 1.
        hits: (D,) bool, which detections are right.
        truths: int >= 1, how many objects there are.

    Returns:
        float: 0.75 for scores (0.9, 0.2, 0.5), hits (True, True, True), truths 4.
    """
    # BEGIN SOLUTION sort, accumulate, make precision fall, add up
    # HINT right = ops.cumsum(hits in the order of the scores)
    # HINT precision = right / (1, 2, ..., D)
    # HINT Recall grows by 1 / truths at each hit and by nothing elsewhere.
    # HINT np.maximum.accumulate(precision[::-1])[::-1] looks ahead.
    order = np.argsort(-ops.convert_to_numpy(scores))
    # WRONG order = np.argsort(ops.convert_to_numpy(scores))
    # WHY you begin with the lowest score
    # WRONG order = np.arange(len(scores))
    # WHY the detections are not sorted by score
    hits = ops.convert_to_numpy(hits)[order].astype(float)
    precision = np.cumsum(hits) / np.arange(1, len(hits) + 1)
    # WRONG precision = np.cumsum(hits) / truths
    # WHY you divide by the number of objects, which gives recall, not precision
    precision = np.maximum.accumulate(precision[::-1])[::-1]
    # WRONG pass
    # WHY precision is not interpolated: replace it by the largest at this or a later
    # WHY place
    # WRONG precision = np.maximum.accumulate(precision)
    # WHY you take the largest precision so far; look ahead, to this and later places
    return float(np.sum(precision * hits) / truths)
    # WRONG return float(np.sum(precision * hits) / max(np.sum(hits), 1))
    # WHY you divide by the objects that were found; those that were missed count too
    # WRONG return float(np.mean(precision))
    # WHY you average over all detections; only growth of recall counts, so a wrong
    # WHY one adds nothing
    # END SOLUTION


def crowd(scores, boxes, objects, sigma):
    """Return the average precision of raw, hard and soft suppression; given.

    Args:
        scores: (D,) float.
        boxes: (D, 4) float, detections.
        objects: (N, 4) float, what there is.
        sigma: float > 0.

    Returns:
        dict of three floats.
    """
    intersection, union, _ = areas(boxes, objects)
    overlaps = ops.convert_to_numpy(intersection / union)
    intersection, union, _ = areas(boxes, boxes)
    one_class = ops.zeros(len(boxes), "int32")
    soft = soft_suppress(intersection / union, scores, one_class, sigma)
    kept = non_maximum_suppression(
        boxes, scores, max_output=len(boxes), iou_threshold=0.3
    )
    scores, soft, kept = (ops.convert_to_numpy(a) for a in (scores, soft, kept))
    kept = kept[kept >= 0]
    runs = {
        "raw": (scores, overlaps),
        "hard": (scores[kept], overlaps[kept]),
        "soft": (soft, overlaps),
    }
    return {
        name: average_precision(sure, found(sure, table, 0.5), len(objects))
        for name, (sure, table) in runs.items()
    }


def apart(y, boxes):
    """Return 1 - GIoU of each box with its own target; given: a loss for Keras."""
    return 1 - ops.diagonal(generalized_iou(boxes, y))


def regressor(count):
    """Return a model that holds a box for each of `count` inputs; given.

    Its loss is your GIoU. All boxes start in one corner, away from their targets, where
    plain IoU would have no gradient at all.
    """
    start = keras.initializers.Constant([0.0, 0.0, 0.1, 0.1])
    inputs = keras.Input((1,), dtype="int32")
    boxes = layers.Embedding(count, 4, embeddings_initializer=start)(inputs)
    model = keras.Model(inputs, layers.Flatten()(boxes))
    model.compile(keras.optimizers.Adam(0.05), apart, run_eagerly=True)
    return model


if __name__ == "__main__":
    rng = np.random.default_rng(0)
    objects = np.array([[0, 0, 10, 20], [4, 0, 14, 20], [30, 0, 40, 10]], "float32")
    noise = rng.normal(scale=0.5, size=(12, 4)).astype("float32")
    boxes = ops.array(np.repeat(objects, 4, axis=0) + noise)
    sure = np.repeat([0.9, 0.6, 0.8], 4) + rng.uniform(-0.1, 0.1, size=12)
    scores = ops.array(sure.astype("float32"))
    for name, value in crowd(scores, boxes, ops.array(objects), 0.5).items():
        print(f"{name:4} suppression: average precision {value:.3f}")
