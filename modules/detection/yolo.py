"""YOLO: one pass, one grid; the cell that holds the centre of a thing answers for it.

Paper: Redmon, Divvala, Girshick and Farhadi, "You Only Look Once: Unified, Real-Time
       Object Detection", CVPR 2016.
Link:  https://arxiv.org/abs/1506.02640 (section 2, equation 3)
"""

import keras
from keras import ops

from modules.detection.boxes import clip, convert, iou
from modules.detection.detector import Detector, read_truth
from modules.detection.matching import gather_objects
from modules.detection.non_maximum_suppression import detections


@keras.saving.register_keras_serializable("detection")
class YOLO(Detector):
    """Read a map of S x S cells as B boxes a cell and the classes of the cell.

    A cell holds, for each box, x and y of the centre within the cell from 0 to 1, the
    roots of width and height in those of the image, and a confidence; then one number
    for each class. The classes belong to the cell, not to its boxes, so a cell can find
    things of one class only.

        L = coord sum_obj (x - x^)^2 + (y - y^)^2 + (sqrt w - sqrt w^)^2 + (h likewise)
            + sum_obj (C - C^)^2 + noobj sum_noobj C^2
            + sum over cells with an object of sum_c (p(c) - p^(c))^2

    an image; the mean over the batch is taken. obj are the responsible boxes: of each
    cell that holds the centre of an object the box that overlaps it most, whose
    confidence is to be that IoU. noobj are all other boxes. If a cell holds several
    centres, the first object in the list counts and the others are not learned.

    Args:
        backbone: model from images to a map (B, S, S, 5 boxes + num_classes).
        num_classes: int >= 1, called C in the paper.
        boxes: int >= 1, called B in the paper.
        coord, noobj: floats >= 0, the paper's lambdas.

    Shapes:
        images: (B, H, W, C) float, what the backbone takes.
        y: what the backbone gives; a map need not be square.

    Raises:
        ValueError: num_classes or boxes is not an int >= 1, or the backbone's channels
            are not 5 boxes + num_classes.

    Example:
        >>> image = keras.Input((64, 64, 3))
        >>> grid = keras.layers.Conv2D(2 * 5 + 6, 16, 16)(image)
        >>> model = YOLO(keras.Model(image, grid), num_classes=6)
        >>> tuple(model(ops.ones((1, 64, 64, 3))).shape)
        (1, 4, 4, 16)
    """

    def __init__(self, backbone, num_classes, boxes=2, coord=5.0, noobj=0.5, **kwargs):
        super().__init__(**kwargs)
        for name, value in (("num_classes", num_classes), ("boxes", boxes)):
            if not (isinstance(value, int) and value >= 1):
                raise ValueError(f"{name} must be an int >= 1, got {value!r}")
        channels = backbone.output_shape[-1]
        if channels != 5 * boxes + num_classes:
            need = f"5 x {boxes} + {num_classes} = {5 * boxes + num_classes}"
            raise ValueError(f"the backbone must give {need} channels, got {channels}")
        self.backbone, self.num_classes, self.boxes = backbone, num_classes, boxes
        self.coord, self.noobj = coord, noobj

    def build(self, input_shape):
        pass  # the backbone holds all weights

    def call(self, images, training=None):
        return self.backbone(images, training=training)

    def read(self, y):
        """Return what the cells say, in widths and heights of the image.

        Returns:
            places (B, S S, boxes, 4), as they come: x, y in the cell, roots of w, h.
            boxes (B, S S, boxes, 4): the same as corners, from 0 to 1.
            confidences (B, S S, boxes), classes (B, S S, C).
        """
        y = ops.cast(y, "float32")
        rows, columns = ops.shape(y)[1:3]
        flat = ops.reshape(y, (-1, rows * columns, y.shape[-1]))
        numbers = flat[..., : 5 * self.boxes]
        numbers = ops.reshape(numbers, (-1, rows * columns, self.boxes, 5))
        places = numbers[..., :4]
        corner = corners_of_cells(rows, columns)[:, None]  # (S S, 1, 2)
        sides = ops.cast(ops.stack([columns, rows]), "float32")
        centres, sizes = (places[..., :2] + corner) / sides, places[..., 2:] ** 2
        boxes = ops.concatenate([centres, sizes], axis=-1)
        boxes = convert(boxes, "center_xywh")
        return places, boxes, numbers[..., 4], flat[..., 5 * self.boxes :]

    def compute_loss(
        self, x=None, y=None, y_pred=None, sample_weight=None, training=True
    ):
        truth, labels = read_truth(y, self.num_classes)
        height, width = ops.shape(x)[1:3]
        sides = ops.cast(ops.stack([width, height, width, height]), "float32")
        places, boxes, confidences, scores = self.read(y_pred)
        rows, columns = ops.shape(y_pred)[1:3]
        matches, wanted = cell_targets(truth / sides, labels, rows, columns)
        there = matches >= 0  # (B, S S)
        objects = gather_objects(truth / sides, matches)[:, :, None]  # (B, S S, 1, 4)
        overlaps = ops.stop_gradient(iou(boxes, objects)[..., 0])  # (B, S S, boxes)
        chosen = ops.one_hot(ops.argmax(overlaps, axis=-1), self.boxes, dtype="bool")
        chosen = chosen & there[..., None]
        place = ops.sum((places - wanted[:, :, None]) ** 2, axis=-1)
        found, empty = (confidences - overlaps) ** 2, self.noobj * confidences**2
        loss = ops.where(chosen, self.coord * place + found, empty)
        right = ops.one_hot(gather_objects(labels, matches), self.num_classes)
        of_class = ops.where(there, ops.sum((scores - right) ** 2, axis=-1), 0)
        return ops.mean(ops.sum(loss, axis=(1, 2)) + ops.sum(of_class, axis=1))

    def detect(self, images, max_output=100, iou_threshold=0.5, score_threshold=0.01):
        """Return boxes (B, K, 4), scores and classes, as `detections` does.

        The score of a box for a class is its confidence times that of the cell's class.
        """
        _, boxes, confidences, scores = self.read(self(images))
        height, width = ops.shape(images)[1:3]
        sides = ops.cast(ops.stack([width, height, width, height]), "float32")
        boxes = clip(ops.reshape(boxes, (len(boxes), -1, 4)) * sides, height, width)
        scores = confidences[..., None] * scores[:, :, None]  # (B, S S, boxes, C)
        scores = ops.reshape(scores, (len(scores), -1, self.num_classes))
        return detections(boxes, scores, max_output, iou_threshold, score_threshold)

    def get_config(self):
        names = "num_classes boxes coord noobj"
        own = {name: getattr(self, name) for name in names.split()}
        return {**super().get_config(), **own}


