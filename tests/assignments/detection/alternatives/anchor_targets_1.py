"""NumPy and loops where no gradient is needed, one number at a time elsewhere."""

import math

import keras
import numpy as np
from keras import layers, ops

from modules.detection.boxes import convert, iou

STRIDE = 8
SCALES, RATIOS = (12.0, 24.0), (0.5, 1.0, 2.0)


def anchors(height, width, stride, scales, ratios):
    rows = []
    for i in range(int(height)):
        row = []
        for j in range(int(width)):
            cell = []
            for s in map(float, scales):
                for r in map(float, ratios):
                    h = s * math.sqrt(r)
                    cell.append([(j + 0.5) * stride, (i + 0.5) * stride, h / r, h])
            row.append(cell)
        rows.append(row)
    return np.array(rows, "float32")


def encode(boxes, anchors):
    x, y, w, h = (boxes[..., i] for i in range(4))
    xa, ya, wa, ha = (anchors[..., i] for i in range(4))
    numbers = [(x - xa) / wa, (y - ya) / ha, ops.log(w / wa), ops.log(h / ha)]
    return ops.stack(numbers, axis=-1)


def decode(deltas, anchors):
    xa, ya, wa, ha = (anchors[..., i] for i in range(4))
    x, y = deltas[..., 0] * wa + xa, deltas[..., 1] * ha + ya
    w, h = ops.exp(deltas[..., 2]) * wa, ops.exp(deltas[..., 3]) * ha
    return ops.stack([x, y, w, h], axis=-1)


def label(overlaps, high, low):
    overlaps = np.asarray(overlaps)
    labels, objects = [], []
    for row in overlaps:
        most = row.max()
        labels.append(1 if most >= high else 0 if most < low else -1)
        objects.append(int(row.argmax()))
    for j, column in enumerate(overlaps.T):
        labels[column.argmax()] = 1
        objects[column.argmax()] = j
    return np.array(labels, "int32"), np.array(objects, "int32")


def loss(logits, deltas, labels, targets):
    z = ops.cast(labels == 1, "float32")
    logs = ops.binary_crossentropy(z, logits, from_logits=True)
    counted = ops.cast(labels != -1, "float32")
    e = ops.abs(deltas - targets)
    near = ops.minimum(e, 1.0)
    smooth = ops.sum(near * near / 2 + (e - near), axis=1)  # linear beyond 1
    total = ops.sum(logs * counted) + ops.sum(smooth * z)
    return total / ops.maximum(ops.sum(counted), 1.0)


def prepare(boxes, height, width):
    """Return what a network is to say of one image, from your functions; given.

    Args:
        boxes: (N, 4) float: x, y, w, h of its objects.
        height, width: int, of the map.

    Returns:
        (A, 5) float: label and t_x, t_y, t_w, t_h of every anchor.
    """
    grid = ops.reshape(anchors(height, width, STRIDE, SCALES, RATIOS), (-1, 4))
    corners = [convert(b, "center_xywh") for b in (grid, boxes)]
    labels, objects = label(iou(*corners), 0.6, 0.3)
    targets = encode(ops.take(boxes, objects, axis=0), grid)
    labels = ops.cast(labels, "float32")[:, None]
    return ops.concatenate([labels, targets], axis=-1)


def cost(y, answers):
    """Return your loss of a batch of answers, (B, A, 5); given: a loss for Keras."""
    y, answers = ops.reshape(y, (-1, 5)), ops.reshape(answers, (-1, 5))
    labels = ops.cast(y[:, 0], "int32")
    return loss(answers[:, 0], answers[:, 1:], labels, y[:, 1:])


def network(channels):
    """Return a small region proposal network with your loss; given."""
    x = images = keras.Input((None, None, channels))
    for filters in (16, 32, 32):  # strides 2, 4, 8
        x = layers.Conv2D(filters, 3, 2, padding="same", activation="relu")(x)
    x = layers.Conv2D(len(SCALES) * len(RATIOS) * 5, 3, padding="same")(x)
    model = keras.Model(images, layers.Reshape((-1, 5))(x), name="proposer")
    model.compile(keras.optimizers.Adam(0.01), cost, run_eagerly=True)
    return model
