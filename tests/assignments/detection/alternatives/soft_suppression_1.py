"""One edge at a time, and Python's own lists."""

import math

import keras
from keras import layers, ops

from modules.detection.non_maximum_suppression import non_maximum_suppression


def areas(boxes1, boxes2):
    left, top, right, bottom = (boxes1[:, i : i + 1] for i in range(4))  # (N, 1)
    left2, top2, right2, bottom2 = ops.transpose(boxes2)  # (M,)
    width = ops.relu(ops.minimum(right, right2) - ops.maximum(left, left2))
    height = ops.relu(ops.minimum(bottom, bottom2) - ops.maximum(top, top2))
    shared = width * height
    either = (right - left) * (bottom - top) + (right2 - left2) * (bottom2 - top2)
    wide = ops.maximum(right, right2) - ops.minimum(left, left2)
    high = ops.maximum(bottom, bottom2) - ops.minimum(top, top2)
    return [shared, either - shared, wide * high]


def generalized_iou(boxes1, boxes2):
    shared, either, hull = areas(boxes1, boxes2)
    return shared / either - 1 + either / hull


def soft_suppress(overlaps, scores, classes, sigma):
    scores = [float(s) for s in scores]
    classes = [int(c) for c in classes]
    overlaps = ops.convert_to_numpy(overlaps)
    left = list(range(len(scores)))
    while left:
        best = max(left, key=scores.__getitem__)
        left.remove(best)
        for i in left:
            if classes[i] == classes[best]:
                scores[i] *= math.exp(-(float(overlaps[i][best]) ** 2) / sigma)
    return ops.array(scores, "float32")


def found(scores, overlaps, threshold):
    scores, overlaps = ops.convert_to_numpy(scores), ops.convert_to_numpy(overlaps)
    taken, hits = set(), {}
    for i in sorted(range(len(scores)), key=lambda i: -scores[i]):
        free = [j for j in range(overlaps.shape[1]) if j not in taken]
        most = max(free, key=lambda j: overlaps[i, j], default=None)
        hits[i] = most is not None and bool(overlaps[i, most] >= threshold)
        if hits[i]:
            taken.add(most)
    return ops.array([hits[i] for i in range(len(scores))], "bool")


def average_precision(scores, hits, truths):
    pairs = zip(ops.convert_to_numpy(scores), ops.convert_to_numpy(hits), strict=True)
    right, precision = 0, []
    ordered = [hit for _, hit in sorted(pairs, key=lambda pair: -pair[0])]
    for count, hit in enumerate(ordered, 1):
        right += bool(hit)
        precision.append(right / count)
    total = 0.0
    for place, hit in enumerate(ordered):
        if hit:
            total += max(precision[place:]) / truths
    return total


def crowd(scores, boxes, objects, sigma):
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
    return 1 - ops.diagonal(generalized_iou(boxes, y))


def regressor(count):
    start = keras.initializers.Constant([0.0, 0.0, 0.1, 0.1])
    inputs = keras.Input((1,), dtype="int32")
    boxes = layers.Embedding(count, 4, embeddings_initializer=start)(inputs)
    model = keras.Model(inputs, layers.Flatten()(boxes))
    model.compile(keras.optimizers.Adam(0.05), apart, run_eagerly=True)
    return model
