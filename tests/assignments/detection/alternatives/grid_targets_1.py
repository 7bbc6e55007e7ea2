"""NumPy and loops where no gradient is needed, one number at a time elsewhere."""

import math

import keras
import numpy as np
from keras import layers, ops

from modules.detection.boxes import convert, iou

ROWS, COLUMNS, BOXES, CLASSES = 4, 6, 2, 3  # of the network below


def cells(boxes, rows, columns):
    found = []
    for x, y, _, _ in np.asarray(boxes, "float64"):
        found.append((math.floor(y * rows), math.floor(x * columns)))
    return np.array(found, "int32")


def encode(boxes, rows, columns):
    found = []
    for x, y, w, h in np.asarray(boxes, "float64"):
        place = math.modf(x * columns)[0], math.modf(y * rows)[0]
        found.append((*place, math.sqrt(w), math.sqrt(h)))
    return np.array(found, "float32")


def decode(places, rows, columns):
    boxes = []
    for a in range(rows * columns):
        row, column = divmod(a, columns)
        x, y, w, h = (places[a, :, i] for i in range(4))
        parts = [(x + column) / columns, (y + row) / rows, w * w, h * h]
        boxes.append(ops.stack(parts, axis=-1))
    return ops.stack(boxes)


def responsible(overlaps, distances):
    chosen = []
    for overlap, distance in zip(
        np.asarray(overlaps), np.asarray(distances), strict=True
    ):
        chosen.append(overlap.argmax() if overlap.any() else distance.argmin())
    return np.array(chosen, "int32")


def loss(places, confidences, scores, wanted, overlaps, chosen, labels, coord, noobj):
    total = noobj * ops.sum(confidences**2)  # of all boxes; corrected below
    for a, label in enumerate(np.asarray(labels)):
        if label < 0:
            continue
        b = int(chosen[a])
        total = total - noobj * confidences[a, b] ** 2
        total = total + coord * ops.sum((places[a, b] - wanted[a]) ** 2)
        total = total + (confidences[a, b] - overlaps[a, b]) ** 2
        for c in range(scores.shape[1]):
            total = total + (scores[a, c] - float(c == label)) ** 2
    return total


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
