import keras_hub
import numpy as np
import pytest
import tensorflow as tf

from modules.detection.anchors import anchor_grid, anchor_sizes
from modules.detection.boxes import iou
from modules.detection.matching import (
    BACKGROUND,
    IGNORED,
    gather_objects,
    keep_top,
    match,
)

RNG = np.random.default_rng(0)
ANCHORS = anchor_grid(anchor_sizes([12, 24], [0.5, 1, 2]), 8, 8, 8)


def random_objects(count, seed):
    rng = np.random.default_rng(seed)
    corners, sizes = rng.uniform(0, 44, (count, 2)), rng.uniform(6, 30, (count, 2))
    return np.concatenate([corners, corners + sizes], axis=1).astype("float32")


def test_by_hand():
    overlaps = [
        [0.75, 0.0, 0.0],  # above 0.7
        [0.5, 0.1, 0.0],  # between the thresholds
        [0.1, 0.4, 0.0],  # the best that object 1 has
        [0.29, 0.0, 0.2],  # the best that object 2 has, though it overlaps 0 more
        [0.2, 0.29, 0.1],  # below 0.3
    ]
    got = np.asarray(match(overlaps, [True] * 3))
    assert got.tolist() == [0, IGNORED, 1, 2, BACKGROUND]
    assert np.asarray(match(overlaps, [True] * 3, 0.5, 0.5)).tolist() == [
        0,
        0,
        1,
        2,
        -1,
    ]


def test_thresholds_themselves():
    overlaps = np.float32([[0.9], [0.7], [0.3]])
    assert np.asarray(match(overlaps, [True])).tolist() == [0, 0, IGNORED]


@pytest.mark.parametrize("seed", [0, 1, 3, 4])
def test_equals_keras_hub(seed):
    """Where no two objects share their best anchor, nor two anchors an object.

    Anchor 0 is left out: version 0.32 matches it by force to an object that it has
    itself added as padding.
    """
    overlaps = np.asarray(iou(ANCHORS, random_objects(4, seed)))
    assert len(set(overlaps.argmax(axis=0))) == 4
    assert (overlaps == overlaps.max(axis=0)).sum() == 4
    theirs = keras_hub.layers.BoxMatcher([0.3, 0.7], [-1, -2, 1], True)
    index, kind = (np.asarray(a) for a in theirs(overlaps))
    got = np.asarray(match(overlaps, [True] * 4))
    want = np.where(kind == 1, index, kind)
    assert want[0] == 4 and got[0] == BACKGROUND
    np.testing.assert_array_equal(got[1:], want[1:])
    assert {*got} == {BACKGROUND, IGNORED, 0, 1, 2, 3}


def test_every_object_has_an_anchor_however_small_their_overlap():
    objects = random_objects(200, seed=9)
    overlaps = np.asarray(iou(ANCHORS, objects))
    for start in range(0, 200, 4):
        four = overlaps[:, start : start + 4]
        got = np.asarray(match(four, [True] * 4))
        if len(set(four.argmax(axis=0))) == 4:
            assert set(got[got >= 0]) == {0, 1, 2, 3}
    tiny = np.float32([[30, 30, 31, 31]])
    best = np.asarray(iou(ANCHORS, tiny))
    assert best.max() < 0.02
    assert np.any(np.asarray(match(best, [True])) == 0)


def test_objects_that_share_their_best_anchor():
    """It takes the one that it overlaps most, and the other may get none."""
    got = match([[0.5, 0.6], [0.1, 0.2]], [True, True])
    assert np.asarray(got).tolist() == [1, BACKGROUND]


def test_anchors_that_are_equally_good_are_all_positive():
    got = match([[0.4], [0.4], [0.35]], [True])
    assert np.asarray(got).tolist() == [0, 0, IGNORED]


def test_absent_objects_are_never_matched():
    objects = random_objects(4, 1)
    overlaps = iou(ANCHORS, objects)
    got = np.asarray(match(overlaps, [True, False, True, False]))
    kept = np.asarray(match(np.asarray(overlaps)[:, [0, 2]], [True, True]))
    np.testing.assert_array_equal(got, np.where(kept > 0, 2 * kept, kept))
    none = np.asarray(match(overlaps, [False] * 4))
    assert (none == BACKGROUND).all()
    empty = np.asarray(match(np.zeros((5, 0), "float32"), np.zeros(0, bool)))
    assert empty.tolist() == [BACKGROUND] * 5


def test_an_object_that_no_anchor_touches_has_none():
    got = match(np.zeros((3, 1), "float32"), [True])
    assert np.asarray(got).tolist() == [BACKGROUND] * 3


def test_batches_and_graphs():
    overlaps = np.stack([iou(ANCHORS, random_objects(4, seed)) for seed in (1, 2)])
    present = np.array([[True] * 4, [True, False, True, True]])
    want = [match(o, p) for o, p in zip(overlaps, present, strict=True)]
    np.testing.assert_array_equal(match(overlaps, present), want)
    compiled = tf.function(match, jit_compile=True)
    np.testing.assert_array_equal(compiled(overlaps, present), want)


@pytest.mark.parametrize("thresholds", [(0.3, 0.7), (1.2, 0.3), (0.5, -0.1)])
def test_rejects_thresholds(thresholds):
    with pytest.raises(ValueError, match="need 0 <= negative <= positive <= 1, got"):
        match([[0.5]], [True], *thresholds)


def test_gather_objects():
    classes, boxes = RNG.integers(9, size=(2, 3)), RNG.normal(size=(2, 3, 4))
    matches = np.array([[2, -1, 0, -2, 2], [1, 1, -1, -1, 0]])
    found = matches >= 0
    for values in (classes, boxes):
        got = np.asarray(gather_objects(values, matches))
        want = np.stack([v[m] for v, m in zip(values, matches, strict=True)])
        np.testing.assert_array_equal(got[found], want[found])
        assert got.shape == want.shape


def test_keep_top():
    mask, priority = RNG.random((4, 50)) < 0.5, RNG.normal(size=(4, 50))
    for count in (0, 7, 99):
        got = np.asarray(keep_top(mask, priority, count))
        for row, values, kept in zip(mask, priority, got, strict=True):
            most = np.sort(values[row])[::-1][:count]
            np.testing.assert_array_equal(np.sort(values[kept])[::-1], most)
            assert not np.any(kept & ~row)
    each = np.asarray(keep_top(mask, priority, np.array([0, 1, 2, 3])))
    assert each.sum(axis=-1).tolist() == [0, 1, 2, 3]
