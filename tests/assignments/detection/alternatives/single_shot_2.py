"""The k-th largest loss as a threshold, one tensor a coordinate, means and counts."""

import keras
from keras import layers, ops

from modules.detection.box_codec import encode
from modules.detection.boxes import convert, iou
from modules.detection.matching import match

SIDES, RATIOS, CLASSES = (8, 4, 2), (2.0,), 2  # of the network below


def scales(maps, low, high, first):
    share = [(k - 1) / (maps - 2) for k in range(1, maps + 1)]
    return [first] + [low * (1 - t) + high * t for t in share]


def priors(height, width, scale, after, ratios):
    wide = [1.0, (after / scale) ** 0.5]
    tall = [1.0, (after / scale) ** 0.5]
    for a in ratios:
        wide += [a**0.5, a**-0.5]
        tall += [a**-0.5, a**0.5]
    w, h = (scale * ops.array(side, "float32") for side in (wide, tall))
    x = (ops.arange(width, dtype="float32") * 2 + 1)[None, :, None] / (2 * width)
    y = (ops.arange(height, dtype="float32") * 2 + 1)[:, None, None] / (2 * height)
    left, right = ops.maximum(x - w / 2, 0.0), ops.minimum(x + w / 2, 1.0)
    top, bottom = ops.maximum(y - h / 2, 0.0), ops.minimum(y + h / 2, 1.0)
    parts = [(left + right) / 2, (top + bottom) / 2, right - left, bottom - top]
    shape = (height, width, len(wide))
    return ops.stack([ops.broadcast_to(p, shape) for p in parts], axis=-1)


def hard(losses, labels, ratio, least):
    rows = []
    for row, kinds in zip(losses, labels, strict=True):
        count = max(ratio * int(ops.sum(ops.cast(kinds > 0, "int32"))), least)
        count = min(count, int(ops.sum(ops.cast(kinds == 0, "int32"))))
        if count == 0:
            rows.append(kinds < 0)
            continue
        masked = ops.where(kinds == 0, row, float("-inf"))
        rows.append(masked >= ops.top_k(masked, count)[0][-1])
    return ops.stack(rows)


def loss(losses, chosen, deltas, labels, targets, weight):
    positive = ops.not_equal(labels, 0)
    total = ops.sum(losses * ops.cast(ops.logical_or(positive, chosen), "float32"))
    smooth = keras.ops.abs(deltas - targets)
    smooth = ops.where(smooth < 1, 0.5 * ops.square(smooth), smooth - 0.5)
    total = total + weight * ops.sum(smooth * ops.cast(positive, "float32")[..., None])
    number = ops.count_nonzero(labels)
    return total / ops.cast(ops.maximum(number, 1), "float32")


def all_priors():
    """Return your boxes of all maps of the network below, (A, 4); given."""
    sizes = scales(len(SIDES), 0.35, 0.7, 0.2)
    grids = [
        ops.reshape(priors(side, side, s, after, list(RATIOS)), (-1, 4))
        for side, s, after in zip(SIDES, sizes, sizes[1:], strict=False)
    ]
    return ops.concatenate(grids)


def prepare(boxes, classes):
    """Return what the network is to say of one image, with your boxes; given.

    Args:
        boxes: (N, 4) float: x, y, w, h of its objects.
        classes: (N,) int, from 1 on.

    Returns:
        (A, 5) float: label and four numbers of the codec for every box.
    """
    grid = convert(all_priors(), "center_xywh")
    corners = convert(boxes, "center_xywh")
    found = match(iou(grid, corners), ops.ones_like(classes) > 0, 0.5, 0.5)
    objects = ops.maximum(found, 0)
    labels = ops.where(found >= 0, ops.take(classes, objects), 0)
    targets = encode(ops.take(corners, objects, axis=0), grid)
    labels = ops.cast(labels, "float32")[:, None]
    return ops.concatenate([labels, targets], axis=-1)


def cost(y, answers):
    """Return your loss of a batch of answers; given: a loss for Keras."""
    labels = ops.cast(y[..., 0], "int32")
    logits, deltas = answers[..., : CLASSES + 1], answers[..., CLASSES + 1 :]
    losses = ops.sparse_categorical_crossentropy(labels, logits, from_logits=True)
    chosen = hard(losses, labels, 3, 4)
    return loss(losses, chosen, deltas, labels, y[..., 1:], 1.0)


def network():
    """Return a small SSD with your loss; given: 32 x 32 pixels, maps of 8, 4 and 2."""
    x = images = keras.Input((32, 32, 1))
    answers, width = [], (2 + 2 * len(RATIOS)) * (CLASSES + 1 + 4)
    x = layers.Conv2D(8, 3, 2, padding="same", activation="relu")(x)
    for filters in (16, 32, 32):
        x = layers.Conv2D(filters, 3, 2, padding="same", activation="relu")(x)
        head = layers.Conv2D(width, 3, padding="same")(x)
        answers.append(layers.Reshape((-1, CLASSES + 1 + 4))(head))
    model = keras.Model(images, layers.Concatenate(axis=1)(answers), name="ssd")
    model.compile(keras.optimizers.Adam(0.01), cost, run_eagerly=True)
    return model
