"""Non-maximum suppression: of boxes that overlap much, keep the one scored highest.

Paper: Girshick, Donahue, Darrell and Malik, "Rich Feature Hierarchies for Accurate
       Object Detection and Semantic Segmentation", CVPR 2014 (R-CNN).
Link:  https://arxiv.org/abs/1311.2524 (section 2.2)
"""

from keras import ops

from modules.detection.boxes import iou

BLOCK = 512  # candidates that are compared with each other at once
CELLS = 2**22  # pairs of candidates and kept boxes that are compared at once


def non_maximum_suppression(
    boxes,
    scores,
    classes=None,
    max_output=100,
    iou_threshold=0.5,
    score_threshold=None,
    top_k=None,
):
    """Return which boxes remain when each suppresses those below that overlap it.

    Going down from the highest score, keep a box unless its IoU with one already kept
    is > iou_threshold. Of equal scores the first in the list comes first.

    Candidates come in blocks. A block is compared with all that is kept, then with
    itself, and what remains is kept: there is no loop over single boxes.
    A box of negative size, or with NaN in it or in its score, is never kept.

    Args:
        boxes: (N, 4) float, as in boxes.py.
        scores: (N,) float.
        classes: (N,) int, or None for one class; boxes of different classes do not
            suppress each other.
        max_output: int >= 1, the length K of what is returned.
        iou_threshold: float in [0, 1].
        score_threshold: float; only scores > it count. None for all.
        top_k: int >= 1, how many of the highest scores are looked at. None for all.

    Returns:
        (K,) int32: indices into boxes from the highest score down, then -1.

    Raises:
        ValueError: an argument is outside of its range, or shapes disagree.

    Example:
        >>> boxes = [[0.0, 0, 4, 4], [0.0, 0, 4, 5], [6.0, 6, 9, 9]]
        >>> non_maximum_suppression(boxes, [0.8, 0.9, 0.3], max_output=3).numpy()
        array([ 1,  2, -1], dtype=int32)
    """
    boxes, scores = ops.convert_to_tensor(boxes), ops.convert_to_tensor(scores)
    _check(boxes, scores, max_output, iou_threshold, top_k)
    scores = _without_bad(boxes, scores, score_threshold)
    count = ops.shape(scores)[0]
    looked_at = count if top_k is None else ops.minimum(top_k, count)
    scores, order = ops.top_k(scores, looked_at)  # of equal ones the first first
    count = ops.sum(ops.cast(scores > float("-inf"), "int32"))
    order = order[:count]
    boxes = ops.take(boxes, order, axis=0)
    if classes is not None:
        classes = ops.take(ops.convert_to_tensor(classes), order, axis=0)
    kept = _greedy(boxes, classes, max_output, iou_threshold)
    order = ops.append(ops.cast(order, "int32"), -1)
    return ops.take(order, ops.where(kept < 0, count, kept), axis=0)


