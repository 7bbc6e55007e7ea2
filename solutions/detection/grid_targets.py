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
    # BEGIN SOLUTION places in cells, rounded down
    # HINT x * columns is the centre in cells from the left.
    # HINT ops.floor rounds down; ops.cast(..., "int32") makes whole numbers.
    x, y = boxes[:, 0], boxes[:, 1]
    # WRONG x, y = boxes[:, 0] - boxes[:, 2] / 2, boxes[:, 1] - boxes[:, 3] / 2
    # WHY you take the left upper corner: the cell of the centre is responsible
    row, column = ops.floor(y * rows), ops.floor(x * columns)
    # WRONG row, column = ops.floor(x * rows), ops.floor(y * columns)
    # WHY x and y are swapped: y chooses the row, x the column
    # WRONG row, column = ops.floor(y * columns), ops.floor(x * rows)
    # WHY you multiply by the wrong side: y goes over the rows, x over the columns
    # WRONG row, column = ops.round(y * rows), ops.round(x * columns)
    # WHY you round to the nearest cell; the cell that holds the centre is asked
    return ops.cast(ops.stack([row, column], axis=-1), "int32")
    # WRONG return ops.cast(ops.stack([column, row], axis=-1), "int32")
    # WHY you return the column first
    # END SOLUTION


def encode(boxes, rows, columns):
    """Return what a box of the responsible cell is to say.

    Args:
        boxes, rows, columns: as in `cells`.

    Returns:
        (N, 4) float: x and y from the left and upper edge of the cell, counted in
        cells, so from 0 to 1; then the square roots of w and h.
    """
    # BEGIN SOLUTION what is left of the place in cells, and roots
    # HINT The place in the cell is the place in cells without its whole part.
    x, y = boxes[:, 0] * columns, boxes[:, 1] * rows
    # WRONG x, y = boxes[:, 0] * rows, boxes[:, 1] * columns
    # WHY you count x in rows and y in columns; it is the other way round
    x, y = x - ops.floor(x), y - ops.floor(y)
    # WRONG x, y = boxes[:, 0], boxes[:, 1]
    # WHY x and y are relative to the image with you; they are relative to the cell
    # WRONG x, y = (x - ops.floor(x)) / columns, (y - ops.floor(y)) / rows
    # WHY you measure the place in the cell in widths of the image, not of the cell
    # WRONG x, y = x - ops.floor(x) - 0.5, y - ops.floor(y) - 0.5
    # WHY you measure from the middle of the cell; its left and upper edge is 0
    sizes = ops.sqrt(boxes[:, 2:])
    # WRONG sizes = boxes[:, 2:]
    # WHY the roots of width and height are missing
    # WRONG sizes = ops.sqrt(boxes[:, 2:] * ops.array([columns, rows], "float32"))
    # WHY width and height are in those of the image, not in cells
    return ops.concatenate([ops.stack([x, y], axis=-1), sizes], axis=-1)
    # END SOLUTION


