"""Multi-task loss: a class for every box, and a place for those that hold an object.

Paper: Girshick, "Fast R-CNN", ICCV 2015.
Link:  https://arxiv.org/abs/1504.08083 (section 2.3, equations 1 to 3)
"""

from keras import ops


def smooth_l1(error, beta=1.0):
    """Return a loss that is quadratic near zero and linear beyond.

        0.5 e^2 / beta   if |e| < beta,   |e| - 0.5 beta   else

    Value and slope have no jump at beta, and the slope stays within -1 and 1: one box
    that is far off cannot dominate a batch.

    Args:
        error: (...) float.
        beta: float > 0; 1 in the paper. Later detectors take 1/9.

    Returns:
        (...), in the dtype of error.

    Raises:
        ValueError: beta is not > 0.

    Example:
        >>> smooth_l1([-3.0, 0.5, 1.0]).numpy().tolist()
        [2.5, 0.125, 0.5]
    """
    if not beta > 0:
        raise ValueError(f"beta must be > 0, got {beta!r}")
    size = ops.abs(error)
    return ops.where(size < beta, 0.5 * size * size / beta, size - 0.5 * beta)


def multi_task_loss(losses, counted, deltas, targets, positive, weight=1.0, beta=1.0):
    """Return the loss of every image of a batch.

        L = sum of L_cls over counted + weight * sum of smooth_l1(t - t*) over positive

    divided by the number of counted boxes, at least 1. A box that is not counted
    contributes exactly 0, and so does the place of one that is not positive, whatever
    its target is, NaN included.

    Args:
        losses: (B, A) float, the class loss of each box, -log p of its true class.
        counted: (B, A) bool, the boxes whose class counts.
        deltas, targets: (B, A, 4) float, called t and v in the paper.
        positive: (B, A) bool, the boxes whose place counts.
        weight: float, called lambda in the paper.
        beta: as in smooth_l1.

    Returns:
        (B,) float.
    """
    number = ops.maximum(ops.sum(ops.cast(counted, losses.dtype), axis=-1), 1)
    class_loss = ops.sum(ops.where(counted, losses, 0), axis=-1)
    error = ops.where(positive[..., None], deltas - targets, 0)
    place_loss = ops.sum(smooth_l1(error, beta), axis=(-2, -1))
    return (class_loss + weight * place_loss) / number
