"""Exercise: a grid that finds things, and who in it is responsible.

YOLO cuts the image into cells. The cell with the centre of a thing has to find it, and
of the boxes of that cell one: the one that is nearest to it already. You write the
targets, their inverse, the choice and the loss, all for one image. The choice has a
rule more than the paper, from its authors' code: at first no box may touch the thing,
and then overlap says nothing. A small network learns from your functions.

Paper: Redmon, Divvala, Girshick and Farhadi, "You Only Look Once", CVPR 2016.
Link:  https://arxiv.org/abs/1506.02640 (section 2)
See:   modules/detection/box_codec.py
Needs: detection (boxes, YOLO)
Time:  60 minutes
Grade: python -m course grade detection/grid_targets

Here a box is (x, y, w, h): the centre, the width and the height, in widths and heights
of the image, which reaches from 0 to 1 both ways. x runs to the right, y downwards. The
grid has its own number of rows and of columns. A = rows * columns cells are listed row
by row.
"""

import keras
from keras import layers, ops

from modules.detection.boxes import convert, iou

ROWS, COLUMNS, BOXES, CLASSES = 4, 6, 2, 3  # of the network below


def cells(boxes, rows, columns):
    """Return the cell in which the centre of each box lies.

    Args:
        boxes: (N, 4) float: x, y, w, h; all centres are inside of the image.
        rows, columns: int, of the grid.

    Returns:
        (N, 2) int: row and column, from 0.
    """
    # TODO: places in cells, rounded down
    raise NotImplementedError


def encode(boxes, rows, columns):
    """Return what a box of the responsible cell is to say.

    Args:
        boxes, rows, columns: as in `cells`.

    Returns:
        (N, 4) float: x and y from the left and upper edge of the cell, counted in
        cells, so from 0 to 1; then the square roots of w and h.
    """
    # TODO: what is left of the place in cells, and roots
    raise NotImplementedError


def decode(places, rows, columns):
    """Return the boxes that all cells speak of: the inverse of `encode`.

    Args:
        places: (A, B, 4) float, B boxes in each cell.
        rows, columns: int, A = rows * columns.

    Returns:
        (A, B, 4) float: x, y, w, h.
    """
    # TODO: add the place of the cell, divide by the grid, square the roots
    raise NotImplementedError


def responsible(overlaps, distances):
    """Return which box of each cell has to find the thing of that cell.

    It is the one with the highest IoU. If all IoUs of a cell are 0, it is the one with
    the smallest distance.

    Args:
        overlaps: (A, B) float, IoU of every box with the thing of its cell.
        distances: (A, B) float.

    Returns:
        (A,) int, from 0.
    """
    # TODO: highest overlap, or smallest distance where there is none
    raise NotImplementedError


def loss(places, confidences, scores, wanted, overlaps, chosen, labels, coord, noobj):
    """Return what the cells of an image cost: the sum of

        coord * (place - wanted)^2      four numbers, over the responsible boxes
        (confidence - overlap)^2        over the responsible boxes
        noobj * confidence^2            over all other boxes
        (score - right)^2               all classes, over the cells with a thing

    where right is 1 for the class of the thing and 0 for the others. The responsible
    box of cell a is chosen[a] if labels[a] >= 0; cells of label -1 have no thing, and
    none of their boxes is responsible. Gradients must flow through.

    Args:
        places: (A, B, 4) float; confidences: (A, B); scores: (A, C).
        wanted: (A, 4) float, as from `encode`; anything where there is no thing.
        overlaps: (A, B) float, IoU of every box with the thing of its cell.
        chosen: (A,) int, as from `responsible`; labels: (A,) int, -1 for none.
        coord, noobj: float.

    Returns:
        float scalar.
    """
    # TODO: a mask of responsible boxes, and four sums
    raise NotImplementedError


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


if __name__ == "__main__":
    boxes = ops.array([[0.4, 0.55, 0.3, 0.2]])
    print("cell", ops.convert_to_numpy(cells(boxes, ROWS, COLUMNS)).tolist())
    print("is to say", ops.convert_to_numpy(encode(boxes, ROWS, COLUMNS)).tolist())
