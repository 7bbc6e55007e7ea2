import keras
import numpy as np
import pytest

from course.checks import check_function
from modules.detection.box_codec import LARGEST_LOG, decode, encode

RNG = np.random.default_rng(0)


def random_boxes(count):
    corners, sizes = RNG.uniform(0, 50, (count, 2)), RNG.uniform(4, 40, (count, 2))
    return np.concatenate([corners, corners + sizes], axis=1).astype("float32")


BOXES, ANCHORS = random_boxes(30), random_boxes(30)
SSD = (0.1, 0.1, 0.2, 0.2)


def test_functions():
    check_function(encode, BOXES, ANCHORS, y_shape=(30, 4))
    deltas = RNG.normal(size=(2, 30, 4)).astype("float32") * 0.3
    check_function(decode, deltas, ANCHORS, y_shape=(2, 30, 4))


def test_by_hand():
    """The box is twice as wide, and lies a quarter of the anchor's height lower."""
    t = encode(np.float32([[2, 4, 10, 12]]), np.float32([[4, 2, 8, 10]]))
    np.testing.assert_allclose(t, [[0, 2 / 8, np.log(2), 0]], atol=1e-6)


@pytest.mark.parametrize("variances", [(1, 1, 1, 1), SSD])
def test_equals_keras(variances):
    """Whose default, center_yxhw, would put t_y and t_h first."""
    order = "xyxy", "xyxy", "center_xywh"
    utils = keras.utils.bounding_boxes
    want = utils.encode_box_to_deltas(ANCHORS, BOXES, *order, np.float32(variances))
    got = encode(BOXES, ANCHORS, variances)
    np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("variances", [(1, 1, 1, 1), SSD])
def test_decode_inverts_encode(variances):
    deltas = encode(BOXES, ANCHORS, variances)
    np.testing.assert_allclose(decode(deltas, ANCHORS, variances), BOXES, atol=1e-4)
    want = RNG.normal(size=(30, 4)).astype("float32")
    deltas = encode(decode(want, ANCHORS, variances), ANCHORS, variances)
    np.testing.assert_allclose(deltas, want, atol=1e-3)


def test_the_anchor_itself_is_zero():
    np.testing.assert_allclose(encode(BOXES, BOXES), np.zeros((30, 4)), atol=1e-6)
    np.testing.assert_allclose(decode(0 * BOXES, BOXES), BOXES, atol=1e-5)


def test_moving_and_scaling_both_changes_nothing():
    moved = np.float32([11, 3, 11, 3])
    want = encode(BOXES, ANCHORS)
    np.testing.assert_allclose(encode(BOXES + moved, ANCHORS + moved), want, atol=1e-5)
    np.testing.assert_allclose(encode(BOXES / 64, ANCHORS / 64), want, atol=1e-5)


def test_variances_divide():
    got = np.asarray(encode(BOXES, ANCHORS, SSD))
    np.testing.assert_allclose(got * SSD, encode(BOXES, ANCHORS), atol=1e-5)


def test_nothing_overflows():
    wild = np.full((1, 4), 1e9, "float32")
    size = np.asarray(decode(wild, ANCHORS[:1]))
    assert np.isfinite(size).all()
    width = np.float32(ANCHORS[:1, 2] - ANCHORS[:1, 0])
    grown = np.asarray(decode(np.float32([[0, 0, 99, 99]]), ANCHORS[:1]))
    np.testing.assert_allclose(grown[:, 2] - grown[:, 0], width * 62.5, rtol=1e-4)
    assert pytest.approx(np.log(62.5)) == LARGEST_LOG


def test_boxes_without_area_have_finite_deltas():
    points = np.float32([[5, 5, 5, 5], [9, 9, 2, 2], [0, 0, 0, 0]])
    assert np.isfinite(encode(points, ANCHORS[:3])).all()
