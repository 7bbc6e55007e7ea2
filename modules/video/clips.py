"""Clips as networks take them, and a classifier that says what is wrong with them.

Source: (B, T, H, W, C) floats, as those of Karpathy et al., "Large-scale Video
        Classification with Convolutional Neural Networks", CVPR 2014, section 4.1.
"""

import keras
import numpy as np

LARGEST = 64  # pixels of 0 to 255 exceed it; colours of 0 to 1 and flow do not


@keras.saving.register_keras_serializable("video")
class ClipClassifier(keras.Model):
    """A functional network from clips to logits that looks at what it is trained on.

    Arrays are looked through before `fit` and `evaluate` start; a tf.data.Dataset is
    not. The paper subtracts 117 from pixels of 0 to 255; here they are divided by 255
    first, so that the same rate of learning suits colours and flow.

    Shapes:
        x: (B, T, H, W, C) or (B, H, W, C) float.
        y: (B,) or (B, 1) int, from 0 to K - 1.
        logits: (B, K).

    Raises:
        ValueError: where `check_clips` does.
    """

    def fit(self, x=None, y=None, *args, **kwargs):
        self._look(x, y)
        return super().fit(x, y, *args, **kwargs)

    def evaluate(self, x=None, y=None, *args, **kwargs):
        self._look(x, y)
        return super().evaluate(x, y, *args, **kwargs)

    def _look(self, x, y):
        if hasattr(x, "shape") and hasattr(y, "shape"):
            check_clips(x, y, self.output_shape[-1])


def check_clips(x, y, num_classes):
    """Refuse clips and labels that no network of so many classes can learn.

    Args:
        x: (B, ...) floats of about 1: colours from 0 to 1, with or without their mean.
        y: (B,) or (B, 1) ints.
        num_classes: int.

    Raises:
        ValueError: x holds integers, NaN or infinity, or values to 255; y holds no
            integers, or one that is not in 0 to num_classes - 1.

    Example:
        >>> check_clips(np.zeros((1, 2, 3, 3, 1)), np.array([8]), 8)
        Traceback (most recent call last):
        ValueError: labels must be in 0 to 7, got 8 for clip 0
    """
    x, y = np.asarray(x), np.asarray(y)
    if x.dtype.kind != "f":
        raise ValueError(f"clips must be floats: divide by 255; got {x.dtype}")
    most = np.abs(x).max(initial=0)
    if not np.isfinite(most):
        raise ValueError("clips must be finite, got NaN or infinity")
    if most > LARGEST:
        raise ValueError(f"clips must be of about 1: divide by 255; got {most:g}")
    if y.dtype.kind not in "iu" or y.size != len(x):
        got = f"{y.dtype} of shape {y.shape}"
        raise ValueError(f"labels must be {len(x)} ints, one a clip, got {got}")
    wrong = np.flatnonzero((y < 0) | (y >= num_classes))
    if wrong.size:
        first = f"got {y.reshape(-1)[wrong[0]]} for clip {wrong[0]}"
        raise ValueError(f"labels must be in 0 to {num_classes - 1}, {first}")
