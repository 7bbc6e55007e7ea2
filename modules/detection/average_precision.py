"""Average precision: one number for all the scores at which a detector may be cut off.

Paper: Everingham, Van Gool, Williams, Winn and Zisserman, "The Pascal Visual Object
       Classes (VOC) Challenge", IJCV 2010.
Link:  https://doi.org/10.1007/s11263-009-0275-4 (section 4.2, equations 1 to 3)
Paper: Lin et al., "Microsoft COCO: Common Objects in Context", ECCV 2014.
Link:  https://arxiv.org/abs/1405.0312

NumPy in float64: this runs once, after prediction, over lists of unequal length.
"""

import numpy as np

from modules.detection.boxes import iou

NAMES = ("voc_11", "voc", "coco")
COCO_THRESHOLDS = np.linspace(0.5, 0.95, 10)
RECALLS = {
    "voc_11": np.arange(11) / 10,
    "coco": np.linspace(0, 1, 101),  # rounded as in pycocotools: 0.6 becomes a bit more
}


def average_precision(hits, truths, interpolation="coco"):
    """Return the area under the interpolated precision-recall curve of one class.

        precision = hits so far / detections so far,   recall = hits so far / truths
        p(r) = largest precision at a recall >= r, or 0 if there is none

        voc_11  mean of p at r = 0, 0.1, ..., 1        (VOC until 2009)
        voc     integral of p from 0 to 1              (VOC since 2010)
        coco    mean of p at r = 0, 0.01, ..., 1

    Args:
        hits: (D,) bool, the detections from the highest score down.
        truths: int >= 1, how many objects there are.
        interpolation: "voc_11", "voc" or "coco".

    Returns:
        float in [0, 1].

    Raises:
        ValueError: truths is less than 1, or the interpolation is none of these.

    Example:
        >>> hits = [True, False, True]
        >>> [round(average_precision(hits, 2, k), 4) for k in ("voc_11", "voc", "coco")]
        [0.8485, 0.8333, 0.835]
    """
    if truths < 1:
        raise ValueError(f"truths must be an int >= 1, got {truths!r}")
    recall, precision = precision_recall(hits, truths)
    best = np.maximum.accumulate(precision[::-1])[::-1]  # here or further on
    if interpolation == "voc":
        return float(np.sum(np.diff(recall, prepend=0) * best))
    if interpolation not in RECALLS:
        raise ValueError(f"interpolation must be one of {NAMES}, got {interpolation!r}")
    at = np.searchsorted(recall, RECALLS[interpolation])  # first recall >= r
    return float(np.append(best, 0)[at].mean())


def precision_recall(hits, truths):
    """Return recall and precision, (D,) each, after every detection."""
    correct = np.cumsum(np.asarray(hits, float))
    return correct / truths, correct / np.arange(1, len(correct) + 1)


def mark_hits(overlaps, threshold, rule="coco"):
    """Return which detections of one class in one image count as found objects.

    From the highest score down, each detection takes the object that it overlaps most,
    with IoU >= threshold, and an object can be taken once: a second detection of it is
    an error. By the rule of COCO it is offered those not yet taken. By that of VOC it
    may only have the object that it overlaps most of all.

    Args:
        overlaps: (D, N) IoU, the detections from the highest score down.
        threshold: float.
        rule: "coco" or "voc".

    Returns:
        (D,) bool.

    Raises:
        ValueError: the rule is none of these.

    Example:
        >>> [bool(hit) for hit in mark_hits([[0.9, 0.6], [0.8, 0.7]], 0.5)]
        [True, True]
        >>> [bool(hit) for hit in mark_hits([[0.9, 0.6], [0.8, 0.7]], 0.5, rule="voc")]
        [True, False]
    """
    if rule not in ("coco", "voc"):
        raise ValueError(f"rule must be 'coco' or 'voc', got {rule!r}")
    overlaps = np.array(overlaps, float)
    hits = np.zeros(len(overlaps), bool)
    taken = np.zeros(overlaps.shape[-1], bool)
    for i, row in enumerate(overlaps if taken.size else ()):
        offered = np.where(taken, -1, row) if rule == "coco" else row
        most = len(row) - 1 - np.argmax(offered[::-1])  # the last of equal ones: COCO's
        hits[i] = offered[most] >= min(threshold, 1 - 1e-10) and not taken[most]
        taken[most] |= hits[i]
    return hits


