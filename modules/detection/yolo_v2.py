"""YOLOv2: each cell of the grid moves priors, and the centre cannot leave its cell.

Paper: Redmon and Farhadi, "YOLO9000: Better, Faster, Stronger", CVPR 2017.
Link:  https://arxiv.org/abs/1612.08242 (section 2, direct location prediction)
"""

import keras
import numpy as np
from keras import ops

from modules.detection.box_codec import LARGEST_LOG
from modules.detection.boxes import clip, convert, iou
from modules.detection.detector import Detector, read_truth
from modules.detection.matching import gather_objects
from modules.detection.non_maximum_suppression import detections
from modules.detection.yolo import cells_of, corners_of_cells, first_owner


@keras.saving.register_keras_serializable("detection")
class YOLOv2(Detector):
    """Read a map of cells as places relative to k priors a cell, each with classes.

        b_x = sigma(t_x) + c_x    b_y = sigma(t_y) + c_y       C = sigma(t_o)
        b_w = p_w exp(t_w)        b_h = p_h exp(t_h)

    in cells, (c_x, c_y) being the corner of the cell. Faster R-CNN's anchors can be
    moved anywhere; this centre stays in its cell, which is what makes training stable.
    Unlike YOLO's, classes belong to the box: things of two classes in one cell can both
    be found if their shapes differ.

    An object is learned by the cell of its centre and the prior that overlaps it most
    when both are laid upon one centre; if two objects want the same, the first counts.

    The paper does not print the loss. Here it is that of the authors' program,

        sum_obj coord |(sigma t_x, sigma t_y, t_w, t_h) - wanted|^2
            + found (C - IoU)^2 - log softmax(classes)[class]
        + noobj sum_noobj C^2

    an image, in the mean over the batch, where noobj are the boxes that are nobody's
    and overlap every object by less than `least`. Left out is what the program does in
    its first 12,800 images: pulling all boxes to their priors.

    Args:
        backbone: model from images to (B, S, S, k (5 + num_classes)), as
            `darknet.yolo_v2_network`.
        num_classes: int >= 1.
        priors: k pairs of numbers > 0, width and height in CELLS: of box_clusters.
        coord, found, noobj: floats >= 0.
        least: float in [0, 1].

    Shapes:
        images: (B, H, W, C) float, what the backbone takes.
        y: what the backbone gives; a map need not be square.

    Raises:
        ValueError: a prior is not > 0, num_classes is not an int >= 1, or the
            backbone's channels are not k (5 + num_classes).

    Example:
        >>> image = keras.Input((64, 64, 3))
        >>> grid = keras.layers.Conv2D(2 * (5 + 6), 16, 16)(image)
        >>> model = YOLOv2(keras.Model(image, grid), 6, priors=[(1, 1), (2, 3)])
        >>> tuple(model(ops.ones((1, 64, 64, 3))).shape)
        (1, 4, 4, 22)
    """

    def __init__(
        self,
        backbone,
        num_classes,
        priors,
        coord=1.0,
        found=5.0,
        noobj=1.0,
        least=0.6,
        **kwargs,
    ):
        super().__init__(**kwargs)
        if not (isinstance(num_classes, int) and num_classes >= 1):
            raise ValueError(f"num_classes must be an int >= 1, got {num_classes!r}")
        sizes = np.asarray(priors, "float32")
        if sizes.ndim != 2 or sizes.shape[1] != 2 or not (sizes > 0).all():
            raise ValueError(f"priors must be (k, 2) and > 0, got {priors!r}")
        need, channels = len(sizes) * (5 + num_classes), backbone.output_shape[-1]
        if channels != need:
            raise ValueError(f"the backbone must give {need} channels, got {channels}")
        self.backbone, self.num_classes = backbone, num_classes
        self.priors = sizes.tolist()
        self.coord, self.found, self.noobj, self.least = coord, found, noobj, least

    def build(self, input_shape):
        pass  # the backbone holds all weights

    def call(self, images, training=None):
        return self.backbone(images, training=training)

    def read(self, y):
        """Return what the cells say, box by box: A = S S k, priors of a cell together.

        Returns:
            places (B, A, 4): sigma t_x, sigma t_y, t_w, t_h.
            boxes (B, A, 4): the same as corners, from 0 to 1.
            confidences (B, A), logits (B, A, num_classes).
        """
        y = ops.cast(y, "float32")
        rows, columns = ops.shape(y)[1:3]
        cells, k = rows * columns, len(self.priors)
        t = ops.reshape(y, (-1, cells, k, 5 + self.num_classes))
        within, logs = ops.sigmoid(t[..., :2]), ops.minimum(t[..., 2:4], LARGEST_LOG)
        sides = ops.cast(ops.stack([columns, rows]), "float32")
        centres = (within + corners_of_cells(rows, columns)[:, None]) / sides
        sizes = ops.convert_to_tensor(self.priors, "float32") * ops.exp(logs) / sides
        boxes = convert(ops.concatenate([centres, sizes], axis=-1), "center_xywh")
        parts = ops.concatenate([within, logs], axis=-1), boxes, t[..., 4:]
        places, boxes, rest = (
            ops.reshape(p, (-1, cells * k, p.shape[-1])) for p in parts
        )
        return places, boxes, ops.sigmoid(rest[..., 0]), rest[..., 1:]

    def compute_loss(
        self, x=None, y=None, y_pred=None, sample_weight=None, training=True
    ):
        truth, labels = read_truth(y, self.num_classes)
        height, width = ops.shape(x)[1:3]
        truth = truth / ops.cast(ops.stack([width, height, width, height]), "float32")
        truth = ops.pad(truth, [[0, 0], [0, 1], [0, 0]])  # there may be no object
        labels = ops.pad(labels, [[0, 0], [0, 1]], constant_values=-1)
        return ops.mean(ops.sum(self.losses_of(y_pred, truth, labels), axis=1))

    def losses_of(self, y, truth, labels):
        """Return the loss of each box, (B, A), for truth from 0 to 1."""
        places, boxes, confidences, logits = self.read(y)
        grid = ops.shape(y)[1:3]
        matches, wanted = prior_targets(truth, labels, self.priors, *grid)
        overlaps = ops.stop_gradient(iou(boxes, truth))  # (B, A, N)
        overlaps = ops.where(labels[:, None] >= 0, overlaps, 0)

        def of_match(values, column):
            column = ops.maximum(column, 0)[..., None]
            return ops.take_along_axis(values, column, axis=-1)[..., 0]

        place = ops.sum((places - wanted) ** 2, axis=-1)
        found = (confidences - of_match(overlaps, matches)) ** 2
        right = of_match(ops.log_softmax(logits), gather_objects(labels, matches))
        empty = ops.max(overlaps, axis=-1) < self.least
        nothing = ops.where(empty, self.noobj * confidences**2, 0)
        loss = self.coord * place + self.found * found - right
        return ops.where(matches >= 0, loss, nothing)

    def detect(self, images, max_output=100, iou_threshold=0.45, score_threshold=0.01):
        """Return boxes (B, K, 4), scores and classes, as `detections` does."""
        _, boxes, confidences, logits = self.read(self(images))
        height, width = ops.shape(images)[1:3]
        sides = ops.cast(ops.stack([width, height, width, height]), "float32")
        scores = confidences[..., None] * ops.softmax(logits)
        boxes = clip(boxes * sides, height, width)
        return detections(boxes, scores, max_output, iou_threshold, score_threshold)

    def get_config(self):
        names = "num_classes priors coord found noobj least"
        own = {name: getattr(self, name) for name in names.split()}
        return {**super().get_config(), **own}