def corners_of_cells(rows, columns):
    """Return left and top of every cell, (rows columns, 2), in cells."""
    y, x = ops.meshgrid(ops.arange(rows), ops.arange(columns), indexing="ij")
    corners = ops.stack([ops.reshape(x, (-1,)), ops.reshape(y, (-1,))], axis=-1)
    return ops.cast(corners, "float32")


def cell_targets(boxes, classes, rows, columns):
    """Return which object each cell answers for, and where in the cell it is.

    Args:
        boxes: (B, N, 4) float, corners from 0 to 1.
        classes: (B, N) int, -1 where there is no object.
        rows, columns: int, of the grid.

    Returns:
        matches (B, rows columns) int32, index of the object or -1; and (B, rows
        columns, 4): x, y in the cell, roots of w, h, any where there is no object.

    Example:
        >>> found, _ = cell_targets([[[0.6, 0.1, 0.8, 0.2]]], [[3]], 2, 3)
        >>> found.numpy().tolist()
        [[-1, -1, 0, -1, -1, -1]]
    """
    cells, within = cells_of(boxes, rows, columns)
    sizes = ops.cast(boxes, "float32")[..., 2:] - ops.cast(boxes, "float32")[..., :2]
    wanted = ops.concatenate([within, ops.sqrt(ops.maximum(sizes, 0))], axis=-1)
    matches = first_owner(cells, classes, rows * columns)
    return matches, gather_objects(wanted, matches)


def cells_of(boxes, rows, columns):
    """Return in which cell each box has its centre, and where in that cell.

    Args:
        boxes: (B, N, 4) float, corners from 0 to 1.
        rows, columns: int, of the grid.

    Returns:
        (B, N) int32, row times columns plus column; and (B, N, 2) float, x and y from
        0 to 1. A centre on the far edge of the image is in the last cell.
    """
    centres = ops.cast(convert(boxes, "xyxy", "center_xywh"), "float32")[..., :2]
    sides = ops.cast(ops.stack([columns, rows]), "float32")
    cell = ops.clip(ops.floor(centres * sides), 0, sides - 1)
    index = ops.cast(cell[..., 1] * sides[0] + cell[..., 0], "int32")
    return index, centres * sides - cell


def first_owner(places, classes, count):
    """Return the first object that belongs to each place, -1 where there is none.

    Args:
        places: (B, N) int, the place of each object, from 0 to count - 1.
        classes: (B, N) int, -1 where there is no object.
        count: int.

    Returns:
        (B, count) int32.
    """
    own = places[:, None] == ops.arange(count, dtype="int32")[:, None]
    own = own & (ops.convert_to_tensor(classes) >= 0)[:, None]  # (B, count, N)
    first = ops.cast(ops.argmax(own, axis=-1), "int32")
    return ops.where(ops.any(own, axis=-1), first, -1)
