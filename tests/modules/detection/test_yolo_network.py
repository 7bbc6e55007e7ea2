import numpy as np
import tensorflow as tf

from course.checks import check_model, count_trainable
from modules.detection.yolo_network import LAYERS, yolo_network

SMALL = [(3, 8, 2), None, (1, 4, 1), (3, 6, 2)]


def test_count_and_grid_of_the_paper():
    with tf.Graph().as_default():
        model = yolo_network()
        weights = count_trainable(model)
    channels, want = 3, 0
    for size, filters, _ in filter(None, LAYERS):
        want += size * size * channels * filters + filters
        channels = filters
    want += (7 * 7 * 1024 + 1) * 4096 + (4096 + 1) * 1470
    assert weights == want == 271_703_550
    assert model.output_shape == (None, 7, 7, 30)
    assert sum(map(bool, LAYERS)) == 24


def test_small_network():
    x = np.random.default_rng(0).normal(size=(2, 32, 48, 3)).astype("float32")

    def make():
        return yolo_network(4, 1, SMALL, units=5, input_shape=(32, 48, 3))

    conv = (27 + 1) * 8 + (8 + 1) * 4 + (36 + 1) * 6
    dense = (4 * 6 * 6 + 1) * 5 + (5 + 1) * 4 * 6 * 9
    check_model(make, x, (2, 4, 6, 9), conv + dense, training="differs")


def test_every_cell_sees_the_whole_image():
    model = yolo_network(4, 1, SMALL, units=5, input_shape=(32, 32, 3))
    x = np.zeros((1, 32, 32, 3), "float32")
    y = np.asarray(model(x))
    x[0, 30, 30] = 9
    assert (np.asarray(model(x)) != y)[0, 0, 0].any()
