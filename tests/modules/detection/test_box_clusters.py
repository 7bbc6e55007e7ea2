import numpy as np
import pytest

from modules.detection.box_clusters import box_clusters, size_iou
from modules.detection.boxes import convert, iou

RNG = np.random.default_rng(0)
SIZES = np.exp(RNG.normal(scale=0.8, size=(300, 2)))


def test_iou_is_that_of_boxes_on_one_centre():
    priors = np.exp(RNG.normal(size=(4, 2)))
    both = [np.pad(a, [(0, 0), (2, 0)]) for a in (SIZES[:20], priors)]
    corners = [convert(a, "center_xywh") for a in both]
    np.testing.assert_allclose(size_iou(SIZES[:20], priors), iou(*corners), rtol=1e-5)


def test_one_cluster_is_the_mean_or_the_better_first_box():
    found = box_clusters(SIZES, k=1, seed=3)
    first = np.random.default_rng(3).permutation(np.unique(SIZES, axis=0))[:1]
    both = [size_iou(SIZES, c).mean() for c in (first, SIZES.mean(0, keepdims=True))]
    assert size_iou(SIZES, found).mean() == pytest.approx(max(both))


def test_separate_groups_are_found():
    centres = np.array([[1, 1], [10, 3], [30, 60]])
    sizes = (centres[:, None] * RNG.uniform(0.9, 1.1, (3, 40, 2))).reshape(-1, 2)
    want = sizes.reshape(3, 40, 2).mean(axis=1)
    found = [box_clusters(sizes, k=3, seed=s) for s in range(10)]
    best = max(found, key=lambda c: size_iou(sizes, c).max(axis=1).mean())
    np.testing.assert_allclose(best, want)


def test_every_size_its_own_cluster():
    sizes = np.array([[3.0, 1], [1, 2], [5, 5]])
    found = box_clusters(np.repeat(sizes, 4, axis=0), k=3)
    np.testing.assert_allclose(found, sizes[[1, 0, 2]])


def test_more_clusters_overlap_more():
    means = [size_iou(SIZES, box_clusters(SIZES, k)).max(1).mean() for k in (1, 3, 9)]
    assert means[0] < means[1] < means[2]


def test_assignment_never_lowers_overlap_but_the_mean_may():
    """What the notes leave out: only one half of a step is sure to help."""
    worse = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        sizes = np.exp(rng.normal(size=(12, 2)))
        centroids = sizes[:3]
        owner = rng.integers(3, size=12)
        table = size_iou(sizes, centroids)
        assert table.max(axis=1).mean() >= table[np.arange(12), owner].mean()
        owner = table.argmax(axis=1)  # each of the three owns itself at least
        moved = np.array([sizes[owner == i].mean(axis=0) for i in range(3)])
        after = size_iou(sizes, moved)[np.arange(12), owner].mean()
        worse += after < table.max(axis=1).mean()
    assert worse > 0


def test_result_is_never_worse_than_the_first_centroids():
    different = np.unique(SIZES, axis=0)
    for seed in range(5):
        first = np.random.default_rng(seed).permutation(different)[:5]
        found = size_iou(SIZES, box_clusters(SIZES, 5, seed=seed)).max(axis=1).mean()
        assert found >= size_iou(SIZES, first).max(axis=1).mean()


@pytest.mark.parametrize("bad", [[[1, 0]], [[1, -2]], [[1, np.nan]], [1, 2]])
def test_rejects_sizes(bad):
    with pytest.raises(ValueError, match="sizes must be"):
        box_clusters(bad, 1)


@pytest.mark.parametrize("k", [0, 3])
def test_rejects_k(k):
    with pytest.raises(ValueError, match=f"k must be in 1 to 2, got {k}"):
        box_clusters([[1, 2], [1, 2], [2, 1]], k)
