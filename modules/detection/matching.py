"""Matching: which anchor is to find which object, and which are to find nothing.

Paper: Ren, He, Girshick and Sun, "Faster R-CNN: Towards Real-Time Object Detection
       with Region Proposal Networks", NeurIPS 2015.
Link:  https://arxiv.org/abs/1506.01497 (sections 3.1.2 and 3.1.3)
"""

from keras import ops

BACKGROUND, IGNORED = -1, -2


def match(overlaps, present, positive=0.7, negative=0.3):
    """Return for every anchor the object it is to find, or BACKGROUND, or IGNORED.

    An anchor is positive for the object that it overlaps most if their IoU is
    >= positive, background if it overlaps every object by < negative, and ignored in
    between. Moreover the anchors that overlap an object more than any other anchor
    does are positive for it, however small the IoU; one that is best for several
    objects takes the one that it overlaps most. So every object has a positive anchor,
    provided that no two share their best one and that some anchor touches it.

    Args:
        overlaps: (..., A, N) IoU of anchors and objects.
        present: (..., N) bool, False for the rows that hold no object.
        positive, negative: floats; SSD takes 0.5 for both, so that none is ignored.

    Returns:
        (..., A) int32: index of the object, BACKGROUND = -1 or IGNORED = -2.

    Raises:
        ValueError: not 0 <= negative <= positive <= 1.

    Example:
        >>> match([[0.8, 0.1], [0.5, 0.4], [0.2, 0.0]], [True, True]).numpy()
        array([ 0,  1, -1], dtype=int32)
    """
    if not 0 <= negative <= positive <= 1:
        got = f"negative={negative!r}, positive={positive!r}"
        raise ValueError(f"need 0 <= negative <= positive <= 1, got {got}")
    overlaps = ops.convert_to_tensor(overlaps)
    present = ops.convert_to_tensor(present)[..., None, :]  # (..., 1, N)
    overlaps = ops.where(present, overlaps, -1)
    if overlaps.shape[-1] == 0:
        return ops.full(ops.shape(overlaps)[:-1], BACKGROUND, "int32")
    most = ops.max(overlaps, axis=-1)  # (..., A)
    found = ops.where(most >= negative, IGNORED, BACKGROUND)
    found = ops.where(most >= positive, ops.argmax(overlaps, axis=-1), found)
    best = ops.max(overlaps, axis=-2, keepdims=True)  # (..., 1, N), over the anchors
    claims = ops.where(overlaps == best, overlaps, -1)
    claimed = ops.max(claims, axis=-1) > 0
    found = ops.where(claimed, ops.argmax(claims, axis=-1), found)
    return ops.cast(found, "int32")


def gather_objects(values, matches):
    """Return for each anchor the value of its object; any for those without one.

    Args:
        values: (B, N) or (B, N, D), such as the classes or boxes of the truth.
        matches: (B, A) int, from match.

    Returns:
        (B, A) or (B, A, D).
    """
    row = ops.maximum(matches, 0)
    if len(values.shape) == 3:
        row = row[..., None]
    return ops.take_along_axis(values, row, axis=1)


def keep_top(mask, priority, count):
    """Return the mask with only those of its True that have the highest priority.

    With noise for the priority this draws a random sample, as the region proposal
    network does; with the loss it finds SSD's hard negatives.

    Args:
        mask: (..., A) bool.
        priority: (..., A) float, finite.
        count: int, or (...) int: how many may stay at most.

    Returns:
        (..., A) bool.

    Example:
        >>> keep_top([True, True, False, True], [0.1, 0.5, 0.9, 0.3], 2).numpy()
        array([False,  True, False,  True])
    """
    priority = ops.where(mask, priority, float("-inf"))
    order = ops.argsort(-priority, axis=-1)
    rank = ops.argsort(order, axis=-1)  # the place of each in that order
    allowed = ops.convert_to_tensor(count)[..., None]
    return ops.logical_and(mask, rank < ops.cast(allowed, rank.dtype))
