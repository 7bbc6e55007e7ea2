"""Boxes: formats, areas, and intersection over union, which compares two of them.

Paper: Everingham, Van Gool, Williams, Winn and Zisserman, "The Pascal Visual Object
       Classes (VOC) Challenge", IJCV 2010.
Link:  https://doi.org/10.1007/s11263-009-0275-4 (section 4.2, equation 4)

Everywhere in this chapter a box is (left, top, right, bottom), which Keras calls
"xyxy": places in a continuous plane, in pixels or in widths of the image. The edges of
the first pixel are 0 and 1, so a box from 2 to 5 is 3 wide; nothing adds a 1.

Ground truth has a fixed number N of rows, so that images can be batched:

    {"boxes": (B, N, 4) float, "classes": (B, N) int}

A row of class -1 holds no object; its box means nothing. Detections look the same.
"""

import keras
from keras import ops

FORMATS = ("xyxy", "yxyx", "xywh", "center_xywh")


def convert(boxes, source, target="xyxy"):
    """Return boxes in another format; the names are those of Keras.

        xyxy         left, top, right, bottom: the chapter's own
        yxyx         top, left, bottom, right: TFDS, tf.image
        xywh         left, top, width, height: COCO
        center_xywh  centre, width, height: the papers' letters

    Args:
        boxes: (..., 4) float.
        source, target: one of FORMATS.

    Returns:
        (..., 4) float.

    Raises:
        ValueError: a format is none of these.

    Example:
        >>> [float(edge) for edge in convert([[5.0, 4.0, 6.0, 2.0]], "center_xywh")[0]]
        [2.0, 3.0, 8.0, 5.0]
    """
    for name in (source, target):
        if name not in FORMATS:
            raise ValueError(f"a format must be one of {FORMATS}, got {name!r}")
    a, b, c, d = edges(boxes)
    if source == "yxyx":
        a, b, c, d = b, a, d, c
    elif source == "xywh":
        c, d = a + c, b + d
    elif source == "center_xywh":
        a, b, c, d = a - c / 2, b - d / 2, a + c / 2, b + d / 2
    # (a, b, c, d) is left, top, right, bottom now
    if target == "yxyx":
        a, b, c, d = b, a, d, c
    elif target == "xywh":
        c, d = c - a, d - b
    elif target == "center_xywh":
        a, b, c, d = (a + c) / 2, (b + d) / 2, c - a, d - b
    return ops.stack([a, b, c, d], axis=-1)


def edges(boxes):
    """Return the four columns of boxes, each (...), in their order."""
    boxes = ops.convert_to_tensor(boxes)
    return tuple(boxes[..., i] for i in range(4))


def area(boxes):
    """Return width times height: (...); 0 for a box of negative width or height."""
    left, top, right, bottom = edges(boxes)
    return ops.maximum(right - left, 0) * ops.maximum(bottom - top, 0)


def clip(boxes, height, width):
    """Return boxes without what lies outside of an image of that size."""
    left, top, right, bottom = edges(boxes)
    across = [ops.clip(x, 0, width) for x in (left, right)]
    down = [ops.clip(y, 0, height) for y in (top, bottom)]
    return ops.stack([across[0], down[0], across[1], down[1]], axis=-1)


def iou(boxes1, boxes2):
    """Return how much each box of one set overlaps each of another.

        IoU(a, b) = area of a and b / area of a or b

    It is 1 only for equal boxes, 0 for disjoint ones, and changes neither when both
    are moved nor when both are scaled. A box without area, of negative size, or with
    a NaN overlaps nothing: its IoU is 0, never NaN.

    Args:
        boxes1: (..., N, 4) float.
        boxes2: (..., M, 4) float, with the same leading axes or none.

    Returns:
        (..., N, M), in the dtype of boxes1.

    Example:
        >>> round(float(iou([[0.0, 0, 2, 2]], [[1.0, 0, 3, 2]])[0, 0]), 4)
        0.3333
    """
    boxes1, boxes2 = ops.convert_to_tensor(boxes1), ops.convert_to_tensor(boxes2)
    dtype = boxes1.dtype if keras.backend.is_float_dtype(boxes1.dtype) else "float32"
    exact = keras.backend.result_type(dtype, "float32")  # half overflows at 256 x 256
    first = ops.cast(boxes1, exact)[..., :, None, :]  # (..., N, 1, 4)
    second = ops.cast(boxes2, exact)[..., None, :, :]  # (..., 1, M, 4)
    left, top, right, bottom = edges(first)
    left2, top2, right2, bottom2 = edges(second)
    width = ops.minimum(right, right2) - ops.maximum(left, left2)  # (..., N, M)
    height = ops.minimum(bottom, bottom2) - ops.maximum(top, top2)
    both = ops.maximum(width, 0) * ops.maximum(height, 0)
    either = area(first) + area(second) - both
    real = (either > 0) & ops.isfinite(either)
    return ops.cast(ops.where(real, both / ops.where(real, either, 1), 0), dtype)
