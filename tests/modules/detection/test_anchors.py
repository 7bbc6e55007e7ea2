import keras_hub
import numpy as np
import pytest
import tensorflow as tf

from modules.detection.anchors import anchor_grid, anchor_sizes, inside
from modules.detection.boxes import area, convert, iou

PAPER = anchor_sizes()


def test_papers_nine():
    assert PAPER.shape == (9, 2)
    width, height = np.asarray(PAPER).T
    scales = np.repeat([128, 256, 512], 3)
    np.testing.assert_allclose(width * height, scales**2, rtol=1e-6)
    np.testing.assert_allclose(height / width, [0.5, 1, 2] * 3, rtol=1e-6)


def test_one_anchor_of_every_size_at_every_position():
    grid = np.asarray(anchor_grid(PAPER, 3, 5, 16))
    assert grid.shape == (3 * 5 * 9, 4)
    np.testing.assert_allclose(area(grid[:9]), np.repeat([128, 256, 512], 3) ** 2)
    centres = np.asarray(convert(grid, "xyxy", "center_xywh")).reshape(3, 5, 9, 4)
    np.testing.assert_allclose(centres[0, 0, :, :2], np.full((9, 2), 8), atol=1e-4)
    want = np.tile(
        [2 * 16 + 8, 1 * 16 + 8], (9, 1)
    )  # x from the column, y from the row
    np.testing.assert_allclose(centres[1, 2, :, :2], want, atol=1e-4)


def test_order_is_that_of_a_reshaped_map():
    """Write every anchor's centre and size into a map; it must come out in place."""
    sizes = anchor_sizes([4], [0.5, 2])
    picture = np.zeros((1, 3, 5, 2, 4), "float32")
    for i, j, k in np.ndindex(3, 5, 2):
        w, h = np.asarray(sizes)[k]
        x, y = 8 * j + 4, 8 * i + 4
        picture[0, i, j, k] = x - w / 2, y - h / 2, x + w / 2, y + h / 2
    as_map = picture.reshape(1, 3, 5, 2 * 4)
    np.testing.assert_allclose(as_map.reshape(-1, 4), anchor_grid(sizes, 3, 5, 8))


def test_equals_keras_hub():
    """It rounds half the sides, takes offset 0, and has one scale on this level."""
    layer = keras_hub.layers.AnchorGenerator(
        "xyxy", 3, 3, num_scales=1, aspect_ratios=[0.5, 1.0, 2.0], anchor_size=4.0
    )
    want = layer(np.zeros((1, 56, 40, 3), "float32"))["P3"]
    half = np.round(np.asarray(anchor_sizes([32], [0.5, 1, 2])) / 2)
    np.testing.assert_allclose(anchor_grid(2 * half, 7, 5, 8, offset=0), want)


def test_shifted_map_has_shifted_anchors():
    whole = np.asarray(anchor_grid(PAPER, 4, 6, 16)).reshape(4, 6, 9, 4)
    moved = whole[1:, 2:] - [2 * 16, 16, 2 * 16, 16]
    np.testing.assert_allclose(moved.reshape(-1, 4), anchor_grid(PAPER, 3, 4, 16))


def test_strides_as_fractions_of_the_image():
    whole = np.asarray(anchor_grid(PAPER, 4, 5, (16, 20)))
    relative = anchor_grid(np.asarray(PAPER) / [100, 64], 4, 5, (1 / 4, 1 / 5))
    np.testing.assert_allclose(relative, whole / [100, 64, 100, 64], atol=1e-6)


def test_sizes_of_the_map_may_be_unknown():
    def grid(x):
        return anchor_grid(PAPER, tf.shape(x)[0], tf.shape(x)[1], 16)

    traced = tf.function(grid, input_signature=[tf.TensorSpec([None, None])])
    np.testing.assert_allclose(traced(np.zeros((2, 3))), anchor_grid(PAPER, 2, 3, 16))


def test_inside():
    anchors = np.float32([[0, 0, 9, 5], [-1, 0, 9, 5], [0, 0, 10, 5], [0, 0, 9, 6]])
    assert np.asarray(inside(anchors, 5, 9)).tolist() == [True, False, False, False]


def test_every_box_of_a_size_in_the_set_has_a_near_anchor():
    """The farthest that a 32 x 32 box can be from a centre is 8 pixels each way."""
    grid = anchor_grid(anchor_sizes([32], [1]), 8, 8, 16)
    corners = np.random.default_rng(0).uniform(0, 96, size=(200, 2))
    best = np.max(iou(np.concatenate([corners, corners + 32], axis=1), grid), axis=1)
    bound = 24**2 / (2 * 32**2 - 24**2)
    assert best.min() >= bound and best.min() < bound + 0.05


@pytest.mark.parametrize("bad", [[], [8, 0], [-1]])
def test_rejects(bad):
    with pytest.raises(ValueError, match="scales must be numbers > 0, got"):
        anchor_sizes(bad)
    with pytest.raises(ValueError, match="ratios must be numbers > 0, got"):
        anchor_sizes([8], bad)