def decode(places, rows, columns):
    """Return the boxes that all cells speak of: the inverse of `encode`.

    Args:
        places: (A, B, 4) float, B boxes in each cell.
        rows, columns: int, A = rows * columns.

    Returns:
        (A, B, 4) float: x, y, w, h.
    """
    # BEGIN SOLUTION add the place of the cell, divide by the grid, square the roots
    # HINT Cell number a is in row a // columns and column a % columns.
    # HINT Add a new axis: column[:, None] is (A, 1).
    number = ops.arange(rows * columns)
    row, column = number // columns, number % columns
    # WRONG row, column = number % rows, number // rows
    # WHY your list of cells goes down the columns; it goes along the rows
    row, column = (
        ops.cast(row, "float32")[:, None],
        ops.cast(column, "float32")[:, None],
    )
    # WRONG row, column = 0.0, 0.0
    # WHY you leave out where the cell is
    x = (places[..., 0] + column) / columns
    # WRONG x = places[..., 0] + column / columns
    # WHY the place in the cell is in cells, too: divide the sum
    # WRONG x = places[..., 0] + column
    # WHY you leave x in cells; a box is in widths of the image
    y = (places[..., 1] + row) / rows
    sizes = places[..., 2:] ** 2
    # WRONG sizes = places[..., 2:]
    # WHY width and height are the squares of what the cell says
    # WRONG sizes = ops.sqrt(ops.abs(places[..., 2:]))
    # WHY you take a root once more; its inverse is the square
    return ops.concatenate([ops.stack([x, y], axis=-1), sizes], axis=-1)
    # END SOLUTION


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
    # BEGIN SOLUTION highest overlap, or smallest distance where there is none
    # HINT ops.where(condition, this, that) chooses cell by cell.
    best = ops.argmax(overlaps, axis=-1)
    # WRONG best = ops.argmin(overlaps, axis=-1)
    # WHY you choose the box that overlaps the thing least
    nearest = ops.argmin(distances, axis=-1)
    # WRONG nearest = ops.argmax(distances, axis=-1)
    # WHY where nothing overlaps you take the farthest box
    # WRONG nearest = ops.zeros_like(best)
    # WHY where nothing overlaps you take the first box; it is the nearest one
    touched = ops.max(overlaps, axis=-1) > 0
    # WRONG touched = ops.min(overlaps, axis=-1) > 0
    # WHY one box that overlaps the thing is enough; you ask for all of them
    # WRONG touched = ops.max(overlaps, axis=-1) > 1
    # WHY you choose by distance always; overlap comes first
    # WRONG touched = ops.max(overlaps, axis=-1) > 0.5
    # WHY you choose by distance below an IoU of 0.5; only if all are 0
    return ops.where(touched, best, nearest)
    # END SOLUTION


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
    # BEGIN SOLUTION a mask of responsible boxes, and four sums
    # HINT ops.one_hot(chosen, B) marks a box in every cell; keep cells with a thing.
    # HINT ops.one_hot(labels, C) gives zeros for the label -1.
    there = ops.cast(labels >= 0, places.dtype)  # (A,)
    mine = ops.one_hot(chosen, places.shape[1]) * there[:, None]  # (A, B)
    # WRONG mine = ops.ones_like(confidences) * there[:, None]
    # WHY all boxes of a cell with a thing are responsible with you; it is one
    # WRONG mine = ops.one_hot(chosen, places.shape[1])
    # WHY a cell without a thing has a responsible box with you
    other = 1 - mine
    # WRONG other = ops.ones_like(mine) * (1 - there[:, None])
    # WHY in a cell with a thing the other box is forgotten: its confidence is to be 0
    # WRONG other = ops.ones_like(mine)
    # WHY you pull the confidence of responsible boxes to 0 as well
    place = ops.sum((places - wanted[:, None]) ** 2, axis=-1)
    # WRONG place = ops.mean((places - wanted[:, None]) ** 2, axis=-1)
    # WHY you average the four numbers of a place; they are added
    # WRONG place = ops.sum(ops.abs(places - wanted[:, None]), axis=-1)
    # WHY you add absolute values; all errors here are squared
    sure = (confidences - overlaps) ** 2
    # WRONG sure = (confidences - 1) ** 2
    # WHY a responsible box is to say its overlap, not 1
    right = ops.one_hot(labels, scores.shape[1])
    named = ops.sum((scores - right) ** 2, axis=-1) * there
    # WRONG named = ops.sum((scores - right) ** 2, axis=-1)
    # WHY cells without a thing have no class; you teach them to say none
    # WRONG named = ops.sum((scores * right - right) ** 2, axis=-1) * there
    # WHY you leave out the wrong classes, whose scores are to be 0
    boxes = mine * (coord * place + sure) + other * noobj * confidences**2
    # WRONG boxes = mine * (noobj * place + sure) + other * coord * confidences**2
    # WHY coord and noobj are swapped
    # WRONG boxes = mine * coord * (place + sure) + other * noobj * confidences**2
    # WHY coord weighs the place only, not the confidence
    # WRONG boxes = mine * (coord * place + sure) + other * confidences**2
    # WHY noobj is missing: most boxes find nothing and would drown the others
    return ops.sum(boxes) + ops.sum(named)
    # END SOLUTION


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