def detections(
    boxes,
    scores,
    max_output=100,
    iou_threshold=0.5,
    score_threshold=None,
    top_k=1000,
):
    """Return what a detector finds in each image: the last stage of all of them.

    Every class of every box is a candidate of its own, and the top_k highest scores
    of an image compete, each class for itself.

    Args:
        boxes: (B, A, 4) float, B known.
        scores: (B, A, C) float, background left out.
        max_output, iou_threshold, score_threshold, top_k: as above.

    Returns:
        dict of boxes (B, K, 4), scores (B, K) and classes (B, K) int32. Where nothing
        was found the class is -1 and the rest 0.
    """
    options = {"max_output": max_output, "iou_threshold": iou_threshold}
    found = {"boxes": [], "scores": [], "classes": []}
    for places, table in zip(ops.unstack(boxes), ops.unstack(scores), strict=True):
        flat = _without_nan(ops.reshape(table, (-1,)))
        best, at = ops.top_k(flat, min(top_k or flat.shape[0], flat.shape[0]))
        labels = ops.cast(at % table.shape[-1], "int32")
        places = ops.take(places, at // table.shape[-1], axis=0)  # (k, 4)
        kept = non_maximum_suppression(
            places, best, labels, score_threshold=score_threshold, **options
        )
        there = kept >= 0
        row = ops.maximum(kept, 0)
        chosen = ops.where(there[:, None], ops.take(places, row, axis=0), 0)
        found["boxes"].append(chosen)
        found["scores"].append(ops.where(there, ops.take(best, row), 0))
        found["classes"].append(ops.where(there, ops.take(labels, row), -1))
    return {name: ops.stack(values) for name, values in found.items()}


def _greedy(boxes, classes, max_output, threshold):
    """Return the positions, (K,), that sorted boxes keep, then -1."""
    total = ops.shape(boxes)[0]
    widest = max(BLOCK, CELLS // max_output)

    def unfinished(start, width, count, kept):
        return (start < total) & (count < max_output)

    def step(start, width, count, kept):
        here = ops.arange(start, ops.minimum(start + width, total))
        beaten = ops.any(_rivals(boxes, classes, kept[:count], here, threshold), axis=0)
        here = here[~beaten]
        after = ops.append(here, start + width)[ops.minimum(BLOCK, ops.shape(here)[0])]
        many = ops.shape(here)[0] > BLOCK
        here = here[:BLOCK]
        here = here[_settle(_rivals(boxes, classes, here, here, threshold))]
        here = here[: max_output - count]
        slots = ops.arange(count, count + ops.shape(here)[0])
        kept = ops.scatter_update(kept, slots[:, None], here)
        width = ops.where(many, BLOCK, ops.minimum(2 * width, widest))
        return after, width, count + ops.shape(here)[0], kept

    start = count = ops.zeros((), "int32")
    kept = ops.full((max_output,), -1, "int32")
    state = (start, start + BLOCK, count, kept)
    return ops.while_loop(unfinished, step, state)[3]


def _rivals(boxes, classes, first, second, threshold):
    """Return where a better box of the first set suppresses one of the second.

    Returns:
        (F, S) bool.
    """
    pair = [ops.take(boxes, at, axis=0) for at in (first, second)]
    found = (iou(*pair) > threshold) & (first[:, None] < second)
    if classes is None:
        return found
    pair = [ops.take(classes, at) for at in (first, second)]
    return found & (pair[0][:, None] == pair[1])


def _settle(beats):
    """Return which of S boxes stay, if beats[i, j], i < j, says that i suppresses j.

    Whether j stays depends on boxes before it only. So the rule, applied again and
    again to all of them at once, settles from the front, after few rounds.
    """
    beats = ops.cast(beats, "float32")
    stay = ops.ones((1, ops.shape(beats)[0]), "float32")

    def apply(stay, changed):
        after = ops.cast(ops.matmul(stay, beats) == 0, "float32")
        return after, ops.any(after != stay)

    stay = ops.while_loop(lambda stay, changed: changed, apply, (stay, True))[0]
    return stay[0] > 0


def _without_nan(scores):
    return ops.where(ops.isnan(scores), float("-inf"), scores)


def _without_bad(boxes, scores, score_threshold):
    """Return the scores, -inf where the box or the score must not be used."""
    good = ops.all(ops.isfinite(boxes), axis=-1)
    good = good & ops.all(boxes[:, 2:] >= boxes[:, :2], axis=-1)
    if score_threshold is not None:
        good = good & (scores > score_threshold)
    return _without_nan(ops.where(good, scores, float("-inf")))


def _check(boxes, scores, max_output, iou_threshold, top_k):
    if len(boxes.shape) != 2 or boxes.shape[-1] != 4:
        raise ValueError(f"boxes must be (N, 4), got {tuple(boxes.shape)}")
    if len(scores.shape) != 1 or scores.shape[0] != boxes.shape[0]:
        shapes = f"{tuple(scores.shape)} for boxes {tuple(boxes.shape)}"
        raise ValueError(f"scores must be (N,), got {shapes}")
    if not 0 <= iou_threshold <= 1:
        raise ValueError(f"iou_threshold must be in [0, 1], got {iou_threshold!r}")
    for name, value in (("max_output", max_output), ("top_k", top_k or 1)):
        if not (isinstance(value, int) and value >= 1):
            raise ValueError(f"{name} must be an int >= 1, got {value!r}")
