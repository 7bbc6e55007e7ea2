"""Masks and remainders; only the cells with a thing are gathered."""

import keras
from keras import layers, ops

from modules.detection.boxes import convert, iou

ROWS, COLUMNS, BOXES, CLASSES = 4, 6, 2, 3  # of the network below


def cells(boxes, rows, columns):
    scaled = boxes[:, 1::-1] * ops.array([rows, columns], "float32")
    return ops.cast(scaled, "int32")  # towards 0: none is negative


def encode(boxes, rows, columns):
    place = boxes[:, :2] * ops.array([columns, rows], "float32")
    return ops.concatenate([place % 1.0, boxes[:, 2:] ** 0.5], axis=1)


def decode(places, rows, columns):
    grid = ops.reshape(places, (rows, columns, -1, 4))
    x = ops.arange(columns, dtype="float32")[None, :, None] + grid[..., 0]
    y = ops.arange(rows, dtype="float32")[:, None, None] + grid[..., 1]
    w, h = ops.square(grid[..., 2]), ops.square(grid[..., 3])
    boxes = ops.stack([x / columns, y / rows, w, h], axis=-1)
    return ops.reshape(boxes, ops.shape(places))


def responsible(overlaps, distances):
    none = ops.all(overlaps == 0, axis=1, keepdims=True)
    return ops.argmax(ops.where(none, -distances, overlaps), axis=1)


def loss(places, confidences, scores, wanted, overlaps, chosen, labels, coord, noobj):
    rows = ops.where(labels >= 0)[0]
    mine = ops.take(chosen, rows)
    at = rows * places.shape[1] + ops.cast(mine, rows.dtype)
    place = ops.take(ops.reshape(places, (-1, 4)), at, axis=0)
    sure = ops.take(ops.reshape(confidences, (-1,)), at)
    truth = ops.take(ops.reshape(overlaps, (-1,)), at)
    total = coord * ops.sum(ops.square(place - ops.take(wanted, rows, axis=0)))
    total = total + ops.sum(ops.square(sure - truth))
    everything = ops.sum(ops.square(confidences))
    total = total + noobj * (everything - ops.sum(ops.square(sure)))
    right = ops.one_hot(ops.take(labels, rows), scores.shape[1])
    return total + ops.sum(ops.square(ops.take(scores, rows, axis=0) - right))


def prepare(boxes, classes):
    """Return what the cells are to know of one image, from your functions; given.

    Args:
        boxes: (N, 4) float, at most one centre in a cell; classes: (N,) int.

    Returns:
        (A, 9) float: label or -1, what the cell is to say, and the box.
    """
    at = cells(boxes, ROWS, COLUMNS)
    rows = ops.one_hot(at[:, 0] * COLUMNS + at[:, 1], ROWS * COLUMNS)  # (N, A)
    labels = ops.cast(classes, "float32")[:, None] + 1
    facts = [labels, encode(boxes, ROWS, COLUMNS), boxes]
    table = ops.matmul(ops.transpose(rows), ops.concatenate(facts, axis=-1))
    return ops.concatenate([table[:, :1] - 1, table[:, 1:]], axis=-1)


def cost(y, answers):
    """Return your loss of a batch of answers; given: a loss for Keras."""
    total = 0.0
    for facts, said in zip(ops.unstack(y), ops.unstack(answers), strict=True):
        numbers = ops.reshape(said[:, : 5 * BOXES], (-1, BOXES, 5))
        places, confidences = numbers[..., :4], numbers[..., 4]
        found = convert(decode(places, ROWS, COLUMNS), "center_xywh")
        thing = convert(facts[:, None, 5:], "center_xywh")
        overlaps = ops.stop_gradient(iou(found, thing)[..., 0])
        distances = ops.sum((places - facts[:, None, 1:5]) ** 2, axis=-1)
        chosen, labels = (
            responsible(overlaps, distances),
            ops.cast(facts[:, 0], "int32"),
        )
        boxes = places, confidences, said[:, 5 * BOXES :], facts[:, 1:5]
        total = total + loss(*boxes, overlaps, chosen, labels, 5.0, 0.5)
    return total / len(y)


def network():
    """Return a small network with your loss; given: 32 x 48 pixels, 4 x 6 cells."""
    x = images = keras.Input((32, 48, 1))
    for filters in (16, 32, 32):
        x = layers.Conv2D(filters, 3, 2, padding="same", activation="relu")(x)
    x = layers.Conv2D(5 * BOXES + CLASSES, 3, padding="same")(x)
    model = keras.Model(images, layers.Reshape((ROWS * COLUMNS, -1))(x), name="yolo")
    model.compile(keras.optimizers.Adam(0.01), cost, run_eagerly=True)
    return model
