import contextlib
import io

import numpy as np
import pytest

from modules.detection.average_precision import (
    COCO_THRESHOLDS,
    average_precision,
    evaluate,
    mark_hits,
    precision_recall,
)
from modules.detection.boxes import convert

INTERPOLATIONS = ("voc_11", "voc", "coco")


def world(seed, images=12, classes=3, ties=False):
    """Return detections and truths: near misses, duplicates, images without either."""
    rng = np.random.default_rng(seed)
    truths, found = {"boxes": [], "classes": []}, {"boxes": [], "classes": []}
    found["scores"] = []
    for image in range(images):
        count = 0 if image % 5 == 1 else rng.integers(1, 7)
        corners, sizes = rng.uniform(0, 60, (count, 2)), rng.uniform(5, 40, (count, 2))
        boxes = np.concatenate([corners, corners + sizes], axis=1)
        labels = rng.integers(classes, size=count)
        near = np.repeat(boxes, 3, axis=0) + rng.normal(size=(3 * count, 4)) * 2.5
        near[:, 2:] = np.maximum(near[:, 2:], near[:, :2] + 1)
        guesses = np.repeat(labels, 3)
        wrong = rng.random(3 * count) < 0.1
        guesses[wrong] = rng.integers(classes, size=wrong.sum())
        noise = np.sort(rng.uniform(0, 90, (2, 2, 2)), axis=1).reshape(2, 4)
        keep = slice(0, 0) if image % 5 == 2 else slice(None)
        truths["boxes"].append(boxes)
        truths["classes"].append(labels)
        found["boxes"].append(np.concatenate([near, noise])[keep])
        guesses = np.concatenate([guesses, rng.integers(classes, size=2)])
        found["classes"].append(guesses[keep])
        scores = rng.random(len(guesses))
        found["scores"].append(np.round(scores, 1 if ties else 9)[keep])
    return found, truths


def pycocotools_stats(found, truths, thresholds=COCO_THRESHOLDS, max_detections=100):
    """Return pycocotools' precision: (thresholds, classes), means over the recalls."""
    pytest.importorskip("pycocotools", exc_type=ImportError)
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    categories = sorted({int(c) for image in truths["classes"] for c in image})
    annotations, results = [], []
    for image, (boxes, labels) in enumerate(
        zip(truths["boxes"], truths["classes"], strict=True), 1
    ):
        for box, label in zip(boxes, labels, strict=True):
            left, top, right, bottom = map(float, box)
            area = (right - left) * (bottom - top)
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": image,
                    "category_id": int(label) + 1,
                    "bbox": [left, top, right - left, bottom - top],
                    "area": area,
                    "iscrowd": 0,
                }
            )
    for image, (boxes, labels, scores) in enumerate(
        zip(found["boxes"], found["classes"], found["scores"], strict=True), 1
    ):
        for box, label, score in zip(boxes, labels, scores, strict=True):
            if label in categories:
                left, top, right, bottom = map(float, box)
                results.append(
                    {
                        "image_id": image,
                        "category_id": int(label) + 1,
                        "bbox": [left, top, right - left, bottom - top],
                        "score": float(score),
                    }
                )
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO()
        coco.dataset = {
            "info": {},
            "images": [{"id": i + 1} for i in range(len(truths["boxes"]))],
            "annotations": annotations,
            "categories": [{"id": c + 1} for c in categories],
        }
        coco.createIndex()
        judge = COCOeval(coco, coco.loadRes(results), "bbox")
        judge.params.iouThrs = np.asarray(thresholds)
        judge.params.maxDets = [1, 2, max_detections]
        judge.evaluate()
        judge.accumulate()
    return judge.eval["precision"][:, :, :, 0, -1].mean(axis=1)


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_equals_pycocotools(seed, ties):
    found, truths = world(seed, ties=ties)
    want = pycocotools_stats(found, truths)
    got = evaluate(found, truths)
    assert 0.1 < want.mean() < 0.9 and want.std() > 0.1
    assert got["AP"] == pytest.approx(want.mean(), abs=1e-12)
    np.testing.assert_allclose(list(got["by_threshold"].values()), want.mean(axis=1))
    np.testing.assert_allclose(list(got["by_class"].values()), want.mean(axis=0))


