import keras
import numpy as np
import pytest
import tensorflow as tf

from course.checks import check_layer, check_model, count_trainable
from modules.detection.darknet import (
    LAYERS,
    Passthrough,
    darknet19,
    darknet_maps,
    yolo_v2_network,
)

SMALL = ((4, 3), None, (6, 1), None, (8, 3))
X = np.random.default_rng(0).normal(size=(2, 8, 12, 3)).astype("float32")


def convolutions(layout, channels):
    """Return the weights of a layout by hand: kernels, and gamma and beta of BN."""
    weights = 0
    for filters, size in filter(None, layout):
        weights += size * size * channels * filters + 2 * filters
        channels = filters
    return weights


def test_counts_of_table_6():
    with tf.Graph().as_default():
        model = darknet19(input_shape=(None, None, 3))
        moving = 2 * sum(filters for filters, _ in filter(None, LAYERS))
        want = convolutions(LAYERS, 3) + 1024 * 1000 + 1000
        assert count_trainable(model) == want
        assert model.count_params() == want + moving == 20_856_776
    assert len(list(filter(None, LAYERS))) + 1 == 19
    assert LAYERS.count(None) == 5  # 224 -> 7


def test_detector_of_the_paper_and_of_the_authors():
    """Their configuration for COCO has the counts that another converter prints."""
    with tf.Graph().as_default():
        paper = yolo_v2_network()
        theirs = yolo_v2_network(80, thin=64, input_shape=(None, None, 3))
        assert paper.output_shape == (None, 13, 13, 125)
        assert theirs.count_params() == 50_983_561
        assert count_trainable(theirs) == 50_962_889
        wide = [layer.output.shape[-1] for layer in paper.layers]
        assert 2048 in wide and 2048 + 1024 in wide
        body = convolutions(LAYERS, 3) + 2 * (9 * 1024 + 2) * 1024
        last = (9 * (2048 + 1024) + 2) * 1024 + (1024 + 1) * 125
        assert count_trainable(paper) == body + last


@pytest.mark.parametrize("size", [320, 352, 608])
def test_any_multiple_of_32(size):
    with tf.Graph().as_default():
        model = yolo_v2_network(input_shape=(size, size, 3))
    assert model.output_shape[1:3] == (size // 32, size // 32)
    with pytest.raises(ValueError, match="height and width must be even, got 19 x 19"):
        yolo_v2_network(layout=SMALL, filters=4, input_shape=(38, 38, 3))


def test_small_networks():
    weights = convolutions(SMALL, 3)

    def classifier():
        return darknet19(5, SMALL, (None, None, 3))

    check_model(classifier, X, (2, 5), weights + 8 * 5 + 5, 36, training="differs")

    def detector():
        sizes = {"layout": SMALL, "filters": 7, "input_shape": (None, None, 3)}
        return yolo_v2_network(2, 3, thin=5, **sizes)

    after = convolutions(((7, 3), (7, 3)), 8) + convolutions(((5, 1),), 6)
    after += convolutions(((7, 3),), 4 * 5 + 7) + 7 * 3 * 7 + 3 * 7
    moving = 36 + 2 * (3 * 7 + 5)
    shape = (2, 2, 3, 21)
    check_model(detector, X, shape, weights + after, moving, training="differs")


def test_maps_are_those_around_the_last_halving():
    fine, last = darknet_maps(keras.Input((416, 416, 3)))
    assert fine.shape[1:] == (26, 26, 512) and last.shape[1:] == (13, 13, 1024)


def test_passthrough():
    check_layer(Passthrough, X, y_shape=(2, 4, 6, 12), weights=0)
    y = np.asarray(Passthrough()(X))
    np.testing.assert_array_equal(y, tf.nn.space_to_depth(X, 2))
    np.testing.assert_array_equal(tf.nn.depth_to_space(y, 2), X)  # nothing is lost
    with pytest.raises(ValueError, match="must be even, got 7 x 12"):
        Passthrough()(X[:, 1:])
