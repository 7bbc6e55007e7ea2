"""Box codec: a box as seen from an anchor, in four numbers near zero.

Paper: Girshick, Donahue, Darrell and Malik, "Rich Feature Hierarchies for Accurate
       Object Detection and Semantic Segmentation", CVPR 2014 (R-CNN).
Link:  https://arxiv.org/abs/1311.2524 (appendix C, equations 1 to 4 and 6 to 9)
"""

import math

from keras import ops

from modules.detection.boxes import convert

SMALLEST = 1e-6  # of the anchor's side; below it a logarithm would not be finite
LARGEST_LOG = math.log(1000 / 16)


def encode(boxes, anchors, variances=(1, 1, 1, 1)):
    """Return what to predict at an anchor so that decode gives the box.

        t_x = (x - x_a) / w_a      t_w = log(w / w_a)
        t_y = (y - y_a) / h_a      t_h = log(h / h_a)

    x, y are centres and w, h sizes of the box, and with index a of the anchor (in
    R-CNN: G and P). Where both are equal t is 0, and t does not change when both are
    moved or scaled.

    Args:
        boxes: (..., 4) float, as in boxes.py.
        anchors: (..., 4) float, of sizes > 0.
        variances: four floats by which t is divided; SSD's are 0.1, 0.1, 0.2, 0.2, and
            bring the four to about the same spread.

    Returns:
        (..., 4): t_x, t_y, t_w, t_h; finite also for a box without area.

    Example:
        >>> encode([[2.0, 0, 6, 8]], [[0.0, 0, 4, 8]]).numpy().tolist()
        [[0.5, 0.0, 0.0, 0.0]]
    """
    boxes = convert(boxes, "xyxy", "center_xywh")
    anchors = convert(anchors, "xyxy", "center_xywh")
    t_xy = (boxes[..., :2] - anchors[..., :2]) / anchors[..., 2:]
    t_wh = ops.log(ops.maximum(boxes[..., 2:] / anchors[..., 2:], SMALLEST))
    t = ops.concatenate([t_xy, t_wh], axis=-1)
    return t / ops.convert_to_tensor(variances, t.dtype)


def decode(deltas, anchors, variances=(1, 1, 1, 1)):
    """Return the box that deltas describe at an anchor: the inverse of encode.

        x = t_x w_a + x_a      w = w_a exp(t_w)

    and so for y and h. As everybody does, t_w and t_h are cut off at log(1000 / 16), so
    that no prediction overflows.

    Args:
        deltas: (..., 4) float: t_x, t_y, t_w, t_h.
        anchors: (..., 4) float.
        variances: as in encode.

    Returns:
        (..., 4), boxes as in boxes.py.

    Example:
        >>> decode([[0.5, 0, 0, 0]], [[0.0, 0, 4, 8]]).numpy().tolist()
        [[2.0, 0.0, 6.0, 8.0]]
    """
    deltas = ops.convert_to_tensor(deltas)
    anchors = ops.cast(convert(anchors, "xyxy", "center_xywh"), deltas.dtype)
    t = deltas * ops.convert_to_tensor(variances, deltas.dtype)
    centres = t[..., :2] * anchors[..., 2:] + anchors[..., :2]
    sizes = anchors[..., 2:] * ops.exp(ops.minimum(t[..., 2:], LARGEST_LOG))
    return convert(ops.concatenate([centres, sizes], axis=-1), "center_xywh")