def test_limit_of_detections_equals_pycocotools():
    found, truths = world(7, classes=1)
    want = pycocotools_stats(found, truths, [0.5, 0.7], max_detections=4)
    got = evaluate(found, truths, [0.5, 0.7], max_detections=4)
    assert got["AP"] == pytest.approx(want.mean(), abs=1e-12)
    assert got["AP"] < evaluate(found, truths, [0.5, 0.7])["AP"]


def test_of_objects_equally_near_the_last_is_taken_as_by_pycocotools():
    """The first detection lies between two objects; the second fits the right one."""
    truths = {"boxes": [np.float32([[0, 0, 8, 8], [8, 0, 16, 8]])]}
    truths["classes"] = [np.array([0, 0])]
    found = {"boxes": [np.float32([[4, 0, 12, 8], [8, 0, 16, 8]])]}
    found |= {"classes": [np.array([0, 0])], "scores": [np.array([0.9, 0.8])]}
    assert mark_hits([[1 / 3, 1 / 3], [0, 1]], 0.3).tolist() == [True, False]
    want = pycocotools_stats(found, truths, [0.3])
    assert evaluate(found, truths, [0.3])["AP"] == pytest.approx(want.mean())


# What pycocotools 2.0.11 gives for world(0), world(1) and world(2), so that a machine
# without it checks something too: pycocotools_stats(*world(seed)).mean()
MINTED = {0: 0.21825407924586016, 1: 0.27544108153079694, 2: 0.1551380324000526}


@pytest.mark.parametrize("seed", MINTED)
def test_equals_what_pycocotools_gave(seed):
    assert evaluate(*world(seed))["AP"] == pytest.approx(MINTED[seed], abs=1e-9)


HITS = [True, False, True, True, False, False, True]  # of 8 objects


def test_curve_by_hand():
    recall, precision = precision_recall(HITS, 8)
    np.testing.assert_allclose(recall * 8, [1, 1, 2, 3, 3, 3, 4])
    want = [1, 1 / 2, 2 / 3, 3 / 4, 3 / 5, 1 / 2, 4 / 7]
    np.testing.assert_allclose(precision, want)


def test_three_definitions_by_hand():
    """The best precision is 1, 3/4, 3/4, 4/7, 0 up to recall 1/8, 2/8, 3/8, 4/8, 1."""
    want = (2 * 1 + 2 * 0.75 + 2 * 4 / 7) / 11
    assert average_precision(HITS, 8, "voc_11") == pytest.approx(want)
    want = (1 + 0.75 + 0.75 + 4 / 7) / 8
    assert average_precision(HITS, 8, "voc") == pytest.approx(want)
    want = (13 * 1 + 25 * 0.75 + 13 * 4 / 7) / 101
    assert average_precision(HITS, 8, "coco") == pytest.approx(want)


def test_eleven_recalls_are_met_exactly():
    """Three hits of five objects reach recall 0.6, though 6 * 0.1 > 0.6 in floats."""
    assert average_precision([True] * 3, 5, "voc_11") == pytest.approx(7 / 11)


@pytest.mark.parametrize("interpolation", INTERPOLATIONS)
def test_limits(interpolation):
    assert average_precision([True] * 4, 4, interpolation) == 1
    assert average_precision([True] * 4 + [False] * 9, 4, interpolation) == 1
    assert average_precision([False] * 4, 4, interpolation) == 0
    assert average_precision([], 4, interpolation) == 0


@pytest.mark.parametrize("interpolation", INTERPOLATIONS)
def test_definition_on_long_lists(interpolation):
    """The definition, recall by recall, of lists that no hand would count."""
    rng = np.random.default_rng(0)
    hits = rng.random(300) < np.linspace(0.95, 0.05, 300)
    recall, precision = precision_recall(hits, 180)

    def best(r):
        return max(precision[recall >= r], default=0)

    grids = {
        "voc_11": [k / 10 for k in range(11)],
        "voc": [k / 180 for k in range(1, 181)],
        "coco": np.linspace(0, 1, 101),
    }
    want = np.mean([best(r) for r in grids[interpolation]])
    got = average_precision(hits, 180, interpolation)
    assert got == pytest.approx(want, abs=1e-12)


def test_second_detection_of_an_object_is_an_error():
    assert mark_hits([[0.9], [0.8], [0.3]], 0.5).tolist() == [True, False, False]
    assert mark_hits([[0.3], [0.8], [0.9]], 0.5).tolist() == [False, True, False]


