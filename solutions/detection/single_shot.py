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
    # BEGIN SOLUTION the first by itself, then even steps, one of them beyond the last
    # HINT How many steps lead from the second map to the last one?
    # HINT For 6 maps: 0.7 in four steps, each 0.175.
    step = (high - low) / (maps - 2)
    # WRONG step = (high - low) / (maps - 1)
    # WHY you spread low to high over all maps; the first one has a scale of its own
    # WRONG step = (high - low) / maps
    # WHY you take as many steps as there are maps; between n maps there are n - 1, and
    # WHY the first one stands apart
    return [first] + [low + step * k for k in range(maps)]
    # WRONG return [first] + [low + step * k for k in range(maps - 1)]
    # WHY the further scale is missing: the last map needs it for its second square
    # WRONG return [low + step * k for k in range(maps + 1)]
    # WHY the first map has the scale low with you; it has one of its own
    # END SOLUTION


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
    # BEGIN SOLUTION k sizes, a set of them at every centre, cut between 0 and 1
    # HINT From w h = s^2 and w / h = a follows w = s sqrt(a).
    # HINT y, x = ops.meshgrid(rows, columns, indexing="ij") are (height, width) each.
    # HINT Cut the edges, x - w / 2 and so on, with ops.clip; then go back.
    offset = 0.5
    # WRONG offset = 0.0
    # WHY your boxes are centred on the corners of the cells; it is the middle
    between = math.sqrt(scale * after)
    # WRONG between = (scale + after) / 2
    # WHY the side of the second square is the root of the product, not the mean
    # WRONG between = after
    # WHY the second square has the size of the next map's; it is halfway, by the root
    sizes = [(scale, scale), (between, between)]
    # WRONG sizes = [(scale, scale)]
    # WHY the second square is missing: with it SSD300 has 8,732 boxes
    for a in ratios:
        w, h = scale * math.sqrt(a), scale / math.sqrt(a)
        # WRONG w, h = scale * a, scale / a
        # WHY w / h is a squared: a root is missing
        # WRONG w, h = scale * a, scale
        # WHY the area grows with the ratio; it is scale^2 for all of them
        sizes += [(w, h), (h, w)]
        # WRONG sizes += [(h, w), (w, h)]
        # WHY the tall box comes first with you: a ratio above 1 is wide
        # WRONG sizes += [(w, h)]
        # WHY every ratio is used twice, as a and as 1 / a
    rows = (ops.arange(height, dtype="float32") + offset) / height
    columns = (ops.arange(width, dtype="float32") + offset) / width
    y, x = ops.meshgrid(rows, columns, indexing="ij")  # (height, width)
    # WRONG x, y = ops.meshgrid(rows, columns, indexing="ij")
    # WHY x and y are swapped: x grows with the column and y with the row
    centres = ops.stack([x, y], axis=-1)[:, :, None]  # (height, width, 1, 2)
    half = ops.convert_to_tensor(sizes, "float32") / 2  # (k, 2)
    start, end = ops.clip(centres - half, 0, 1), ops.clip(centres + half, 0, 1)
    # WRONG start, end = centres - half, centres + half
    # WHY your boxes reach beyond the image: they are to be cut at 0 and 1
    return ops.concatenate([(start + end) / 2, end - start], axis=-1)
    # WRONG return ops.concatenate([start, end], axis=-1)
    # WHY you return the edges of the boxes; asked are centre and size
    # END SOLUTION


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
    # BEGIN SOLUTION rank the background of each image by its loss
    # HINT Give the boxes with an object a loss of -1, so that they come last.
    # HINT order = ops.argsort(-losses, axis=-1) lists the boxes, the highest first.
    # HINT rank = ops.argsort(order, axis=-1) is the place of each box in that list.
    background = labels == 0
    # WRONG background = labels >= 0
    # WHY boxes with an object are chosen as negatives too
    found = ops.sum(ops.cast(labels > 0, "int32"), axis=-1, keepdims=True)  # (B, 1)
    # WRONG found = ops.sum(ops.cast(labels > 0, "int32"))
    # WHY you count the objects of the whole batch; each image has its own number
    count = ops.maximum(ratio * found, least)
    # WRONG count = ratio * found
    # WHY least is missing: an image without objects is to teach something too
    # WRONG count = ratio * found + least
    # WHY you add least; it is the smallest number, not a further one
    # WRONG count = ops.maximum(found // ratio, least)
    # WHY you take one background box for ratio objects: it is the other way round
    losses = ops.where(background, losses, -1.0)
    # WRONG losses = losses
    # WHY objects of high loss take the places of background in your ranking
    order = ops.argsort(-losses, axis=-1)
    # WRONG order = ops.argsort(ops.where(background, losses, 1e9), axis=-1)
    # WHY you choose the background of the lowest loss, which has nothing to teach
    rank = ops.argsort(order, axis=-1)
    # WRONG rank = order
    # WHY the sorted list of boxes is not the rank of each box: sort it once more
    return background & (rank < count)
    # END SOLUTION


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
    # BEGIN SOLUTION two sums over the boxes that count, divided by the objects
    # HINT ops.where(labels > 0, smooth, 0) keeps only what counts.
    # HINT ops.maximum(number, 1) never divides by 0.
    positive = labels > 0
    # WRONG positive = labels >= 0
    # WHY you take background, label 0, for a class
    counted = positive | chosen
    # WRONG counted = chosen
    # WHY only background has a class loss with you; the objects have one too
    # WRONG counted = positive
    # WHY the chosen background costs nothing, so everything will look like an object
    # WRONG counted = labels >= 0
    # WHY all background counts with you, and drowns the objects; only the chosen does
    class_loss = ops.sum(ops.where(counted, losses, 0))
    error = ops.abs(deltas - targets)
    smooth = ops.sum(ops.where(error < 1, error**2 / 2, error - 0.5), axis=-1)
    # WRONG smooth = ops.sum(error**2 / 2, axis=-1)
    # WHY beyond 1 the loss must be linear, or one bad box dominates
    # WRONG smooth = ops.mean(ops.where(error < 1, error**2 / 2, error - 0.5), axis=-1)
    # WHY you average the four numbers of a box; they are added
    place = ops.sum(ops.where(positive, smooth, 0))
    # WRONG place = ops.sum(ops.where(counted, smooth, 0))
    # WHY you ask the chosen background for a place; there is no right answer
    number = ops.sum(ops.cast(positive, losses.dtype))
    # WRONG number = ops.sum(ops.cast(counted, losses.dtype))
    # WHY you divide by all boxes that count; N is the objects alone
    # WRONG number = ops.cast(labels.shape[0], losses.dtype)
    # WHY you divide by the number of images; N is how many boxes have an object
    number = ops.maximum(number, 1)
    # WRONG number = number + 1
    # WHY you add 1 to N; it is 1 only where there is no object
    return (class_loss + weight * place) / number
    # WRONG return class_loss + weight * place
    # WHY the division by N is missing
    # WRONG return class_loss / number + weight * place
    # WHY only the class loss is divided by N; both are
    # END SOLUTION


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
