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
    # TODO: compare every box with every other
    raise NotImplementedError


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
    # TODO: the overlap, less the share of the hull that is empty
    raise NotImplementedError


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
    # TODO: take the best that is left, lower the rest, repeat
    raise NotImplementedError


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
    # TODO: from the highest score down, each object once
    raise NotImplementedError


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
    # TODO: sort, accumulate, make precision fall, add up
    raise NotImplementedError


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
