"""Anchors: boxes of a few sizes and shapes at every position of a map.

Paper: Ren, He, Girshick and Sun, "Faster R-CNN: Towards Real-Time Object Detection
       with Region Proposal Networks", NeurIPS 2015.
Link:  https://arxiv.org/abs/1506.01497 (section 3.1.1)
"""

from keras import ops


def anchor_sizes(scales=(128, 256, 512), ratios=(0.5, 1, 2)):
    """Return the widths and heights of the anchors of one position.

        w = s / sqrt(r)    h = s sqrt(r)    so that  w h = s^2  and  h / w = r

    The defaults are the paper's nine. (Its own code also rounds them.)

    Args:
        scales: floats > 0, called s here.
        ratios: floats > 0, called r here, height by width.

    Returns:
        (k, 2) float32: width, height; all ratios of the first scale come first.

    Raises:
        ValueError: a scale or ratio is not > 0, or there is none.

    Example:
        >>> anchor_sizes([8], [0.25, 1]).numpy().tolist()
        [[16.0, 4.0], [8.0, 8.0]]
    """
    for name, values in (("scales", scales), ("ratios", ratios)):
        if not (len(values) and all(value > 0 for value in values)):
            raise ValueError(f"{name} must be numbers > 0, got {values!r}")
    scale = ops.convert_to_tensor(scales, "float32")[:, None]
    root = ops.sqrt(ops.convert_to_tensor(ratios, "float32"))
    return ops.reshape(ops.stack([scale / root, scale * root], axis=-1), (-1, 2))


def anchor_grid(sizes, height, width, strides, offset=0.5):
    """Return an anchor of every size at every position of a map.

    The centre of position (i, j) is ((j + offset) strides, (i + offset) strides).
    Where strides are a fraction of the image, so are sizes and anchors.

    Row i comes before row i + 1, position j before j + 1, and the k sizes of one
    position stand together: the order in which (B, height, width, k n) reshapes to
    (B, height width k, n).

    Args:
        sizes: (k, 2) float, as from anchor_sizes.
        height, width: int, of the map; may be scalar tensors.
        strides: float, or two: vertical and horizontal.
        offset: float; the middle of a cell is 0.5.

    Returns:
        (height width k, 4) float32: boxes as in boxes.py.

    Example:
        >>> anchor_grid([[4, 2]], height=1, width=2, strides=8).numpy().tolist()
        [[2.0, 3.0, 6.0, 5.0], [10.0, 3.0, 14.0, 5.0]]
    """
    sizes = ops.cast(sizes, "float32")
    down, across = strides if isinstance(strides, (tuple, list)) else (strides, strides)
    y = (ops.arange(height, dtype="float32") + offset) * down
    x = (ops.arange(width, dtype="float32") + offset) * across
    y, x = ops.meshgrid(y, x, indexing="ij")  # (h, w)
    centres = ops.stack([x, y], axis=-1)[:, :, None]  # (h, w, 1, 2)
    corners = [centres - sizes / 2, centres + sizes / 2]  # (h, w, k, 2) each
    return ops.reshape(ops.concatenate(corners, axis=-1), (-1, 4))


def inside(anchors, height, width):
    """Return which anchors, (..., 4), lie within an image of that size: (...) bool."""
    low = ops.all(anchors[..., :2] >= 0, axis=-1)
    return low & (anchors[..., 2] <= width) & (anchors[..., 3] <= height)
