"""Exercise: priors of all sizes, and which background counts.

SSD judges thousands of boxes at once, and nearly all of them are background. You lay
out its boxes, choose the background that is worth learning from, and write down what a
batch costs. It is SSD with two changes that its users have made: boxes are cut at the
border of the image, and of every image some background counts, even if there is nothing
in it. A small network then learns from your functions.

Paper: Liu, Anguelov, Erhan, Szegedy, Reed, Fu and Berg, "SSD: Single Shot MultiBox
       Detector", ECCV 2016.
Link:  https://arxiv.org/abs/1512.02325 (sections 2.2 and 3.1)
See:   modules/detection/ssd.py, multibox_loss.py
Needs: detection (anchors, matching, SSD)
Time:  60 minutes
Grade: python -m course grade detection/single_shot

Here a box is (x, y, w, h): the centre, the width and the height, in widths and heights
of the image, which reaches from 0 to 1 both ways. x runs to the right, y downwards.

When your functions are right, watch a trained detector:
python -m course demo detection/ssd
"""

import math

import keras
from keras import layers, ops

from modules.detection.box_codec import encode
from modules.detection.boxes import convert, iou
from modules.detection.matching import match

SIDES, RATIOS, CLASSES = (8, 4, 2), (2.0,), 2  # of the network below


def scales(maps, low, high, first):
    """Return the scale of every map, and one more.

    The first map has the scale `first`. The others have scales at even distances, `low`
    for the second map and `high` for the last one. The further scale is one such
    distance above `high`.

    Args:
        maps: int >= 3.
        low, high, first: float.

    Returns:
        list of maps + 1 floats; for 6, 0.2, 0.9, 0.1 they are 0.1, 0.2, 0.375, 0.55,
        0.725, 0.9 and 1.075.
    """
    # TODO: the first by itself, then even steps, one of them beyond the last
    raise NotImplementedError


def priors(height, width, scale, after, ratios):
    """Return the k = 2 + 2 len(ratios) boxes at every position of a map.

    The centre of row i and column j is the middle of that cell: ((j + 1/2) / width,
    (i + 1/2) / height). The k boxes are, in this order, a square of the side scale; a
    square of the side sqrt(scale * after); then for each ratio a, first one with
    w / h = a, then one with w / h = 1 / a, both of the area scale^2.

    What lies outside of the image is cut off, which moves the centre of a box that is
    cut.

    Args:
        height, width: int, rows and columns of the map.
        scale, after: float, scale of this map and of the next one.
        ratios: list of floats > 1.

    Returns:
        (height, width, k, 4) float: x, y, w, h.
    """
    # TODO: k sizes, a set of them at every centre, cut between 0 and 1
    raise NotImplementedError


def hard(losses, labels, ratio, least):
    """Return which background boxes count.

    In each image those boxes of label 0 count whose loss is highest, as many as

        max(ratio * number of boxes with a label > 0, least)

    or all, if there are fewer. In the checks no two losses are equal.

    Args:
        losses: (B, A) float >= 0.
        labels: (B, A) int: 0 for background, else the class, from 1 on.
        ratio, least: int >= 0.

    Returns:
        (B, A) bool, False for every box with a label > 0.
    """
    # TODO: rank the background of each image by its loss
    raise NotImplementedError


def loss(losses, chosen, deltas, labels, targets, weight):
    """Return what a batch costs.

        (sum of losses over objects and chosen  +  weight * sum of smooth L1) / N

    Objects are the boxes with a label > 0, in the whole batch, and N is how many they
    are, or 1 if there is none. Smooth L1 counts for objects only; it is the sum over
    the four numbers e = delta - target of

        e^2 / 2 if |e| < 1, else |e| - 1/2

    Gradients must flow through.

    Args:
        losses: (B, A) float, -log p of the class of each box.
        chosen: (B, A) bool, the background that counts.
        deltas, targets: (B, A, 4) float.
        labels: (B, A) int, as in `hard`.
        weight: float.

    Returns:
        float scalar.
    """
    # TODO: two sums over the boxes that count, divided by the objects
    raise NotImplementedError


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


if __name__ == "__main__":
    print(f"{len(all_priors())} boxes")
    y = prepare(ops.array([[0.4, 0.5, 0.3, 0.2]]), ops.array([2]))
    print(f"{int(ops.sum(y[:, 0] > 0))} of them are to find the object")
