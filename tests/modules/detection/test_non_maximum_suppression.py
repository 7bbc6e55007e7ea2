import numpy as np
import pytest
import tensorflow as tf

from modules.detection.boxes import iou
from modules.detection.non_maximum_suppression import (
    detections,
    non_maximum_suppression,
)


def crowd(count, seed=0, spread=100.0):
    """Return boxes of all degrees of overlap and scores that are all different."""
    rng = np.random.default_rng(seed)
    centres = rng.uniform(0, spread, size=(count, 2))
    sizes = rng.uniform(8, 40, size=(count, 2))
    boxes = np.concatenate([centres - sizes / 2, centres + sizes / 2], axis=1)
    scores = (rng.permutation(count) + 1) / (count + 1)
    return boxes.astype("float32"), scores.astype("float32")


def kept(*args, **options):
    found = np.asarray(non_maximum_suppression(*args, **options))
    count = (found >= 0).sum()
    assert (found[count:] == -1).all()
    return found[:count]


def by_tensorflow(boxes, scores, max_output, threshold, lowest=float("-inf")):
    args = (boxes[:, [1, 0, 3, 2]], scores, max_output, threshold, lowest)
    return tf.image.non_max_suppression(*args).numpy()


@pytest.mark.parametrize("threshold", [0.0, 0.3, 0.5, 0.7, 1.0])
@pytest.mark.parametrize(("count", "max_output"), [(1, 3), (60, 20), (1500, 900)])
def test_equals_tensorflow(count, max_output, threshold):
    for seed in range(3):
        boxes, scores = crowd(count, seed)
        options = {"max_output": max_output, "iou_threshold": threshold}
        want = by_tensorflow(boxes, scores, max_output, threshold)
        np.testing.assert_array_equal(kept(boxes, scores, **options), want)
        want = by_tensorflow(boxes, scores, max_output, threshold, 0.6)
        got = kept(boxes, scores, score_threshold=0.6, **options)
        np.testing.assert_array_equal(got, want)


def test_equals_tensorflow_where_one_object_has_thousands_of_boxes():
    """Blocks grow while everything in them is suppressed, and shrink again."""
    boxes, scores = crowd(6000)
    rng = np.random.default_rng(1)
    boxes[scores > 0.3] = [10, 10, 80, 80] + rng.normal(size=((scores > 0.3).sum(), 4))
    want = by_tensorflow(boxes, scores, 400, 0.5)
    np.testing.assert_array_equal(kept(boxes, scores, max_output=400), want)
    assert len(want) > 20


@pytest.mark.parametrize("count", [7, 700])
def test_equal_scores_keep_their_order_as_in_tensorflow(count):
    boxes, _ = crowd(count)
    scores = np.round(crowd(count, seed=2)[1], 1)
    want = by_tensorflow(boxes, scores, count, 0.4)
    got = kept(boxes, scores, max_output=count, iou_threshold=0.4)
    np.testing.assert_array_equal(got, want)


def onnx_suppression(boxes, scores, limit, threshold, lowest):
    """Return what onnxruntime keeps: rows of image, class, box."""
    onnx = pytest.importorskip("onnx", exc_type=ImportError)
    runtime = pytest.importorskip("onnxruntime", exc_type=ImportError)
    helper, kind = onnx.helper, onnx.TensorProto
    names = ["boxes", "scores", "limit", "threshold", "lowest"]
    kinds = [kind.FLOAT, kind.FLOAT, kind.INT64, kind.FLOAT, kind.FLOAT]
    values = [boxes[..., [1, 0, 3, 2]], scores]
    values += [np.array([v], t) for v, t in ((limit, "int64"), (threshold, "float32"))]
    values.append(np.array([lowest], "float32"))
    inputs = [
        helper.make_tensor_value_info(name, k, value.shape)
        for name, k, value in zip(names, kinds, values, strict=True)
    ]
    outputs = [helper.make_tensor_value_info("kept", kind.INT64, [None, 3])]
    node = helper.make_node("NonMaxSuppression", names, ["kept"])
    graph = helper.make_graph([node], "suppression", inputs, outputs)
    opset = [helper.make_opsetid("", 11)]
    model = helper.make_model(graph, opset_imports=opset, ir_version=8)
    session = runtime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    return session.run(None, dict(zip(names, values, strict=True)))[0]


