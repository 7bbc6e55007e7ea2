import keras
import numpy as np
import pytest

from course.checks import check_function
from modules.detection.boxes import FORMATS, area, clip, convert, iou

RNG = np.random.default_rng(0)
SIZES = RNG.uniform(5, 60, size=(9, 2))
CORNERS = RNG.uniform(0, 50, size=(9, 2))
BOXES = np.concatenate([CORNERS, CORNERS + SIZES], axis=1).astype("float32")
FIRST, SECOND = BOXES[:5], BOXES[5:]


def test_functions():
    check_function(iou, FIRST, SECOND, y_shape=(5, 4))
    batch = np.stack([BOXES, BOXES[::-1]])
    check_function(iou, batch[:, :5], SECOND, y_shape=(2, 5, 4))
    check_function(iou, batch[:, :5], batch[:, 5:], y_shape=(2, 5, 4))
    check_function(area, BOXES, y_shape=(9,))
    check_function(lambda b: clip(b, 40, 60), BOXES, y_shape=(9, 4))
    check_function(lambda b: convert(b, "center_xywh"), BOXES, y_shape=(9, 4))


def test_half_a_pixel_of_overlap_by_hand():
    a, b = [0.0, 0, 4, 2], [3.5, 1, 5.5, 3]  # they share 0.5 x 1 of 8 and 4
    assert float(iou([a], [b])[0, 0]) == pytest.approx(0.5 / 11.5)
    assert float(area(np.float32([a]))[0]) == 8  # and not 5 x 3


def test_iou_equals_keras():
    want = keras.utils.bounding_boxes.compute_iou(FIRST, SECOND, "xyxy")
    np.testing.assert_allclose(iou(FIRST, SECOND), want, rtol=1e-5)
    assert 0 < np.max(want) < 1


def test_iou_is_symmetric_and_moves_and_scales_with_the_plane():
    got = np.asarray(iou(FIRST, SECOND))
    np.testing.assert_allclose(np.asarray(iou(SECOND, FIRST)).T, got, rtol=1e-6)
    moved = np.float32([30, 7, 30, 7])
    np.testing.assert_allclose(iou(FIRST + moved, SECOND + moved), got, atol=1e-5)
    np.testing.assert_allclose(iou(FIRST / 64, SECOND / 64), got, rtol=1e-6)


def test_iou_is_one_for_equal_boxes_only():
    got = np.asarray(iou(BOXES, BOXES))
    np.testing.assert_array_equal(np.diag(got), 1)
    assert (got[~np.eye(9, dtype=bool)] < 0.999).all()


def test_boxes_that_touch_or_lie_apart_have_nothing_in_common():
    touching, apart = [2.0, 0, 4, 2], [5.0, 5, 6, 6]
    assert not np.any(iou([[0.0, 0, 2, 2]], [touching, apart]))


@pytest.mark.parametrize(
    "bad",
    [[3, 3, 3, 9], [9, 9, 0, 0], [0, 9, 9, 0], [np.nan, 0, 9, 9], [0, 0, np.inf, 9]],
)
def test_bad_boxes_overlap_nothing(bad):
    bad = np.float32([bad])
    assert not np.any(iou(bad, BOXES)) and not np.any(iou(BOXES, bad))
    assert not np.any(iou(bad, bad))


def test_boxes_of_negative_size_have_no_area():
    bad = np.float32([[9, 0, 0, 9], [0, 9, 9, 0], [9, 9, 0, 0]])
    np.testing.assert_array_equal(area(bad), [0, 0, 0])


def test_no_boxes():
    assert tuple(iou(np.zeros((0, 4), "float32"), BOXES).shape) == (0, 9)


def test_large_boxes_in_half_precision():
    assert float(iou(np.float16([[0, 0, 600, 600]]), [[0, 0, 300, 600]])[0, 0]) == 0.5


@pytest.mark.parametrize("source", FORMATS)
@pytest.mark.parametrize("target", FORMATS)
def test_convert_equals_keras(source, target):
    theirs = keras.utils.bounding_boxes.convert_format
    given = np.asarray(theirs(BOXES, "xyxy", source))
    want = np.asarray(theirs(BOXES, "xyxy", target))
    np.testing.assert_allclose(convert(given, source, target), want, rtol=1e-5)
    assert source == target or np.abs(given - want).max() > 1


def test_clip():
    got = clip(np.float32([[-3, 5, 12, 99], [20, 1, 30, 2]]), height=8, width=10)
    np.testing.assert_array_equal(got, [[0, 5, 10, 8], [10, 1, 10, 2]])


def test_rejects_a_format():
    with pytest.raises(ValueError, match="a format must be one of .*, got 'rel_xyxy'"):
        convert(BOXES, "rel_xyxy")
