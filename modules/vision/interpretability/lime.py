"""LIME: hide parts of one image at random, and fit a linear model to the score.

Paper: Ribeiro, Singh and Guestrin, "Why Should I Trust You? Explaining the Predictions
       of Any Classifier", KDD 2016.
Link:  https://arxiv.org/abs/1602.04938 (section 3, equations 1 and 2, algorithm 1)
"""

import numpy as np

from modules.vision.interpretability.black_box import ask, check_image


def grid_segments(height, width, size):
    """Return squares of a side as segments: the simplest super-pixels.

    Args:
        height, width: int, of the image.
        size: int >= 1. At the right and lower edge segments may be smaller.

    Returns:
        (H, W) int array, numbered by rows from 0.

    Example:
        >>> print(grid_segments(2, 5, 2))
        [[0 0 1 1 2]
         [0 0 1 1 2]]
    """
    if not (isinstance(size, int) and 1 <= size <= min(height, width)):
        found = f"got {size!r} for {height} x {width}"
        raise ValueError(f"size must be an int from 1 to the image's, {found}")
    row, column = np.arange(height) // size, np.arange(width) // size
    return row[:, None] * (column[-1] + 1) + column


def hide(image, segments, masks, fill=None):
    """Return the image with the segments hidden whose entry in a mask is 0.

    Args:
        image: (H, W, C) float.
        segments: (H, W) int, from 0 to d - 1.
        masks: (N, d) of 0 and 1, called z'.
        fill: what hides: a number, (C,) numbers, or None for a segment's mean colour.

    Returns:
        (N, H, W, C) array.

    Example:
        >>> image = np.array([[[0.2], [0.4], [0.9]]])
        >>> hide(image, np.array([[0, 0, 1]]), np.array([[0, 1]]))[0, :, :, 0].round(1)
        array([[0.3, 0.3, 0.9]])
    """
    grey = np.broadcast_to(image.mean() if fill is None else fill, image.shape).copy()
    for segment in range(masks.shape[1]) if fill is None else ():
        inside = segments == segment
        grey[inside] = image[inside].mean(axis=0)
    kept = masks[:, segments][..., None] > 0  # (N, H, W, 1)
    return np.where(kept, image, grey).astype(image.dtype)


def lime(
    score,
    image,
    segments,
    samples=1000,
    kernel_width=0.25,
    penalty=0.0,
    fill=None,
    seed=0,
    batch_size=64,
):
    """Return what each segment adds to the score, near this image.

        g(z') = b + w . z'    with the least    sum over z' of pi(z') (f(z) - g(z'))^2
        pi(z') = exp(-D^2 / sigma^2)

    z' says which segments are kept, z is the image with the others hidden, f the score.
    It is a weighted fit, not equality, at z' = 1 neither. If f is linear in z', w is
    exactly that of f, for every kernel.

    As in the paper the number of kept segments is uniform, and then which. D is one
    minus the cosine of z' and (1, ..., 1), as in the authors' code; the paper says L2
    for images. Its Omega(g) allows K segments and no more; here all have a weight, and
    may be held small by a ridge penalty, the authors' default for images (with 1).

    Args:
        score: function from (B, H, W, C) to (B,), as class_score makes it.
        image: (H, W, C) float.
        segments: (H, W) int, from 0 to d - 1, none empty.
        samples: int >= 1, besides the image itself.
        kernel_width: float > 0, called sigma.
        penalty: float >= 0, times the sum of w^2. The intercept b is free.
        fill: as in hide.
        seed: int.
        batch_size: int >= 1, images in one call of the score.

    Returns:
        w, a NumPy array (d,), and b, a float.

    Raises:
        ValueError: segments that do not fit the image or are empty, a number out of its
            range, or too few samples of any weight to tell the segments apart.

    Example:
        >>> image, segments = np.array([[[0.2], [0.9], [0.5]]]), np.array([[0, 1, 2]])
        >>> w, b = lime(lambda x: x.sum(axis=(1, 2, 3)), image, segments, fill=0)
        >>> print(w.round(3))
        [0.2 0.9 0.5]
    """
    image, segments = check_image(image), np.asarray(segments)
    count = _count(segments, image.shape[:2])
    if not (samples >= 1 and kernel_width > 0 and penalty >= 0):
        found = f"got {samples!r}, {kernel_width!r} and {penalty!r}"
        raise ValueError(f"samples, kernel_width, penalty must be positive, {found}")
    masks = _draw(samples, count, np.random.default_rng(seed))
    parts = np.split(masks, range(batch_size, len(masks), batch_size))
    y = ask(score, (hide(image, segments, part, fill) for part in parts))
    distance = 1 - np.sqrt(masks.mean(axis=1))
    return _fit(masks, y, np.exp(-((distance / kernel_width) ** 2)), penalty)


def _draw(samples, count, rng):
    """Return masks (samples + 1, d): all kept, then a uniform number of segments."""
    kept = rng.integers(count + 1, size=(samples, 1))
    order = rng.random((samples, count)).argsort(axis=1)  # a permutation in each row
    return np.concatenate([np.ones((1, count)), order < kept])


def _fit(masks, y, weights, penalty):
    """Return w and b of the weighted ridge regression; b is not penalised."""
    count, root = masks.shape[1], np.sqrt(weights)[:, None]
    rows = root * np.pad(masks, [(0, 0), (1, 0)], constant_values=1)
    ridge = np.sqrt(penalty) * np.eye(count + 1)[1:]
    y = np.concatenate([root[:, 0] * y, np.zeros(count)])
    found, _, rank, _ = np.linalg.lstsq(np.concatenate([rows, ridge]), y)
    if rank <= count:
        raise ValueError(
            f"{len(masks) - 1} samples do not tell {count} segments apart: take more, "
            "or a wider kernel"
        )
    return found[1:], float(found[0])


def _count(segments, size):
    """Return the number of segments."""
    if segments.shape != size or segments.dtype.kind not in "iu":
        found = f"got {segments.dtype} of shape {segments.shape}"
        raise ValueError(f"segments must be {size} int, {found}")
    if segments.min() < 0:
        raise ValueError(f"segments must be >= 0, got {segments.min()}")
    empty = np.flatnonzero(np.bincount(segments.ravel()) == 0)
    if len(empty):
        raise ValueError(f"segments must be numbered without gaps, {empty} are empty")
    return int(segments.max()) + 1