def test_rules_differ_where_two_detections_prefer_one_object():
    overlaps = [[0.9, 0.6], [0.8, 0.7]]
    assert mark_hits(overlaps, 0.5, "coco").tolist() == [True, True]
    assert mark_hits(overlaps, 0.5, "voc").tolist() == [True, False]
    assert mark_hits(overlaps, 0.75, "coco").tolist() == [True, False]


def test_threshold_itself_is_a_hit():
    assert mark_hits([[0.5]], 0.5).tolist() == [True]
    assert mark_hits([[1.0]], 1.0).tolist() == [True]


def test_no_objects_or_no_detections():
    assert mark_hits(np.zeros((3, 0)), 0.5).tolist() == [False] * 3
    assert mark_hits(np.zeros((0, 3)), 0.5).tolist() == []


def test_perfect_detector():
    _, truths = world(0)
    found = truths | {"scores": [np.ones(len(c)) for c in truths["classes"]]}
    got = evaluate(found, truths)
    assert got["AP"] == 1 and set(got["by_class"]) == {0, 1, 2}
    assert got["by_threshold"][0.95] == 1


def test_padded_arrays_are_as_good_as_lists():
    found, truths = world(4)
    want = evaluate(found, truths)

    def padded(data):
        most = max(map(len, data["classes"])) + 2
        filled = {
            "boxes": np.full((len(data["classes"]), most, 4), np.nan),
            "classes": np.full((len(data["classes"]), most), -1),
            "scores": np.full((len(data["classes"]), most), np.nan),
        }
        for name, values in data.items():
            for i, value in enumerate(values):
                filled[name][i, : len(value)] = value
        return filled

    assert evaluate(padded(found), padded(truths)) == want


def test_detections_in_images_without_objects_cost_precision():
    truths = {"boxes": [[[0, 0, 9, 9]], []], "classes": [[0], []]}
    box, other = [0.0, 0, 9, 9], [1.0, 1, 5, 5]
    found = {"boxes": [[box], [other]], "classes": [[0], [0]], "scores": [[0.5], [0.9]]}
    assert evaluate(found, truths)["AP"] == pytest.approx(0.5)
    found["scores"][1] = [0.1]  # below all hits it does no harm
    assert evaluate(found, truths)["AP"] == 1


def test_detections_of_classes_without_objects_do_not_count():
    truths = {"boxes": [[[0, 0, 9, 9]]], "classes": [[0]]}
    found = {"boxes": [[[0, 0, 9, 9], [0, 0, 9, 9]]], "classes": [[0, 5]]}
    assert evaluate(found | {"scores": [[0.1, 0.9]]}, truths)["by_class"] == {0: 1.0}


def test_boxes_go_through_the_formats():
    found, truths = world(0)
    assert evaluate(found, truths)["AP"] > 0.1
    for data in (found, truths):
        data["boxes"] = [np.asarray(convert(b, "yxyx")) for b in data["boxes"]]
    assert evaluate(found, truths) == evaluate(*world(0))  # both axes are alike


def bad(which, name, value):
    found, truths = world(0, images=2)
    data = {"found": found, "truths": truths}[which]
    data[name][0] = value
    return found, truths


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (bad("truths", "classes", np.array([-2])), "ints >= -1, got -2 in image 0"),
        (bad("truths", "classes", np.array([0.5])), "ints >= -1, got float64 in"),
        (bad("found", "scores", np.full(20, np.nan)), "a score is NaN in image 0"),
    ],
)
def test_rejects_data(data, message):
    with pytest.raises(ValueError, match=message):
        evaluate(*data)


def test_rejects():
    found, truths = world(0)
    empty = {"boxes": [[]] * 12, "classes": [[]] * 12}
    with pytest.raises(ValueError, match="no image has an object"):
        evaluate(found, empty)
    with pytest.raises(ValueError, match="12 images of detections, 1 of truths"):
        evaluate(found, {"boxes": [[]], "classes": [[]]})
    with pytest.raises(ValueError, match="truths must be an int >= 1, got 0"):
        average_precision(HITS, 0)
    with pytest.raises(ValueError, match="interpolation must be one of .*, got 'voc12"):
        average_precision(HITS, 5, "voc12")
    with pytest.raises(ValueError, match="rule must be 'coco' or 'voc', got 'VOC'"):
        mark_hits([[0.5]], 0.5, "VOC")
