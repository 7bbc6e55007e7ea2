"""Detector: what all models from images to boxes do with the ground truth.

Source: the ground truth of Everingham et al., "The Pascal Visual Object Classes (VOC)
        Challenge", IJCV 2010, as boxes.py holds it.
"""

import copy

import keras
import numpy as np
from keras import ops


class Detector(keras.Model):
    """A model that fits boxes and classes, and says so when they make no sense.

    A subclass sets `backbone`, a model, and `num_classes`, and defines `compute_loss`
    (with `read_truth`) and `detect`. Arrays are looked through before training starts.
    A tf.data.Dataset is not: of one, a row that makes no sense counts as no object.

    Args:
        **kwargs: those of keras.Model, such as name and dtype.

    Shapes:
        images: (B, H, W, C) float.
        y: what the subclass gives.

    Raises:
        ValueError: by `fit` and `evaluate`, where `check_truth` does.
    """

    def fit(self, x=None, y=None, *args, **kwargs):
        if isinstance(y, dict):
            check_truth(y, self.num_classes)
        return super().fit(x, y, *args, **kwargs)

    def evaluate(self, x=None, y=None, *args, **kwargs):
        if isinstance(y, dict):
            check_truth(y, self.num_classes)
        return super().evaluate(x, y, *args, **kwargs)

    def get_config(self):
        own = {"backbone": keras.saving.serialize_keras_object(self.backbone)}
        return {**super().get_config(), **own}

    @classmethod
    def from_config(cls, config):
        plain = copy.deepcopy(config["backbone"])  # Keras empties what it reads
        backbone = keras.saving.deserialize_keras_object(plain)
        return cls(**{**config, "backbone": backbone})


def check_truth(truth, num_classes):
    """Refuse ground truth that no detector of so many classes can learn.

    Args:
        truth: dict of boxes (B, N, 4) and classes (B, N), arrays as in boxes.py. Boxes
            of rows of class -1 are not looked at, and an image may have no object.
        num_classes: int.

    Raises:
        ValueError: a class is not in -1 to num_classes - 1, or the box of an object
            has a NaN, or no width, or no height.

    Example:
        >>> check_truth({"boxes": [[[4.0, 0, 2, 9]]], "classes": [[0]]}, 6)
        Traceback (most recent call last):
        ValueError: the box of object 0 of image 0 has no area: [4.0, 0.0, 2.0, 9.0]
    """
    classes, boxes = np.asarray(truth["classes"]), np.asarray(truth["boxes"])
    if boxes.shape != (*classes.shape, 4):
        shapes = f"boxes {boxes.shape} for classes {classes.shape}"
        raise ValueError(f"need boxes (B, N, 4) and classes (B, N), got {shapes}")
    wrong = (classes < -1) | (classes >= num_classes)
    if wrong.any():
        got = f"got {classes[wrong][0]} in image {np.argwhere(wrong)[0][0]}"
        raise ValueError(f"classes must be in -1 to {num_classes - 1}, {got}")
    solid = np.isfinite(boxes).all(-1) & (boxes[..., 2:] > boxes[..., :2]).all(-1)
    wrong = (classes >= 0) & ~solid
    if wrong.any():
        image, row = np.argwhere(wrong)[0]
        box = boxes[image, row].astype(float).tolist()
        raise ValueError(f"the box of object {row} of image {image} has no area: {box}")


def read_truth(truth, num_classes):
    """Return boxes and classes, in which rows that make no sense are no objects.

    Args:
        truth: dict of boxes (B, N, 4) and classes (B, N) tensors.
        num_classes: int.

    Returns:
        boxes (B, N, 4) float32, all 0 where there is no object, and classes (B, N)
        int32, -1 there.
    """
    boxes = ops.cast(truth["boxes"], "float32")
    classes = ops.cast(truth["classes"], "int32")
    solid = ops.all(boxes[..., 2:] > boxes[..., :2], axis=-1)  # False for NaN
    solid = solid & ops.all(ops.isfinite(boxes), axis=-1)
    there = solid & (classes >= 0) & (classes < num_classes)
    return ops.where(there[..., None], boxes, 0), ops.where(there, classes, -1)
