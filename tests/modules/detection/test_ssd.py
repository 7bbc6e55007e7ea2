import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from course.checks import check_model
from modules.detection.average_precision import evaluate
from modules.detection.box_codec import encode
from modules.detection.boxes import convert, iou
from modules.detection.ssd import RATIOS, SCALES, SSD, prior_sizes

RNG = np.random.default_rng(0)
IMAGES = RNG.normal(size=(2, 48, 64, 3)).astype("float32")
TRUTH = {
    "boxes": np.float32(
        [[[4, 6, 22, 24], [34, 10, 58, 40]], [[40, 9, 60, 25], [0] * 4]]
    ),
    "classes": np.array([[0, 4], [2, -1]]),
}
COUNT = 6 * 8 * 4 + 3 * 4 * 6


def network(**options):
    x = images = keras.Input((None, None, 3))
    maps = []
    for filters, strides in ((6, 8), (5, 2)):
        x = layers.Conv2D(filters, strides, strides, "same", activation="tanh")(x)
        maps.append(x)
    backbone = keras.Model(images, maps, name="backbone")
    options = {"scales": (0.3, 0.5, 0.8), "ratios": ((2,), (2, 3)), **options}
    return SSD(backbone, 5, **options)


@pytest.fixture(scope="module")
def model():
    found = network()
    found(IMAGES)
    return found


def random_answers(model):
    shapes = keras.tree.map_structure(lambda y: y.shape, dict(model(IMAGES)))
    return {
        name: [RNG.normal(size=s).astype("float32") for s in each]
        for name, each in shapes.items()
    }


def loss(model, y, truth=TRUTH):
    return float(model.compute_loss(IMAGES, truth, y))


def test_model():
    backbone = (8 * 8 * 3 * 6 + 6) + (2 * 2 * 6 * 5 + 5)
    heads = (9 * 6 + 1) * 4 * (6 + 4) + (9 * 5 + 1) * 6 * (6 + 4)
    shapes = [(2, 6, 8, 16), (2, 3, 4, 24), (2, 6, 8, 24), (2, 3, 4, 36)]
    check_model(network, IMAGES, shapes, backbone + heads)


def test_papers_scales():
    """0.1 on conv4_3, and s_k from 0.2 to 0.9 for the five others."""
    k = np.arange(1, 7)
    np.testing.assert_allclose(SCALES[1:], 0.2 + (0.9 - 0.2) * (k - 1) / (5 - 1))
    assert SCALES[0] == 0.1 and len(RATIOS) == 6


def test_sizes_of_priors():
    """The area is s^2 whatever the ratio; the extra square is between two scales."""
    for s, after, sizes in zip(SCALES, SCALES[1:], prior_sizes(), strict=False):
        w, h = np.asarray(sizes).T
        area = s * s * np.ones(len(sizes))
        area[1] = s * after
        np.testing.assert_allclose(w * h, area, rtol=1e-5)
        ratios = [1, 1, 2, 1 / 2, 3, 1 / 3][: len(sizes)]
        np.testing.assert_allclose(w / h, ratios, rtol=1e-5)


def test_priors_stand_in_the_middle_of_cells(model):
    priors = np.asarray(convert(model.priors(model(IMAGES), 48, 64), "xyxy", "xywh"))
    assert priors.shape == (COUNT, 4)
    centres = priors[:, :2] + priors[:, 2:] / 2
    first = centres[: 6 * 8 * 4].reshape(6, 8, 4, 2)
    np.testing.assert_allclose(first[2, 5], [[5.5 * 8, 2.5 * 8]] * 4, rtol=1e-5)
    second = centres[6 * 8 * 4 :].reshape(3, 4, 6, 2)
    np.testing.assert_allclose(second[2, 1], [[1.5 * 16, 2.5 * 16]] * 6, rtol=1e-5)
    wide = priors[6 * 8 * 4 + 2, 2:]  # second map, ratio 2
    want = [64 * 0.5 * 2**0.5, 48 * 0.5 / 2**0.5]
    np.testing.assert_allclose(wide, want, rtol=1e-5)


def perfect(model):
    """Return the answers that say the truth with certainty, by loops over priors."""
    priors = np.asarray(model.priors(model(IMAGES), 48, 64))
    logits = np.zeros((2, COUNT, 6), "float32")
    deltas = np.zeros((2, COUNT, 4), "float32")
    for i in range(2):
        there = TRUTH["classes"][i] >= 0
        boxes, classes = TRUTH["boxes"][i, there], TRUTH["classes"][i, there]
        overlaps = np.asarray(iou(priors, boxes))
        best, wanted = overlaps == overlaps.max(axis=0), np.zeros((COUNT, 4), "float32")
        for a, row in enumerate(overlaps):
            n = best[a].argmax() if best[a].any() else row.argmax()
            found = best[a].any() or row.max() >= 0.5
            logits[i, a, classes[n] + 1 if found else 0] = 50
            wanted[a] = boxes[n]
        deltas[i] = encode(wanted, priors, (0.1, 0.1, 0.2, 0.2))
    assert 3 < (logits.argmax(-1) > 0).sum() < 40
    split = 6 * 8 * 4
    cut = [(a[:, :split], a[:, split:]) for a in (logits, deltas)]
    shapes = [((6, 8, 24), (3, 4, 36)), ((6, 8, 16), (3, 4, 24))]
    both = [
        [a.reshape(2, *s) for a, s in zip(c, shape, strict=True)]
        for c, shape in zip(cut, shapes, strict=True)
    ]
    return dict(zip(("scores", "deltas"), both, strict=True))


