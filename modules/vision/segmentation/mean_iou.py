"""Mean IoU: intersection over union of each class, over all pixels of all images.

Paper: Long, Shelhamer and Darrell, "Fully Convolutional Networks for Semantic
       Segmentation", CVPR 2015.
Link:  https://arxiv.org/abs/1411.4038 (section 5, metrics)
"""

import keras
from keras import ops

from modules.vision.segmentation.pixel_cross_entropy import as_labels, in_range


def confusion(y, p, num_classes, ignore=None, weights=1.0):
    """Return how many pixels of class i are predicted to be of class j.

    Pixels whose label is `ignore`, or no class, do not count, whatever is predicted.

    Args:
        y: (...) int, labels.
        p: (...) int, predictions, in 0 to num_classes - 1.
        num_classes: int, called K.
        ignore: int or None.
        weights: (...) float, how much a pixel counts.

    Returns:
        (K, K) float32, called n_ij.

    Example:
        >>> y, p = ops.array([0, 1, 1, 9]), ops.array([0, 1, 0, 0])
        >>> confusion(y, p, 2).numpy().tolist()
        [[1.0, 0.0], [1.0, 1.0]]
    """
    counts = in_range(y, num_classes)
    if ignore is not None:
        counts = counts & (y != ignore)
    rows = ops.one_hot(ops.where(counts, y, 0), num_classes)
    rows = rows * (ops.cast(counts, rows.dtype) * weights)[..., None]
    columns = ops.one_hot(p, num_classes)
    flat = (-1, num_classes)
    return ops.transpose(ops.reshape(rows, flat)) @ ops.reshape(columns, flat)


def segmentation_scores(n):
    """Return the four numbers by which the paper compares segmentations.

        pixel accuracy   sum_i n_ii / sum_i t_i            t_i = sum_j n_ij
        mean accuracy    mean over i of n_ii / t_i
        mean IoU         mean over i of n_ii / (t_i + sum_j n_ji - n_ii)
        weighted IoU     sum over i of t_i IoU_i / sum_i t_i

    A class that is neither there nor predicted has no IoU and is left out of the mean
    (not counted as 0, nor as 1), and a class that is not there has no accuracy. One
    that is predicted and not there has IoU 0. Without any pixel all four are 0.

    Args:
        n: (K, K) float, as from confusion.

    Returns:
        dict of name to a scalar in [0, 1]: pixel_accuracy, mean_accuracy, mean_iou,
        weighted_iou.
    """
    right, there, said = ops.diagonal(n), ops.sum(n, axis=1), ops.sum(n, axis=0)
    union = there + said - right
    iou = right / ops.maximum(union, 1e-7)
    total = ops.maximum(ops.sum(there), 1e-7)
    return {
        "pixel_accuracy": ops.sum(right) / total,
        "mean_accuracy": _mean(right / ops.maximum(there, 1e-7), there > 0),
        "mean_iou": _mean(iou, union > 0),
        "weighted_iou": ops.sum(there * iou) / total,
    }


def _mean(values, counts):
    counts = ops.cast(counts, values.dtype)
    return ops.sum(values * counts) / ops.maximum(ops.sum(counts), 1)


@keras.saving.register_keras_serializable("vision/segmentation")
class MeanIoU(keras.metrics.Metric):
    """The mean IoU of all that was seen since the last reset.

    The pixels of all batches are counted together; the mean of the IoUs of images is
    another number. keras.metrics.MeanIoU(sparse_y_pred=False) is the same, and wants
    its labels without a last axis of 1. A cell counts exactly up to 2^24 pixels.

    Args:
        num_classes: int >= 2.
        ignore: int, the label that does not count; None if all do.

    Shapes:
        y: (B, H, W) or (B, H, W, 1) int. logits: (B, H, W, K) float.

    Raises:
        ValueError: num_classes is not an int >= 2, or y and logits differ in size.

    Example:
        >>> metric = MeanIoU(3, ignore=255)
        >>> logits = ops.array([[[9.0, 0, 0], [9, 0, 0], [0, 9, 0]]])
        >>> metric.update_state(ops.array([[0, 1, 1]]), logits)
        >>> float(metric.result())
        0.5
    """

    def __init__(self, num_classes, ignore=255, name="mean_iou", **kwargs):
        super().__init__(name=name, **kwargs)
        if not (isinstance(num_classes, int) and num_classes >= 2):
            raise ValueError(f"num_classes must be an int >= 2, got {num_classes!r}")
        self.num_classes, self.ignore = num_classes, ignore
        shape = (num_classes, num_classes)
        self.n = self.add_variable(shape, initializer="zeros", name="n")

    def update_state(self, y, logits, sample_weight=None):
        if logits.shape[-1] != self.num_classes:
            found = f"got {logits.shape[-1]}"
            raise ValueError(f"logits must have {self.num_classes} classes, {found}")
        y, p = as_labels(y, logits), ops.argmax(logits, axis=-1)
        weights = 1.0 if sample_weight is None else ops.cast(sample_weight, "float32")
        n = confusion(y, p, self.num_classes, self.ignore, weights)
        self.n.assign_add(ops.cast(n, self.n.dtype))

    def result(self):
        return segmentation_scores(ops.convert_to_tensor(self.n))["mean_iou"]

    def get_config(self):
        own = {"num_classes": self.num_classes, "ignore": self.ignore}
        return {**super().get_config(), **own}
