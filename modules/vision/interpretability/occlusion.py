"""Occlusion: cover a part of the image, and see how far the score of the class falls.

Paper: Zeiler and Fergus, "Visualizing and Understanding Convolutional Networks",
       ECCV 2014.
Link:  https://arxiv.org/abs/1311.2901 (section 4.2, figure 7)
"""

import numpy as np

from modules.vision.interpretability.black_box import ask, check_image


def occlusion_map(score, image, patch=8, strides=1, fill=0.5, batch_size=64):
    """Return the score of the image with a grey square at each place.

        heat[i, j] = score(image, with fill in the rows i s to i s + patch - 1, and the
                           columns j s to j s + patch - 1)

    s are the strides. What is low is what mattered: score(image) - heat is the drop.
    For a linear score w . x + b the drop is exactly the sum over the square of
    w (x - fill), so a square that looks like the fill drops nothing.

    Args:
        score: function from (B, H, W, C) to (B,), as class_score makes it; in the paper
            the probability of the true class.
        image: (H, W, C) float.
        patch: int >= 1, the side of the square.
        strides: int >= 1. Squares are inside the image, so with strides that do not fit
            the last rows and columns are never covered.
        fill: float, or (C,) floats: the grey.
        batch_size: int >= 1, images in one call of the score.

    Returns:
        NumPy array (h, w), h = (H - patch) // strides + 1.

    Raises:
        ValueError: the square is larger than the image, or patch, strides or fill are
            no such numbers.

    Example:
        >>> image = np.array([[[0.2], [0.9], [0.6]]], "float32")
        >>> heat = occlusion_map(lambda x: x.sum(axis=(1, 2, 3)), image, patch=1)
        >>> print(np.round(1.7 - heat, 3))  # the drops
        [[-0.3  0.4  0.1]]
    """
    image = check_image(image)
    height, width, channels = image.shape
    _check(patch, strides, height, width)
    fill = np.asarray(fill, image.dtype)
    if fill.shape not in ((), (channels,)) or not np.isfinite(fill).all():
        raise ValueError(f"fill must be a number, or one for each channel, got {fill}")
    rows, columns = _places(height, patch, strides), _places(width, patch, strides)
    corners = [(i, j) for i in rows for j in columns]

    def batches():
        for first in range(0, len(corners), batch_size):
            part = corners[first : first + batch_size]
            covered = np.repeat(image[None], len(part), axis=0)
            for x, (i, j) in zip(covered, part, strict=True):
                x[i : i + patch, j : j + patch] = fill
            yield covered

    return ask(score, batches()).reshape(len(rows), len(columns))


def spread(values, height, width, patch, strides=1):
    """Return for every pixel the mean of the values of the squares that cover it.

    Args:
        values: (h, w) floats, one a square, such as drops.
        height, width: int, of the image.
        patch, strides: as they were in occlusion_map.

    Returns:
        NumPy array (H, W); 0 where no square came.

    Raises:
        ValueError: there are not as many values as squares.

    Example:
        >>> print(spread(np.array([[2.0, 4.0]]), 2, 3, patch=2))
        [[2. 3. 4.]
         [2. 3. 4.]]
    """
    _check(patch, strides, height, width)
    rows, columns = _places(height, patch, strides), _places(width, patch, strides)
    if np.shape(values) != (len(rows), len(columns)):
        found = f"got {np.shape(values)}"
        raise ValueError(f"values must be ({len(rows)}, {len(columns)}), {found}")
    total, count = np.zeros((2, height, width))
    for i, line in zip(rows, values, strict=True):
        for j, value in zip(columns, line, strict=True):
            total[i : i + patch, j : j + patch] += value
            count[i : i + patch, j : j + patch] += 1
    return total / np.maximum(count, 1)


def _places(size, patch, strides):
    return range(0, size - patch + 1, strides)


def _check(patch, strides, height, width):
    for name, value in {"patch": patch, "strides": strides}.items():
        if not (isinstance(value, (int, np.integer)) and value >= 1):
            raise ValueError(f"{name} must be an int >= 1, got {value!r}")
    if patch > min(height, width):
        raise ValueError(f"patch {patch} is larger than the image, {height} x {width}")
