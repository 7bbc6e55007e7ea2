import keras
import numpy as np
import pytest
import tensorflow as tf

from modules.vision.segmentation.mean_iou import (
    MeanIoU,
    confusion,
    segmentation_scores,
)

RNG = np.random.default_rng(0)
Y = RNG.integers(3, size=(4, 5, 6))  # classes 3 and 4 are in no label
Y[1, :2] = 255
LOGITS = RNG.normal(size=(4, 5, 6, 5)).astype("float32")
LOGITS[..., 4] = -9  # and class 4 is never predicted
LOGITS += 2 * np.eye(5)[np.where(Y == 255, 3, Y)]


def brute_force(y, p, classes):
    """Return the IoU of each class that is there or predicted, pixel by pixel."""
    found = []
    for i in range(classes):
        both = either = 0
        for a, b in zip(y.ravel(), p.ravel(), strict=True):
            if a != 255:
                both += a == i == b
                either += a == i or b == i
        if either:
            found.append(both / either)
    return found


def measured(metric, *batches):
    for y, logits in batches:
        metric.update_state(y, logits)
    return float(metric.result())


def test_brute_force():
    ious = brute_force(Y, LOGITS.argmax(-1), 5)
    assert len(ious) == 4 and min(ious) == 0  # class 3: predicted, but not there
    assert measured(MeanIoU(5), (Y, LOGITS)) == pytest.approx(np.mean(ious), rel=1e-6)
    got = measured(MeanIoU(5), (Y[..., None], LOGITS))
    assert got == pytest.approx(np.mean(ious), rel=1e-6)


def test_equals_keras():
    theirs = keras.metrics.MeanIoU(5, ignore_class=255, sparse_y_pred=False)
    theirs.update_state(Y, LOGITS)
    got = measured(MeanIoU(5), (Y, LOGITS))
    assert got == pytest.approx(float(theirs.result()), rel=1e-6)


def test_a_class_may_be_ignored():
    """As a label it does not count; where it is predicted elsewhere it does."""
    theirs = keras.metrics.MeanIoU(5, sparse_y_pred=False)
    counts = (Y != 1) & (Y != 255)
    theirs.update_state(Y[counts], LOGITS[counts])
    got = measured(MeanIoU(5, ignore=1), (Y, LOGITS))
    assert got == pytest.approx(float(theirs.result()), rel=1e-6)


def test_counts_pixels_not_images():
    together = measured(MeanIoU(5), (Y, LOGITS))
    apart = measured(MeanIoU(5), (Y[:1], LOGITS[:1]), (Y[1:], LOGITS[1:]))
    assert apart == pytest.approx(together, rel=1e-6)
    each = [measured(MeanIoU(5), (Y[i : i + 1], LOGITS[i : i + 1])) for i in range(4)]
    assert abs(np.mean(each) - together) > 1e-3


def test_paper_by_hand():
    """Two classes of 6 and 2 pixels; one of each is taken for the other."""
    scores = segmentation_scores(np.array([[5.0, 1, 0], [1, 1, 0], [0, 0, 0]], "f4"))
    got = {name: float(value) for name, value in scores.items()}
    iou = [5 / 7, 1 / 3]
    assert got == pytest.approx(
        {
            "pixel_accuracy": 6 / 8,
            "mean_accuracy": (5 / 6 + 1 / 2) / 2,
            "mean_iou": np.mean(iou),
            "weighted_iou": (6 * iou[0] + 2 * iou[1]) / 8,
        }
    )


def test_right_and_wrong_everywhere():
    p = np.eye(5, dtype="float32")[np.where(Y == 255, 3, Y)]
    assert measured(MeanIoU(5), (Y, p)) == 1
    assert measured(MeanIoU(5), (Y, np.roll(p, 3, axis=-1))) < 0.2


def test_nothing_to_measure():
    assert measured(MeanIoU(5)) == 0
    assert measured(MeanIoU(5), (0 * Y + 255, LOGITS)) == 0


def test_labels_that_are_no_class_do_not_count():
    y = np.where(Y == 255, -7, Y)
    got, want = (measured(MeanIoU(5), (a, LOGITS)) for a in (y, Y))
    assert got == want


def test_confusion():
    y, p = np.array([[0, 0, 1], [2, 1, 255]]), np.array([[0, 2, 1], [2, 0, 1]])
    want = [[1, 0, 1], [1, 1, 0], [0, 0, 1]]
    np.testing.assert_array_equal(confusion(y, p, 3, 255), want)
    weights = np.array([[1, 2, 1], [0, 1, 5]], "float32")
    want = [[1, 0, 2], [1, 1, 0], [0, 0, 0]]
    np.testing.assert_array_equal(confusion(y, p, 3, 255, weights), want)


def test_compiled_and_reset():
    metric = MeanIoU(5)
    tf.function(metric.update_state, jit_compile=True)(tf.constant(Y), LOGITS)
    assert float(metric.result()) == measured(MeanIoU(5), (Y, LOGITS))
    metric.reset_state()
    assert float(metric.result()) == 0


def test_config():
    metric = MeanIoU(5, ignore=-1, name="iou")
    again = keras.metrics.deserialize(keras.metrics.serialize(metric))
    assert type(again) is MeanIoU and again.name == "iou"
    assert (again.num_classes, again.ignore) == (5, -1)


@pytest.mark.parametrize("num_classes", [1, 2.5])
def test_rejects_num_classes(num_classes):
    with pytest.raises(ValueError, match="num_classes must be an int >= 2, got"):
        MeanIoU(num_classes)


def test_rejects_other_logits():
    with pytest.raises(ValueError, match="logits must have 4 classes, got 5"):
        MeanIoU(4).update_state(Y, LOGITS)