def prior_targets(boxes, classes, priors, rows, columns):
    """Return which object each prior of each cell answers for, and how.

    Args:
        boxes: (B, N, 4) float, corners from 0 to 1.
        classes: (B, N) int, -1 where there is no object.
        priors: (k, 2) float, widths and heights in cells.
        rows, columns: int, of the grid.

    Returns:
        matches (B, rows columns k) int32, index of the object or -1; and (B, rows
        columns k, 4): x, y in the cell, log(w / p_w), log(h / p_h), 0 where there is
        no object.

    Example:
        >>> box = [[[0.6, 0.1, 0.8, 0.5]]]  # 0.4 x 0.8 cells
        >>> found, _ = prior_targets(box, [[3]], [[1, 1], [0.5, 1]], 2, 2)
        >>> found.numpy().tolist()
        [[-1, -1, -1, 0, -1, -1, -1, -1]]
    """
    priors = ops.convert_to_tensor(priors, "float32")
    cells, within = cells_of(boxes, rows, columns)
    sides = ops.cast(ops.stack([columns, rows]), "float32")
    boxes = ops.cast(boxes, "float32")
    sizes = (boxes[..., 2:] - boxes[..., :2]) * sides  # (B, N, 2), in cells
    both = ops.prod(ops.minimum(sizes[:, :, None], priors), axis=-1)  # (B, N, k)
    areas = ops.prod(sizes, axis=-1)[..., None] + ops.prod(priors, axis=-1)
    best = ops.cast(ops.argmax(both / (areas - both), axis=-1), "int32")
    k = priors.shape[0]
    matches = first_owner(cells * k + best, classes, rows * columns * k)
    logs = ops.log(ops.maximum(sizes, 1e-9) / ops.take(priors, best, axis=0))
    wanted = gather_objects(ops.concatenate([within, logs], axis=-1), matches)
    return matches, ops.where(matches[..., None] >= 0, wanted, 0)
