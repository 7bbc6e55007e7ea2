"""Pixel cross-entropy: the loss of a label image, without the pixels of no class.

Paper: Ronneberger, Fischer and Brox, "U-Net: Convolutional Networks for Biomedical
       Image Segmentation", MICCAI 2015.
Link:  https://arxiv.org/abs/1505.04597 (section 3, equation 1)
"""

import keras
from keras import ops

from modules.vision.classification.label_smoothing import SmoothedCrossEntropy


@keras.saving.register_keras_serializable("vision/segmentation")
class PixelCrossEntropy(SmoothedCrossEntropy):
    """The mean of -ln p(label) over the pixels that count, in all images together.

        E = sum over x of w(x) (- ln p_l(x)(x)) / sum over x of w(x)

    l(x) is the label and w(x) the weight of a pixel: the sample_weight, or 1, and 0
    where the label is `ignore`. Ignored pixels are not in the divisor either, else an
    image with a wide unlabelled border would count less in every other pixel. The
    paper's E is the negative of this sum and not divided. A label that is no class at
    all does not count; Segmenter refuses it. Where nothing counts the loss is 0.

    Keras's SparseCategoricalCrossentropy(from_logits=True, ignore_class=255) is the
    same for labels (B, H, W), but NaN or an error for a label that is no class.

    Args:
        ignore: int, the label that does not count, such as 255 (VOC) or -1; None.
        epsilon: float in [0, 1), label smoothing.
        reduction: as in Keras; by default the mean above.

    Shapes:
        y: (B, H, W) or (B, H, W, 1) int. logits: (B, H, W, K) float.
        sample_weight: (B, H, W) float, such as U-Net's border weights.
        The loss is one number.

    Raises:
        ValueError: y and logits differ in size, or epsilon is not in [0, 1).

    Example:
        >>> y, logits = ops.array([[[1, 255]]]), ops.zeros((1, 1, 2, 4))
        >>> print(f"{float(PixelCrossEntropy()(y, logits)):.4f}")  # ln 4
        1.3863
    """

    def __init__(
        self,
        ignore=255,
        epsilon=0.0,
        reduction="mean_with_sample_weight",
        name="pixel_cross_entropy",
        **kwargs,
    ):
        super().__init__(epsilon, ignore, reduction, name=name, **kwargs)

    def __call__(self, y, logits, sample_weight=None):
        y = as_labels(y, logits)
        counts = in_range(y, logits.shape[-1])
        if self.ignore is not None:
            counts = counts & (y != self.ignore)
        counts = ops.cast(counts, self.dtype)
        y = ops.where(counts > 0, y, ops.zeros_like(y))
        if sample_weight is not None:
            counts = counts * ops.cast(sample_weight, self.dtype)
        return keras.losses.Loss.__call__(self, y, logits, counts)


def as_labels(y, logits):
    """Return labels (B, H, W) int32, from those or from (B, H, W, 1).

    Raises:
        ValueError: they are not of the size of the logits (B, H, W, K).
    """
    y = ops.cast(y, "int32")
    if getattr(y.shape, "rank", 0) is not None:  # after two ranks TensorFlow knows none
        want, got = tuple(logits.shape[:-1]), tuple(y.shape)
        got = got[:-1] if len(got) > len(want) and got[-1] == 1 else got
        fits = len(got) == len(want) and all(
            a is None or b is None or a == b for a, b in zip(got, want, strict=True)
        )
        if not fits:
            raise ValueError(f"labels must be {want} as the logits are, got {y.shape}")
    return ops.reshape(y, ops.shape(logits)[:-1])


def in_range(y, num_classes):
    """Return where y is a class, one of 0 to num_classes - 1."""
    return (y >= 0) & (y < num_classes)
