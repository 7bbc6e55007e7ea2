import keras
import numpy as np
import pytest
from keras import ops

from modules.detection.detector import Detector, check_truth, read_truth

BOXES = np.float32([[[1, 2, 5, 4], [0, 0, 3, 3]], [[9, 9, 8, 20], [np.nan] * 4]])


def truth(classes, boxes=BOXES):
    return {"boxes": boxes, "classes": np.array(classes)}


def test_good_truth_passes():
    check_truth(truth([[5, 0], [-1, -1]]), 6)


@pytest.mark.parametrize(
    ("classes", "said"),
    [
        ([[6, 0], [-1, -1]], "classes must be in -1 to 5, got 6 in image 0"),
        ([[0, 0], [-1, -2]], "classes must be in -1 to 5, got -2 in image 1"),
        ([[0, 0], [0, -1]], "object 0 of image 1 has no area"),
        ([[0, 0], [-1, 0]], "object 1 of image 1 has no area"),
        ([[0, 0, 0], [0, 0, 0]], "need boxes"),
    ],
)
def test_refused_with_a_sentence(classes, said):
    with pytest.raises(ValueError, match=said):
        check_truth(truth(classes), 6)


def test_box_of_width_zero_is_refused():
    with pytest.raises(ValueError, match="no area"):
        check_truth(truth([[0]], [[[3.0, 3, 3, 5]]]), 6)


def test_senseless_rows_become_absent():
    boxes, classes = read_truth(truth([[6, 0], [1, 2]]), 6)
    assert np.array(classes).tolist() == [[-1, 0], [-1, -1]]
    want = np.zeros((2, 2, 4))
    want[0, 1] = [0, 0, 3, 3]
    np.testing.assert_array_equal(boxes, want)


class Guess(Detector):
    num_classes = 6

    def build(self, input_shape):
        self.guess = self.add_weight(shape=(), name="guess")

    def call(self, images):
        return self.guess + 0 * ops.sum(images)

    def compute_loss(
        self, x=None, y=None, y_pred=None, sample_weight=None, training=True
    ):
        boxes, classes = read_truth(y, 6)
        return (y_pred - ops.sum(ops.cast(classes >= 0, "float32"))) ** 2


def test_fit_and_evaluate_look_first():
    model = Guess()
    model.compile(keras.optimizers.SGD(0.1))
    images = np.zeros((2, 4, 4, 3), "float32")
    good, bad = truth([[5, 0], [-1, -1]]), truth([[6, 0], [-1, -1]])
    assert model.fit(images, good, verbose=0).history["loss"]
    for method in (model.fit, model.evaluate):
        with pytest.raises(ValueError, match="got 6 in image 0"):
            method(images, bad, verbose=0)