def evaluate(
    detections,
    truths,
    thresholds=COCO_THRESHOLDS,
    interpolation="coco",
    rule="coco",
    max_detections=100,
):
    """Return the average precision of a detector on a set of images.

    Of each image and class the max_detections highest scores count. Of equal scores
    the earlier image comes first, then the earlier row, as with pycocotools. Crowds,
    objects to be ignored and ranges of size, which COCO has too, are left out.

    Args:
        detections: dict of boxes (B, K, 4), scores (B, K) and classes (B, K) int, -1
            for none; instead of an array, a list with one array for each image.
        truths: dict of boxes (B, N, 4) and classes (B, N), likewise.
        thresholds: floats, the IoU from which on an object is found.
        interpolation: as in average_precision.
        rule: as in mark_hits.
        max_detections: int.

    Returns:
        dict: "AP", the mean over classes and thresholds; "by_threshold" and "by_class",
        dicts of means. Only classes that occur in truths count.

    Raises:
        ValueError: no image has an object, a score is NaN, a class is not an int >= -1,
            or the numbers of images differ.
    """
    pairs = _pairs(detections, truths)
    classes = sorted({int(c) for _, truth, _ in pairs for c in truth["classes"]})
    if not classes:
        raise ValueError("no image has an object: average precision is not defined")
    table = []  # (classes, thresholds)
    for label in classes:
        images = [_of_class(*pair, label, max_detections) for pair in pairs]
        table.append([_of_images(images, t, interpolation, rule) for t in thresholds])
    over_classes, over_thresholds = np.mean(table, axis=0), np.mean(table, axis=1)
    keys = [round(float(t), 4) for t in thresholds]
    return {
        "AP": float(np.mean(table)),
        "by_threshold": dict(zip(keys, over_classes.tolist(), strict=True)),
        "by_class": dict(zip(classes, over_thresholds.tolist(), strict=True)),
    }


def _pairs(detections, truths):
    """Return for each image its detections, its objects and their IoU."""
    found, wanted = _per_image(detections, True), _per_image(truths, False)
    if len(found) != len(wanted):
        raise ValueError(f"{len(found)} images of detections, {len(wanted)} of truths")
    return [
        (d, t, np.asarray(iou(d["boxes"], t["boxes"])))
        for d, t in zip(found, wanted, strict=True)
    ]


def _of_images(images, threshold, interpolation, rule):
    """Return the average precision of one class from its scores and IoUs."""
    scores = np.concatenate([score for score, _ in images])
    hits = [mark_hits(overlaps, threshold, rule) for _, overlaps in images]
    hits = np.concatenate(hits)[np.argsort(-scores, kind="stable")]
    truths = sum(overlaps.shape[1] for _, overlaps in images)
    return average_precision(hits, truths, interpolation)


def _per_image(data, scored):
    """Return a dict of arrays for each image, without rows of class -1, checked."""
    images = []
    for i, labels in enumerate(data["classes"]):
        labels = np.asarray(labels)
        wrong = labels.dtype.kind not in "iu" and labels.size
        if wrong or np.any(labels < -1):
            said = labels.dtype if wrong else labels.min()
            raise ValueError(f"classes must be ints >= -1, got {said} in image {i}")
        there = labels >= 0
        boxes = np.asarray(data["boxes"][i], float).reshape(-1, 4)
        image = {"classes": labels[there], "boxes": boxes[there]}
        if scored:
            image["scores"] = np.asarray(data["scores"][i], float)[there]
            if np.isnan(image["scores"]).any():
                raise ValueError(f"a score is NaN in image {i}")
        images.append(image)
    return images


def _of_class(found, wanted, overlaps, label, limit):
    """Return scores (D,), from the highest down, and IoU (D, N) of one class."""
    mine = np.flatnonzero(found["classes"] == label)
    mine = mine[np.argsort(-found["scores"][mine], kind="stable")][:limit]
    return found["scores"][mine], overlaps[mine][:, wanted["classes"] == label]
