"""What attacks share: the gradient of any objective by the input, and refused input.

Source: course; an attack searches for an x' near x, and attacks differ in the
        objective and in the step.
"""

import keras
import numpy as np
import tensorflow as tf  # keras.ops has no gradient
from keras import ops


def input_gradient(objective, x):
    """Return the gradient of an objective by x. The weights stay as they are.

    Args:
        objective: function of x. If it gives several numbers, it is their sum that is
            differentiated; for (B,) numbers, one for each x, every x gets its own.
        x: float array or tensor.

    Returns:
        Tensor of the shape and dtype of x; 0 where the objective does not depend on it.

    Example:
        >>> g = input_gradient(ops.square, np.array([1.0, 3.0]))
        >>> print(ops.convert_to_numpy(g))
        [2. 6.]
    """
    x = ops.convert_to_tensor(x)
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(x)
        value = objective(x)
    return tape.gradient(value, x, unconnected_gradients="zero")


def label_loss(model, y, loss=None):
    """Return the objective of an attack on labels: J as a function of x.

    The model is asked as in inference: no dropout, moving averages that stay.

    Args:
        model: keras.Model to (B, N) logits.
        y: labels, as the loss takes them.
        loss: Keras loss or function of (y, logits); None for the sum over the batch of
            the cross-entropy to int labels.
    """
    if loss is None:
        loss = keras.losses.SparseCategoricalCrossentropy(
            from_logits=True, reduction="sum"
        )
    return lambda x: loss(y, model(x, training=False))


def check_epsilon(epsilon):
    """Refuse a radius that is not a number >= 0.

    Raises:
        ValueError: epsilon is negative, infinite or NaN.
    """
    if not (isinstance(epsilon, (int, float, np.number)) and 0 <= epsilon < np.inf):
        raise ValueError(f"epsilon must be a number >= 0, got {epsilon!r}")


def check_box(low, high):
    """Refuse a box that is empty.

    Raises:
        ValueError: low is not below high.
    """
    if not low < high:
        raise ValueError(f"low must be below high, got {low!r} and {high!r}")


def check_labels(y, examples, classes):
    """Refuse labels that are not one int from 0 to classes - 1 for each example.

    Args:
        y: array.
        examples, classes: int.

    Raises:
        ValueError: another number of labels, no ints, or out of range.

    Example:
        >>> check_labels(np.array([0, 2]), examples=2, classes=3)
    """
    y = ops.convert_to_numpy(y)
    if y.shape not in ((examples,), (examples, 1)) or y.dtype.kind not in "iu":
        found = f"got {y.dtype} of shape {y.shape}"
        raise ValueError(f"labels must be one int for each image, {found}")
    if y.size and not (0 <= y.min() and y.max() < classes):
        found = f"got them from {y.min()} to {y.max()}"
        raise ValueError(f"labels must be from 0 to {classes - 1}, {found}")