@pytest.mark.parametrize("threshold", [0.2, 0.5, 0.8])
def test_equals_onnxruntime_with_classes(threshold):
    """Its limit is per class, so it is set to all; its order is by class."""
    boxes, flat = zip(*[crowd(240, seed) for seed in (0, 1)], strict=True)
    boxes, scores = np.stack(boxes)[:, :80], np.stack(flat).reshape(2, 3, 80)
    want = onnx_suppression(boxes, scores, 80, threshold, 0.2)
    for image in range(2):
        args = np.tile(boxes[image], (3, 1)), scores[image].reshape(-1)
        got = kept(
            *args,
            classes=np.repeat([0, 1, 2], 80),
            max_output=240,
            iou_threshold=threshold,
            score_threshold=0.2,
        )
        rows = [tuple(row[1:]) for row in want if row[0] == image]
        assert sorted((at // 80, at % 80) for at in got) == sorted(rows)
        assert (np.diff(args[1][got]) < 0).all()  # ours: by score alone


def test_by_hand():
    boxes = np.float32([[0, 0, 4, 4], [0, 0, 4, 5], [6, 6, 9, 9], [0, 0, 4, 9]])
    scores = [0.8, 0.9, 0.3, 0.7]  # IoU with box 1: 0.8, 0, 0.56; of 0 and 3: 0.44
    assert list(kept(boxes, scores, iou_threshold=0.5)) == [1, 2]
    assert list(kept(boxes, scores, iou_threshold=0.6)) == [1, 3, 2]
    assert list(kept(boxes, scores, iou_threshold=0.9)) == [1, 0, 3, 2]


def test_a_suppressed_box_suppresses_nothing():
    """The second overlaps both neighbours, which do not overlap each other."""
    boxes = np.float32([[0, 0, 10, 10], [4, 0, 14, 10], [8, 0, 18, 10]])
    assert list(kept(boxes, [0.9, 0.8, 0.7], iou_threshold=0.4)) == [0, 2]


def test_output_is_a_fixed_point_within_the_threshold():
    boxes, scores = crowd(300)
    first = kept(boxes, scores, max_output=300, iou_threshold=0.4)
    again = kept(boxes[first], scores[first], max_output=300, iou_threshold=0.4)
    np.testing.assert_array_equal(again, np.arange(len(first)))
    overlaps = np.asarray(iou(boxes[first], boxes[first])) - np.eye(len(first))
    assert overlaps.max() <= 0.4
    assert first[0] == scores.argmax() and (np.diff(scores[first]) < 0).all()


def test_order_of_the_input_does_not_matter():
    boxes, scores = crowd(300)
    mixed = np.random.default_rng(3).permutation(300)
    got = mixed[kept(boxes[mixed], scores[mixed], max_output=300)]
    np.testing.assert_array_equal(got, kept(boxes, scores, max_output=300))


def test_classes_do_not_suppress_each_other():
    boxes, scores = crowd(200)
    classes = np.arange(200) % 3
    got = kept(boxes, scores, classes, max_output=200)
    alone = [
        np.flatnonzero(classes == c)[
            kept(boxes[classes == c], scores[classes == c], max_output=200)
        ]
        for c in range(3)
    ]
    assert sorted(got) == sorted(np.concatenate(alone))
    assert len(got) > len(kept(boxes, scores, max_output=200))


def test_top_k_looks_at_the_highest_scores_only():
    boxes, scores = crowd(200)
    best = np.argsort(-scores)[:50]
    want = best[kept(boxes[best], scores[best], max_output=200)]
    got = kept(boxes, scores, max_output=200, top_k=50)
    np.testing.assert_array_equal(got, want)


def test_sizes_may_be_unknown_in_a_graph():
    spec = [tf.TensorSpec([None, 4]), tf.TensorSpec([None])]
    traced = tf.function(non_maximum_suppression, input_signature=spec)
    for count in (0, 3, 1300):
        boxes, scores = crowd(count)
        want = non_maximum_suppression(boxes, scores)
        np.testing.assert_array_equal(traced(boxes, scores), want)


def test_bad_boxes_and_scores_are_never_kept():
    boxes, scores = crowd(8)
    boxes[0] = [9, 9, 0, 0]
    boxes[1, 2] = np.nan
    boxes[2, 0] = -np.inf
    scores[3] = np.nan
    got = kept(boxes, scores, iou_threshold=1.0)
    assert sorted(got) == [4, 5, 6, 7]
    nothing = kept(boxes, np.full(8, np.nan, "float32"))
    assert len(nothing) == 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"max_output": 0}, "max_output must be an int >= 1, got 0"),
        ({"top_k": 2.5}, "top_k must be an int >= 1, got 2.5"),
        ({"iou_threshold": 1.5}, r"iou_threshold must be in \[0, 1\], got 1.5"),
        ({"scores": np.ones(7)}, r"scores must be \(N,\), got \(7,\) for boxes"),
        ({"boxes": np.ones((8, 5))}, r"boxes must be \(N, 4\), got \(8, 5\)"),
    ],
)
def test_rejects(options, message):
    boxes, scores = crowd(8)
    with pytest.raises(ValueError, match=message):
        non_maximum_suppression(**{"boxes": boxes, "scores": scores, **options})


def test_detections_of_a_batch():
    """Each pair of box and class competes within its class, and images apart."""
    boxes = np.stack([crowd(40, seed)[0] for seed in (0, 1)])
    scores = np.stack([crowd(120, seed)[1].reshape(40, 3) for seed in (2, 3)])
    found = detections(boxes, scores, max_output=50, score_threshold=0.7)
    assert {k: tuple(v.shape) for k, v in found.items()} == {
        "boxes": (2, 50, 4),
        "scores": (2, 50),
        "classes": (2, 50),
    }
    for image in range(2):
        flat = scores[image].reshape(-1)
        classes = np.tile(np.arange(3), 40)
        options = {"max_output": 50, "score_threshold": 0.7}
        want = kept(np.repeat(boxes[image], 3, axis=0), flat, classes, **options)
        count = len(want)
        assert 3 < count < 50
        np.testing.assert_array_equal(found["classes"][image, :count], want % 3)
        got = found["boxes"][image, :count]
        np.testing.assert_array_equal(got, boxes[image][want // 3])
        np.testing.assert_array_equal(found["scores"][image, :count], flat[want])
        assert (np.asarray(found["classes"])[image, count:] == -1).all()
        assert not np.any(found["boxes"][image, count:])


def test_an_image_in_which_nothing_is_found():
    boxes, _ = crowd(5)
    scores = np.full((1, 5, 2), np.nan, "float32")
    found = detections(boxes[None], scores, max_output=4)
    assert np.asarray(found["classes"]).tolist() == [[-1] * 4]
    assert not np.any(found["boxes"]) and not np.any(found["scores"])
