"""Box clusters: let the data say which sizes anchors should have.

Paper: Redmon and Farhadi, "YOLO9000: Better, Faster, Stronger", CVPR 2017.
Link:  https://arxiv.org/abs/1612.08242 (section 2, dimension clusters)
"""

import numpy as np


def size_iou(sizes, priors):
    """Return the IoU of boxes and priors laid upon one centre.

    Args:
        sizes: (N, 2) float, widths and heights > 0.
        priors: (k, 2) float, likewise.

    Returns:
        (N, k) float64.

    Example:
        >>> float(size_iou([[4, 2]], [[2, 4]])[0, 0].round(4))
        0.3333
    """
    sizes, priors = np.asarray(sizes, float), np.asarray(priors, float)
    both = np.minimum(sizes[:, None], priors).prod(axis=-1)
    return both / (sizes.prod(axis=-1)[:, None] + priors.prod(axis=-1) - both)


def box_clusters(sizes, k=5, steps=100, seed=0):
    """Return k sizes that represent many: k-means with another distance.

        d(box, centroid) = 1 - IoU(box, centroid)

    With Euclidean distance a large box errs more than a small one by the same share.
    Each step assigns every box to the centroid that it overlaps most, and then moves
    each centroid to the mean of its boxes. Only the assignment is sure not to lower
    the mean IoU: the mean of widths and heights is not what maximises it. So the best
    centroids seen are returned. A centroid that loses all its boxes stays.

    Args:
        sizes: (N, 2) float, widths and heights > 0.
        k: int, 1 to the number of different sizes; 5 in the paper.
        steps: int >= 1, at most.
        seed: int, of the choice of the first centroids among the boxes.

    Returns:
        (k, 2) float64, from the smallest area to the largest.

    Raises:
        ValueError: a size is not > 0, or there are fewer than k different ones.

    Example:
        >>> sizes = [[1, 1], [1, 1.2], [8, 4], [8, 4.4]]
        >>> box_clusters(sizes, k=2, seed=1).round(2).tolist()
        [[1.0, 1.1], [8.0, 4.2]]
    """
    sizes = np.asarray(sizes, float)
    if sizes.ndim != 2 or sizes.shape[-1] != 2 or not (sizes > 0).all():
        raise ValueError(f"sizes must be (N, 2) and > 0, got {sizes.tolist()[:5]}")
    different = np.unique(sizes, axis=0)
    if not 1 <= k <= len(different):
        raise ValueError(f"k must be in 1 to {len(different)}, got {k!r}")
    centroids = np.random.default_rng(seed).permutation(different)[:k]
    best, most, owner = centroids, -1.0, None
    for _ in range(steps):
        overlaps = size_iou(sizes, centroids)
        if overlaps.max(axis=1).mean() > most:
            best, most = centroids, overlaps.max(axis=1).mean()
        before, owner = owner, overlaps.argmax(axis=1)
        if before is not None and np.array_equal(before, owner):
            break
        groups = [sizes[owner == i] for i in range(k)]
        pairs = zip(groups, centroids, strict=True)
        centroids = np.array([g.mean(axis=0) if len(g) else c for g, c in pairs])
    return best[np.argsort(best.prod(axis=1), kind="stable")]
