"""Exercise: what a region proposal network is asked to say.

An image has a handful of objects, the network thousands of anchors. Before it can
learn, somebody must lay out the anchors, decide which of them stands for which object,
write down the four numbers by which it misses the object, and say what a wrong answer
costs. You do all four, and a small network then learns from them.

Paper: Ren, He, Girshick and Sun, "Faster R-CNN", NeurIPS 2015.
Link:  https://arxiv.org/abs/1506.01497 (sections 3.1.1 and 3.1.2)
See:   modules/detection/region_proposal_network.py
Needs: detection (boxes, anchors, matching)
Time:  70 minutes
Grade: python -m course grade detection/anchor_targets

Here a box is (x, y, w, h), as in the paper's equations: the centre, the width and the
height, in pixels. x runs to the right, y downwards.

When your functions are right, look at anchors on a scene:
python -m course demo detection/anchors
"""

import keras
from keras import layers, ops

from modules.detection.boxes import convert, iou

STRIDE = 8
SCALES, RATIOS = (12.0, 24.0), (0.5, 1.0, 2.0)


def anchors(height, width, stride, scales, ratios):
    """Return k = len(scales) * len(ratios) anchors at every position of a map.

    The anchors of row i and column j have their centre at the middle of that cell,
    which is stride wide and high: y = (i + 1/2) stride, x = (j + 1/2) stride. An anchor
    of scale s and ratio r has h / w = r and the area s^2. Of the k anchors, those of
    the first scale come first, in the order of the ratios.

    Args:
        height, width: int, rows and columns of the map.
        stride: float.
        scales, ratios: lists of floats > 0.

    Returns:
        (height, width, k, 4) float: x, y, w, h.
    """
    # TODO: sizes from scale and ratio, then one set at every centre
    raise NotImplementedError


def encode(boxes, anchors):
    """Return the four numbers that lead from an anchor to a box.

        t_x = (x - x_a) / w_a      t_w = log(w / w_a)
        t_y = (y - y_a) / h_a      t_h = log(h / h_a)

    Args:
        boxes, anchors: (..., 4) float: x, y, w, h.

    Returns:
        (..., 4) float: t_x, t_y, t_w, t_h.
    """
    # TODO: centres relative to the anchor's size, logarithms of the sizes
    raise NotImplementedError


def decode(deltas, anchors):
    """Return the boxes: the inverse of `encode`.

    Args:
        deltas: (..., 4) float: t_x, t_y, t_w, t_h.
        anchors: (..., 4) float: x, y, w, h.

    Returns:
        (..., 4) float: x, y, w, h.
    """
    # TODO: solve the four equations for x, y, w, h
    raise NotImplementedError


def label(overlaps, high, low):
    """Return which anchors are positive, negative or ignored, and for which object.

    In this order, later rules standing above earlier ones:

    1. An anchor belongs to the object that it overlaps most.
    2. It is positive (1) if that IoU is >= high, negative (0) if it is < low, and
       ignored (-1) otherwise.
    3. The anchor that overlaps an object more than all other anchors do is positive,
       and belongs to that object, however small their IoU.

    In the checks no two IoUs above 0 are equal, every object is touched by an anchor,
    and no anchor is the best of two objects.

    Args:
        overlaps: (A, N) float, IoU of anchors and objects, N >= 1.
        high, low: float, low < high.

    Returns:
        Two int tensors (A,): the labels, and the index of the object of each anchor.
    """
    # TODO: thresholds first, then the best anchor of every object
    raise NotImplementedError


def loss(logits, deltas, labels, targets):
    """Return what the answers for a set of anchors cost.

        (sum of log loss over labels 0 and 1  +  sum of smooth L1 over labels 1) / n

    The log loss is -log sigmoid(logit) for label 1 and -log(1 - sigmoid(logit)) for
    label 0. Smooth L1 is the sum over the four numbers e = delta - target of

        e^2 / 2 if |e| < 1, else |e| - 1/2

    n is the number of anchors of label 0 or 1, or 1 if there is none. Ignored anchors
    contribute nothing. Gradients must flow through; logits may be as large as 100.

    Args:
        logits: (A,) float, for "there is an object".
        deltas, targets: (A, 4) float.
        labels: (A,) int: 1, 0 or -1.

    Returns:
        float scalar.
    """
    # TODO: log loss where the label is 0 or 1, smooth L1 where it is 1
    raise NotImplementedError


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


if __name__ == "__main__":
    boxes = ops.array([[16.0, 20, 22, 14], [44, 40, 9, 25]])
    said = ops.convert_to_numpy(prepare(boxes, 8, 8))
    for value, name in ((1, "positive"), (0, "negative"), (-1, "ignored")):
        print(f"{(said[:, 0] == value).sum():4} anchors are {name}")
