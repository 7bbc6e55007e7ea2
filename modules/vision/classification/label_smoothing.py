"""Label smoothing: ask for the right class with probability just below 1.

Paper: Szegedy, Vanhoucke, Ioffe, Shlens and Wojna, "Rethinking the Inception
       Architecture for Computer Vision", CVPR 2016.
Link:  https://arxiv.org/abs/1512.00567 (section 7)
"""

import math

import keras
from keras import ops

from modules.foundations.learning.softmax import log_softmax


def smooth_labels(y, epsilon=0.1):
    """Return the targets q'(k) = (1 - epsilon) q(k) + epsilon / K.

    Every target is softened, always and in the same way; no label is changed at random.

    Args:
        y: (..., K) float, one-hot or any distribution.
        epsilon: float in [0, 1), 0.1 in the paper.

    Returns:
        (..., K) float; sums to 1 as y does.

    Example:
        >>> y = ops.array([0.0, 1.0, 0.0, 0.0])
        >>> print(ops.convert_to_numpy(smooth_labels(y, epsilon=0.5)))
        [0.125 0.625 0.125 0.125]
    """
    return (1 - epsilon) * y + epsilon / ops.cast(ops.shape(y)[-1], y.dtype)


def logit_gap(num_classes, epsilon=0.1):
    """Return how far the right logit is above the others where the loss is smallest.

        gap = ln(K (1 - epsilon) / epsilon + 1)

    There softmax equals the smoothed target. Without smoothing the gap grows for ever.

    Args:
        num_classes: int >= 2, called K.
        epsilon: float in (0, 1).

    Example:
        >>> print(f"{logit_gap(10):.2f}")
        4.51
    """
    return math.log(num_classes * (1 - epsilon) / epsilon + 1)


@keras.saving.register_keras_serializable("vision/classification")
class SmoothedCrossEntropy(keras.losses.Loss):
    """Cross-entropy from logits to the smoothed target of an integer label.

        loss = - sum over k of q'(k) ln p(k) = (1 - epsilon) H(q, p) + epsilon H(u, p)

    u is uniform: epsilon / K for every class. The smallest value is the entropy of q',
    not 0. Measure with accuracy or plain cross-entropy: this loss smooths whenever it
    is called, in `evaluate` too. On one-hot labels keras.losses.CategoricalCrossentropy
    (label_smoothing=epsilon) is the same.

    Args:
        epsilon: float in [0, 1), 0.1 in the paper.
        ignore: int, the label that does not count, such as padding; None if all do.
        reduction: as in Keras. The default averages over the labels that count (and by
            sample_weight, where given).

    Shapes:
        y: (...) int, the labels, such as (B,) or (B, T). logits: (..., K) float.
        The loss is one number, and 0 where no label counts.

    Raises:
        ValueError: epsilon is not in [0, 1).

    Example:
        >>> y, logits = ops.array([[3, 0]]), ops.zeros((1, 2, 4))
        >>> print(f"{float(SmoothedCrossEntropy(ignore=0)(y, logits)):.4f}")
        1.3863
    """

    def __init__(
        self,
        epsilon=0.1,
        ignore=None,
        reduction="mean_with_sample_weight",
        name="smoothed_cross_entropy",
        **kwargs,
    ):
        super().__init__(name=name, reduction=reduction, **kwargs)
        if not 0 <= epsilon < 1:
            raise ValueError(f"epsilon must be in [0, 1), got {epsilon!r}")
        self.epsilon = epsilon
        self.ignore = ignore

    def __call__(self, y, logits, sample_weight=None):
        if self.ignore is not None:
            counts = ops.cast(ops.not_equal(y, self.ignore), self.dtype)
            sample_weight = counts * (1 if sample_weight is None else sample_weight)
        return super().__call__(y, logits, sample_weight)

    def call(self, y, logits):
        log_p = log_softmax(logits)  # (..., K)
        y = ops.cast(y, "int32")  # Keras makes the labels of a loss float
        if self.ignore is not None:  # it may be no class at all
            y = ops.where(y == self.ignore, 0, y)
        right = ops.take_along_axis(log_p, y[..., None], axis=-1)[..., 0]
        return -(1 - self.epsilon) * right - self.epsilon * ops.mean(log_p, axis=-1)

    def get_config(self):
        return {**super().get_config(), "epsilon": self.epsilon, "ignore": self.ignore}
