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
    # BEGIN SOLUTION sizes from scale and ratio, then one set at every centre
    # HINT From w h = s^2 and h = r w follows w^2 = s^2 / r.
    # HINT y, x = ops.meshgrid(rows, columns, indexing="ij") are (height, width) each.
    # HINT Stack x, y, w, h on a last axis; ops.broadcast_to makes them of one shape.
    offset = 0.5
    # WRONG offset = 0.0
    # WHY your anchors are centred on the corners of the cells; it is the middle
    sizes = [(s * r**-0.5, s * r**0.5) for s in scales for r in ratios]
    # WRONG sizes = [(s * r**0.5, s * r**-0.5) for s in scales for r in ratios]
    # WHY your anchors lie on their side: the ratio is height by width
    # WRONG sizes = [(s, s * r) for s in scales for r in ratios]
    # WHY the area changes with the ratio; it is s^2 for every ratio
    # WRONG sizes = [(s / r, s * r) for s in scales for r in ratios]
    # WHY height by width is r squared: a root is missing
    # WRONG sizes = [(s * r**-0.5, s * r**0.5) for r in ratios for s in scales]
    # WHY you put the scales of one ratio together; all ratios of the first scale come
    # WHY first
    rows = (ops.arange(height, dtype="float32") + offset) * stride
    columns = (ops.arange(width, dtype="float32") + offset) * stride
    y, x = ops.meshgrid(rows, columns, indexing="ij")  # (height, width)
    # WRONG x, y = ops.meshgrid(rows, columns, indexing="ij")
    # WHY x and y are swapped: x grows with the column and y with the row
    centres = ops.stack([x, y], axis=-1)[:, :, None]  # (height, width, 1, 2)
    sizes = ops.convert_to_tensor(sizes, "float32")[None, None]  # (1, 1, k, 2)
    shape = (height, width, sizes.shape[2], 2)
    both = [ops.broadcast_to(part, shape) for part in (centres, sizes)]
    return ops.concatenate(both, axis=-1)
    # END SOLUTION


def encode(boxes, anchors):
    """Return the four numbers that lead from an anchor to a box.

        t_x = (x - x_a) / w_a      t_w = log(w / w_a)
        t_y = (y - y_a) / h_a      t_h = log(h / h_a)

    Args:
        boxes, anchors: (..., 4) float: x, y, w, h.

    Returns:
        (..., 4) float: t_x, t_y, t_w, t_h.
    """
    # BEGIN SOLUTION centres relative to the anchor's size, logarithms of the sizes
    # HINT boxes[..., :2] are the centres and boxes[..., 2:] the sizes.
    # HINT ops.concatenate([t_xy, t_wh], axis=-1)
    t_xy = (boxes[..., :2] - anchors[..., :2]) / anchors[..., 2:]
    # WRONG t_xy = (boxes[..., :2] - anchors[..., :2]) / boxes[..., 2:]
    # WHY you divide by the size of the box; whoever decodes knows only the anchor's
    # WRONG t_xy = boxes[..., :2] - anchors[..., :2]
    # WHY you leave the shift in pixels; it is counted in sizes of the anchor
    t_wh = ops.log(boxes[..., 2:] / anchors[..., 2:])
    # WRONG t_wh = boxes[..., 2:] / anchors[..., 2:]
    # WHY the logarithm of the ratio of sizes is missing
    # WRONG t_wh = (boxes[..., 2:] - anchors[..., 2:]) / anchors[..., 2:]
    # WHY you treat sizes like places; they enter as the logarithm of their ratio
    # WRONG t_wh = ops.log(anchors[..., 2:] / boxes[..., 2:])
    # WHY your ratio is upside down: a box larger than its anchor has t_w > 0
    return ops.concatenate([t_xy, t_wh], axis=-1)
    # END SOLUTION