def test_perfect_answers_cost_nothing(model):
    y = perfect(model)
    assert loss(model, y) < 1e-4
    wrong = {**y, "scores": [np.roll(a, 1, axis=-1) for a in y["scores"]]}
    assert loss(model, wrong) > 50
    moved = {**y, "deltas": [a + 0.5 for a in y["deltas"]]}
    assert loss(model, moved) == pytest.approx(4 * 0.5**2 / 2, rel=1e-3)


def test_absent_objects_do_not_matter(model):
    y = random_answers(model)
    longer = {
        "boxes": np.pad(TRUTH["boxes"], [(0, 0), (0, 2), (0, 0)]),
        "classes": np.pad(TRUTH["classes"], [(0, 0), (0, 2)], constant_values=-1),
    }
    longer["boxes"][:, 2:] = [[5, 5, 20, 30], [np.nan] * 4]
    assert loss(model, y, longer) == pytest.approx(loss(model, y), rel=1e-6)


@pytest.mark.parametrize(
    "bad", [[9, 9, 5, 20], [9, 9, 20, 9], [np.nan] * 4], ids=["width", "height", "nan"]
)
def test_senseless_box_in_a_dataset_is_no_object(model, bad):
    y = random_answers(model)
    boxes = TRUTH["boxes"].copy()
    boxes[1, 1] = bad
    truth = {"boxes": boxes, "classes": np.array([[0, 4], [2, 3]])}
    assert loss(model, y, truth) == pytest.approx(loss(model, y), rel=1e-6)
    truth = {"boxes": TRUTH["boxes"], "classes": np.array([[0, 4], [2, 99]])}
    assert loss(model, y, truth) == pytest.approx(loss(model, y), rel=1e-6)


def test_fit_refuses_what_makes_no_sense():
    model = network()
    model.compile("sgd", jit_compile=False)
    with pytest.raises(ValueError, match="classes must be in -1 to 4, got 5"):
        model.fit(IMAGES, {**TRUTH, "classes": TRUTH["classes"] + 1}, verbose=0)
    with pytest.raises(ValueError, match="object 0 of image 0 has no area"):
        model.fit(IMAGES, {**TRUTH, "boxes": -TRUTH["boxes"]}, verbose=0)


def test_images_without_objects_teach_nothing():
    model = network()
    model.compile("sgd", jit_compile=False)
    model(IMAGES)
    before = model.get_weights()
    nothing = {"boxes": TRUTH["boxes"] * np.nan, "classes": 0 * TRUTH["classes"] - 1}
    assert model.fit(IMAGES, nothing, verbose=0).history["loss"] == [0.0]
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_learns_to_find():
    """Two images are learned by heart, and all is found without error."""
    keras.utils.set_random_seed(0)
    model = network()
    model.compile(keras.optimizers.Adam(0.02), jit_compile=False)
    first = model.train_on_batch(IMAGES, TRUTH)
    for _ in range(60):
        model.train_on_batch(IMAGES, TRUTH)
    assert loss(model, model(IMAGES)) < 0.05 * first
    found = model.detect(IMAGES, max_output=10)
    assert evaluate(found, TRUTH, [0.5])["AP"] == 1


def test_detections_of_an_untrained_model_are_within_the_image(model):
    found = {k: np.asarray(v) for k, v in model.detect(IMAGES, 7, 0.45, 0.0).items()}
    boxes = found["boxes"]
    assert boxes.shape == (2, 7, 4) and set(found["classes"].flat) <= set(range(-1, 5))
    assert boxes.min() >= 0 and boxes[..., 2].max() <= 64 and boxes[..., 3].max() <= 48
    assert (np.diff(found["scores"], axis=1) <= 0).all()


def test_trains_from_a_dataset_after_loading(tmp_path, model):
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(loaded(IMAGES)["scores"][1], model(IMAGES)["scores"][1])
    loaded.compile("sgd")  # in XLA too
    data = tf.data.Dataset.from_tensor_slices((IMAGES, TRUTH)).batch(2)
    history = loaded.fit(data, shuffle=False, verbose=0).history
    assert np.isfinite(history["loss"]).all()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"scales": (0.3, 0.5)}, "one scale more than maps, got 2 scales for 2 maps"),
        ({"scales": (0.3, 0.5), "ratios": ((2,),)}, "got 2 maps, 1 rows of ratios"),
        ({"scales": (0.3, 0, 0.5)}, "scales must be numbers > 0, got"),
    ],
)
def test_rejects(options, said):
    with pytest.raises(ValueError, match=said):
        network(**options)


def test_rejects_classes(model):
    with pytest.raises(ValueError, match="num_classes must be an int >= 1, got 0"):
        SSD(model.backbone, 0)
