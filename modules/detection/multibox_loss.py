"""MultiBox loss: boxes with an object, and only the background that looks like one.

Paper: Liu, Anguelov, Erhan, Szegedy, Reed, Fu and Berg, "SSD: Single Shot MultiBox
       Detector", ECCV 2016.
Link:  https://arxiv.org/abs/1512.02325 (section 2.2, equations 1 to 3)
"""

import keras
from keras import ops

from modules.detection.matching import BACKGROUND, keep_top
from modules.detection.multi_task_loss import smooth_l1


def multibox_loss(logits, deltas, wanted, targets, weight=1.0, negatives=3):
    """Return the loss of a batch.

        L = (L_conf + alpha L_loc) / N

    L_conf is the sum of -log softmax over the matched priors and the hard negatives:
    of the background of each image the priors with the highest loss, `negatives`
    times as many as are matched there. L_loc is the sum of smooth L1 over the matched.
    N is how many priors of the batch are matched; without any the loss is 0. So an
    image without objects teaches nothing.

    Args:
        logits: (B, A, C + 1) float, background first.
        deltas, targets: (B, A, 4) float, called l and g in the paper.
        wanted: (B, A) int, class from 0, BACKGROUND = -1, or IGNORED = -2.
        weight: float, called alpha in the paper.
        negatives: int, hard negatives for each matched prior.

    Returns:
        float scalar.
    """
    positive = wanted >= 0
    losses = keras.losses.sparse_categorical_crossentropy(
        ops.maximum(wanted, BACKGROUND) + 1, logits, from_logits=True
    )
    hard = hard_negatives(losses, wanted, negatives)
    class_loss = ops.sum(ops.where(positive | hard, losses, 0))
    error = ops.where(positive[..., None], deltas - targets, 0)
    number = ops.maximum(ops.sum(ops.cast(positive, losses.dtype)), 1)
    return (class_loss + weight * ops.sum(smooth_l1(error))) / number


def hard_negatives(losses, wanted, negatives=3):
    """Return which background priors count: those of the highest loss.

    Args:
        losses: (..., A) float, -log p of the wanted class.
        wanted: (..., A) int, as above.
        negatives: int, how many for each matched prior of the same image.

    Returns:
        (..., A) bool.

    Example:
        >>> hard_negatives([9.0, 0.5, 0.2, 0.7], [4, -1, -1, -1], 2).numpy()
        array([False,  True, False,  True])
    """
    wanted = ops.convert_to_tensor(wanted)
    count = negatives * ops.sum(ops.cast(wanted >= 0, "int32"), axis=-1)
    return keep_top(wanted == BACKGROUND, ops.stop_gradient(losses), count)