def decode(deltas, anchors):
    """Return the boxes: the inverse of `encode`.

    Args:
        deltas: (..., 4) float: t_x, t_y, t_w, t_h.
        anchors: (..., 4) float: x, y, w, h.

    Returns:
        (..., 4) float: x, y, w, h.
    """
    # BEGIN SOLUTION solve the four equations for x, y, w, h
    # HINT The inverse of the logarithm is the exponential.
    places = deltas[..., :2] * anchors[..., 2:] + anchors[..., :2]
    # WRONG places = deltas[..., :2] + anchors[..., :2]
    # WHY you add the shift as if it were in pixels; it is in sizes of the anchor
    sizes = ops.exp(deltas[..., 2:]) * anchors[..., 2:]
    # WRONG sizes = deltas[..., 2:] * anchors[..., 2:]
    # WHY the exponential is missing, so that t_w = 0 would give a box of width 0
    # WRONG sizes = ops.exp(deltas[..., 2:]) + anchors[..., 2:]
    # WHY you add the exponential to the anchor's size; it is a factor
    return ops.concatenate([places, sizes], axis=-1)
    # END SOLUTION


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
    # BEGIN SOLUTION thresholds first, then the best anchor of every object
    # HINT ops.max(overlaps, axis=1) is the largest IoU of each anchor.
    # HINT ops.argmax(overlaps, axis=0) is the best anchor of each object.
    # HINT best = ops.one_hot(ops.argmax(overlaps, axis=0), A) is (N, A).
    # HINT Where ops.max(best, axis=0) > 0 the object is ops.argmax(best, axis=0).
    most = ops.max(overlaps, axis=1)
    objects = ops.argmax(overlaps, axis=1)
    labels = ops.where(most >= low, -1, 0)
    # WRONG labels = ops.where(most >= low, 0, 0)
    # WHY anchors between the thresholds count as negative; they are to be ignored
    # WRONG labels = ops.where(most >= low, 0, -1)
    # WHY you ignore the anchors that overlap nothing and call those in between
    # WHY negative: it is the other way round
    labels = ops.where(most >= high, 1, labels)
    # WRONG labels = ops.where(most >= high, 0, labels)
    # WRONG labels = ops.where(most < low, 1, labels)
    # WHY positive and negative are swapped: 1 stands for an object
    # WRONG labels = ops.where(most >= low, 1, 0)
    # WHY from the low threshold on you call anchors positive; that takes the high one
    best = ops.one_hot(ops.argmax(overlaps, axis=0), overlaps.shape[0])  # (N, A)
    # WRONG best = ops.one_hot(ops.argmax(overlaps, axis=0)[:1], overlaps.shape[0])
    # WHY only the first object gets its best anchor
    chosen = ops.max(best, axis=0) > 0
    # WRONG chosen = ops.max(best, axis=0) > 1
    # WHY the third rule is missing: an object that overlaps every anchor a little only
    # WHY is never learned
    objects = ops.where(chosen, ops.argmax(best, axis=0), objects)
    # WRONG pass
    # WHY an anchor that an object needs as its best one still belongs to the object
    # WHY that the anchor itself overlaps most
    return ops.where(chosen, 1, labels), objects
    # END SOLUTION


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
    # BEGIN SOLUTION log loss where the label is 0 or 1, smooth L1 where it is 1
    # HINT -log sigmoid(z) = ops.softplus(-z), which never overflows.
    # HINT ops.where(labels == 1, smooth, 0) keeps only what counts.
    positive, negative = labels == 1, labels == 0
    # WRONG positive, negative = labels == 0, labels == 1
    # WHY you take label 0 for an object
    # WRONG positive, negative = labels == 1, labels <= 0
    # WHY ignored anchors count as negative
    # WRONG positive, negative = labels != 0, labels == 0
    # WHY ignored anchors count as positive
    error = ops.abs(deltas - targets)
    smooth = ops.where(error < 1, error**2 / 2, error - 0.5)
    # WRONG smooth = ops.where(error < 1, error**2 / 2, error)
    # WHY your smooth L1 jumps from 1/2 to 1 where |e| = 1: subtract the 1/2
    # WRONG smooth = error**2 / 2
    # WHY beyond 1 the loss must be linear, or one bad box dominates
    # WRONG smooth = ops.where(error < 1, error**2, error - 0.5)
    # WHY the half is missing in front of the square
    smooth = ops.sum(smooth, axis=-1)
    # WRONG smooth = ops.mean(smooth, axis=-1)
    # WHY you average the four numbers of a box; they are added
    place = ops.sum(ops.where(positive, smooth, 0))
    # WRONG place = ops.sum(ops.where(labels >= 0, smooth, 0))
    # WHY you ask anchors without an object for a place; smooth L1 counts for label 1
    logs = ops.where(positive, ops.softplus(-logits), 0)
    logs = logs + ops.where(negative, ops.softplus(logits), 0)
    count = ops.sum(ops.cast(labels >= 0, logits.dtype))
    # WRONG count = ops.cast(labels.shape[0], logits.dtype)
    # WHY you divide by the number of all anchors; ignored ones are not to count
    # WRONG count = ops.sum(ops.cast(labels == 1, logits.dtype))
    # WHY you divide by the positive anchors only; n counts the negative ones too
    return (ops.sum(logs) + place) / ops.maximum(count, 1)
    # END SOLUTION


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
