"""NumPy and loops where no gradient is needed."""

import keras
import numpy as np
from keras import layers, ops

from modules.detection.box_codec import encode
from modules.detection.boxes import convert, iou
from modules.detection.matching import match

SIDES, RATIOS, CLASSES = (8, 4, 2), (2.0,), 2  # of the network below


def scales(maps, low, high, first):
    found = list(np.linspace(low, high, maps - 1))
    return [first, *found, 2 * found[-1] - found[-2]]


def priors(height, width, scale, after, ratios):
    found = np.zeros((height, width, 2 + 2 * len(ratios), 4), "float32")
    for i in range(height):
        for j in range(width):
            sizes = [(scale, scale), (np.sqrt(scale * after),) * 2]
            for a in ratios:
                w = scale * np.sqrt(a)
                sizes.append((w, w / a))
                sizes.append((w / a, w))
            for k, (w, h) in enumerate(sizes):
                x, y = (j + 0.5) / width, (i + 0.5) / height
                x = np.clip([x - w / 2, x + w / 2], 0, 1)
                y = np.clip([y - h / 2, y + h / 2], 0, 1)
                found[i, j, k] = x.mean(), y.mean(), np.ptp(x), np.ptp(y)
    return found


def hard(losses, labels, ratio, least):
    losses, labels = np.asarray(losses), np.asarray(labels)
    chosen = np.zeros(losses.shape, bool)
    for i in range(len(losses)):
        background = np.where(labels[i] == 0)[0]
        count = max(ratio * int(np.sum(labels[i] > 0)), least)
        best = background[np.argsort(losses[i, background])[::-1]]
        chosen[i, best[:count]] = True
    return chosen


def loss(losses, chosen, deltas, labels, targets, weight):
    there = ops.cast(labels > 0, "float32")
    counted = there + ops.cast(chosen, "float32")  # never both
    e = ops.abs(deltas - targets)
    near = ops.minimum(e, 1.0)
    smooth = ops.sum(near * near / 2 + (e - near), axis=-1)
    number = ops.maximum(ops.sum(there), 1.0)
    return ops.sum(losses * counted + weight * smooth * there) / number


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
