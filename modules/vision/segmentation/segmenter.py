"""Segmenter: a network from images to logits of every pixel that looks at its data.

Source: course; the networks of this chapter are made of it.
"""

import keras
import numpy as np

LARGEST = 20.0  # standardized images stay below, those from 0 to 255 do not


@keras.saving.register_keras_serializable("vision/segmentation")
class Segmenter(keras.Model):
    """A functional model that says so when images or labels make no sense.

        model = Segmenter(inputs, logits)

    Arrays are looked through before training starts. A tf.data.Dataset is not: of one,
    a label that is no class does not count in PixelCrossEntropy and MeanIoU.

    Args:
        inputs, outputs: Keras tensors, as for keras.Model.

    Shapes:
        images: (B, H, W, C) float.
        labels: (B, h, w) or (B, h, w, 1) int, with h and w as the model gives them.
        y: (B, h, w, K), logits.

    Raises:
        ValueError: by `fit` and `evaluate`, where `check_pairs` does.
    """

    def fit(self, x=None, y=None, *args, **kwargs):
        self._look(x, y)
        return super().fit(x, y, *args, **kwargs)

    def evaluate(self, x=None, y=None, *args, **kwargs):
        self._look(x, y)
        return super().evaluate(x, y, *args, **kwargs)

    def _look(self, x, y):
        if hasattr(x, "shape") and hasattr(y, "shape"):
            shape = self.compute_output_shape(x.shape)
            check_pairs(x, y, shape, getattr(self.loss, "ignore", None))


def check_pairs(images, labels, shape, ignore=None):
    """Refuse images and labels from which nothing can be learned.

    Args:
        images: (B, H, W, C) array.
        labels: (B, h, w) or (B, h, w, 1) array of int.
        shape: (B, h, w, K), what the network gives for the images.
        ignore: int, the label that does not count; None if all do.

    Raises:
        ValueError: the labels are not of the size that the network gives, or hold
            something else than 0 to K - 1 and `ignore`, or that does not count
            anywhere; the images are not floats, or not finite, or look like 0 to 255.

    Example:
        >>> x, y = np.zeros((1, 4, 4, 3), "float32"), np.full((1, 4, 4), 7)
        >>> check_pairs(x, y, (1, 4, 4, 3), ignore=255)
        Traceback (most recent call last):
        ValueError: labels must be in 0 to 2, or 255, got 7 in image 0
    """
    images, labels = np.asarray(images), np.asarray(labels)
    want = (len(images), *shape[1:3])
    if labels.shape not in (want, (*want, 1)):
        hint = f"the network gives {shape[1]} x {shape[2]} pixels; crop or pad labels"
        raise ValueError(f"labels must be {want}, got {labels.shape}: {hint}")
    wrong = (labels < 0) | (labels >= shape[-1]) | (labels % 1 != 0)
    wrong &= labels != ignore  # != None is True
    if wrong.any():
        got = f"got {labels[wrong][0]} in image {np.argwhere(wrong)[0][0]}"
        other = "" if ignore is None else f", or {ignore}"
        raise ValueError(f"labels must be in 0 to {shape[-1] - 1}{other}, {got}")
    if images.dtype.kind != "f":
        raise ValueError(f"images must be floats, got {images.dtype}: divide by 255")
    largest = np.abs(images).max(initial=0)
    if not largest <= LARGEST:  # NaN is refused too
        hint = "from 0 to 255 they must be divided by 255"
        raise ValueError(f"images must be about 1, got values up to {largest}: {hint}")
