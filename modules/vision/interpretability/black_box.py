"""A network as a black box: images in, one number each out, for one fixed class.

Source: course; occlusion and LIME ask nothing else of what they explain.
"""

import numpy as np
from keras import ops

from modules.generative.generative_model import check_images


def class_score(model, target, activation=None, low=0.0, high=1.0):
    """Return the function from images to the score of one class.

    The class stays the same whatever is done to the image. An explanation of "the class
    that wins" would be of another class wherever another one wins.

    Args:
        model: keras.Model from (B, ...) images to (B, N); asked as in inference.
        target: int, the class, from 0 to N - 1.
        activation: function of what the model gives, such as softmax for probabilities
            from logits; None for none.
        low, high: the range of images.

    Returns:
        Function from (B, ...) to (B,). It raises ValueError if there is no such class,
        or if images are outside their range.

    Example:
        >>> score = class_score(lambda x, training: x, target=1)
        >>> print(ops.convert_to_numpy(score(np.array([[0.1, 0.9, 0.4]]))))
        [0.9]
    """

    def score(images):
        check_images(images, low, high)
        y = model(ops.convert_to_tensor(images), training=False)
        check_target(target, y.shape[-1])
        return (activation(y) if activation else y)[:, target]

    return score


def check_target(target, classes):
    """Refuse a class that is not an int from 0 to classes - 1.

    Raises:
        ValueError: it is not.
    """
    if not (isinstance(target, (int, np.integer)) and 0 <= target < classes):
        raise ValueError(f"target must be an int from 0 to {classes - 1}, got {target}")


def check_image(image):
    """Return one image as an array.

    Raises:
        ValueError: it is not (H, W, C) float.
    """
    image = ops.convert_to_numpy(image)
    if image.ndim != 3 or image.dtype.kind != "f" or not image.size:
        found = f"got {image.dtype} of shape {image.shape}"
        raise ValueError(f"image must be (H, W, C) float, {found}")
    return image


def ask(score, images):
    """Return the scores of images, batch by batch.

    Args:
        score: function from (B, H, W, C) to (B,).
        images: iterable of batches.

    Returns:
        NumPy array, in float64.

    Raises:
        ValueError: the score is not one finite number for each image.
    """
    found = []
    for batch in images:
        y = ops.convert_to_numpy(score(batch)).astype("float64")
        if y.shape != batch.shape[:1]:
            raise ValueError(f"score must give ({len(batch)},), got {y.shape}")
        if not np.isfinite(y).all():
            raise ValueError("the score is not finite for some images")
        found.append(y)
    return np.concatenate(found)
