"""The fast gradient sign method: every pixel takes one small step against the label.

Paper: Goodfellow, Shlens and Szegedy, "Explaining and Harnessing Adversarial Examples",
       ICLR 2015.
Link:  https://arxiv.org/abs/1412.6572 (sections 3 and 4)
"""

import numpy as np
from keras import ops

from modules.generative.generative_model import check_images
from modules.vision.robustness.input_gradient import (
    check_box,
    check_epsilon,
    check_labels,
    input_gradient,
    label_loss,
)


def sign_step(x, gradient, epsilon=0.25, low=0.0, high=1.0):
    """Return x' = clip(x + epsilon sign(gradient)), from low to high.

    Of all x' with |x' - x| <= epsilon in every pixel it raises a linear function most:
    w . x' = w . x + epsilon ||w||_1, where nothing is clipped. A positive factor of the
    gradient changes nothing; where the gradient is 0 the pixel stays.

    Args:
        x: (B, ...) float, from low to high.
        gradient: of the shape of x.
        epsilon: float >= 0, in the units of x. In the paper 0.25 for MNIST.
        low, high: the box of images; -inf and inf for none, as the paper writes it.

    Returns:
        Tensor of the shape of x.

    Raises:
        ValueError: epsilon is not a number >= 0, or low is not below high.

    Example:
        >>> x, g = np.array([0.5, 0.5, 0.9]), np.array([1e-6, -20.0, 3.0])
        >>> print(ops.convert_to_numpy(sign_step(x, g)))
        [0.75 0.25 1.  ]
    """
    check_epsilon(epsilon)
    check_box(low, high)
    x = ops.convert_to_tensor(x)
    step = ops.cast(epsilon, x.dtype) * ops.sign(ops.cast(gradient, x.dtype))
    return ops.clip(x + step, low, high)


def fgsm(model, x, y, epsilon=0.25, loss=None, low=0.0, high=1.0):
    """Return images near x on which the loss of the true labels is higher.

        x' = clip(x + epsilon sign(gradient of J(x, y) by x))

    The attack changes the input and nothing else. To first order no other x' within
    epsilon has a higher J; a network is not linear, so J may even fall. Where the
    network is so sure that its probability rounds to 1, the gradient is 0 and x' = x.

    Args:
        model: keras.Model from images to (B, N) logits, not probabilities.
        x: (B, ...) float images, from low to high.
        y: (B,) int, the true labels; with a loss of your own, what that takes.
        epsilon: float >= 0, in the units of x. In the paper 0.25 for MNIST, 0.1 for
            CIFAR-10.
        loss: Keras loss or function of (y, logits); None for the cross-entropy.
        low, high: the box of images.

    Returns:
        Tensor of the shape of x.

    Raises:
        ValueError: images outside the box, labels out of range, epsilon not a number
            >= 0, or a gradient that is not finite.

    Example:
        >>> import keras
        >>> model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
        >>> x, y = np.full((4, 3), 0.5, "float32"), np.array([0, 1, 1, 0])
        >>> change = np.abs(fgsm(model, x, y, epsilon=0.1) - x)
        >>> print(np.round(change.max(), 3))
        0.1
    """
    check_epsilon(epsilon)
    check_box(low, high)
    check_images(x, low, high)
    x = ops.convert_to_tensor(x)
    if loss is None:
        check_labels(y, x.shape[0], model.compute_output_shape(x.shape)[-1])
    gradient = input_gradient(label_loss(model, y, loss), x)
    if not np.isfinite(ops.convert_to_numpy(gradient)).all():
        raise ValueError("the gradient is not finite: look at the logits and the loss")
    return sign_step(x, gradient, epsilon, low, high)
