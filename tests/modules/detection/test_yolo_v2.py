import keras
import numpy as np
import pytest
from keras import layers
from scipy.special import expit, log_softmax

from course.checks import check_model
from modules.detection.yolo_v2 import YOLOv2, prior_targets

RNG = np.random.default_rng(0)
PRIORS = np.array([(1.0, 1.2), (2.5, 1.5), (1.5, 3.0)])
IMAGES = RNG.normal(size=(2, 32, 48, 3)).astype("float32")
TRUTH = {
    "boxes": np.float32(
        [[[4, 3, 18, 15], [26, 5, 46, 31]], [[30, 9, 40, 17], [0] * 4]]
    ),
    "classes": np.array([[0, 3], [2, -1]]),
}
SIDES = np.array([48, 32, 48, 32])
SHAPE = (2, 4, 6, 3, 9)  # cells of 8 pixels, three priors, four classes


def network(**options):
    images = keras.Input((None, None, 3))
    grid = layers.Conv2D(27, 8, 8)(images)
    return YOLOv2(keras.Model(images, grid), 4, PRIORS.tolist(), **options)


@pytest.fixture(scope="module")
def model():
    return network()


def loss(model, y, truth=TRUTH):
    y = np.reshape(y, (2, 4, 6, 27)).astype("float32")
    return float(model.compute_loss(IMAGES, truth, y))


def size_iou(w, h, prior):
    both = min(w, prior[0]) * min(h, prior[1])
    return both / (w * h + prior[0] * prior[1] - both)


def objects():
    """Yield (image, number, row, column, prior, wanted t) by hand."""
    for i, n in zip(*np.nonzero(TRUTH["classes"] >= 0), strict=True):
        left, top, right, bottom = TRUTH["boxes"][i, n].astype(float) / 8
        w, h, x, y = right - left, bottom - top, (left + right) / 2, (top + bottom) / 2
        prior = int(np.argmax([size_iou(w, h, p) for p in PRIORS]))
        t = x - int(x), y - int(y), np.log(w / PRIORS[prior][0])
        yield i, n, int(y), int(x), prior, (*t, np.log(h / PRIORS[prior][1]))


def test_model():
    check_model(network, IMAGES, (2, 4, 6, 27), 8 * 8 * 3 * 27 + 27)


def test_zeros_are_the_priors_in_the_middle_of_their_cells(model):
    places, boxes, confidences, _ = map(np.asarray, model.read(np.zeros((1, 4, 6, 27))))
    box = boxes.reshape(4, 6, 3, 4)[2, 5, 1] * [6, 4, 6, 4]  # in cells
    want = [5.5 - 1.25, 2.5 - 0.75, 5.5 + 1.25, 2.5 + 0.75]
    np.testing.assert_allclose(box, want, rtol=1e-6)
    assert (places[..., :2] == 0.5).all() and (confidences == 0.5).all()


def test_no_centre_leaves_its_cell(model):
    y = RNG.normal(scale=20, size=(1, 4, 6, 27))
    boxes = np.asarray(model.read(y)[1]).reshape(4, 6, 3, 4)
    assert np.isfinite(boxes).all()
    centres = (boxes[..., :2] + boxes[..., 2:]) / 2 * [6, 4]
    row, column = np.indices((4, 6))
    corner = np.stack([column, row], axis=-1)[:, :, None]
    assert (centres >= corner - 1e-3).all() and (centres <= corner + 1 + 1e-3).all()


def test_each_object_has_the_prior_of_its_shape():
    boxes = (TRUTH["boxes"] / SIDES).astype("float32")
    found, wanted = prior_targets(boxes, TRUTH["classes"], PRIORS, 4, 6)
    found = np.asarray(found).reshape(SHAPE[:4])
    wanted = np.asarray(wanted).reshape(*SHAPE[:4], 4)
    seen = 0
    for i, n, row, column, prior, t in objects():
        assert found[i, row, column, prior] == n
        np.testing.assert_allclose(wanted[i, row, column, prior], t, atol=1e-5)
        seen += 1
    assert seen == 3 == (found >= 0).sum()
    assert len({prior for *_, prior, _ in objects()}) > 1


def test_two_shapes_in_a_cell_are_both_learned_and_of_equal_ones_the_first():
    box = np.array([0.1, 0.1, 0.4, 0.3])
    tall = np.array([0.2, 0.0, 0.3, 0.4])
    found, _ = prior_targets([[box, tall, box]], [[5, 2, 1]], [[3, 2], [1, 4]], 10, 10)
    assert sorted(np.asarray(found)[np.asarray(found) >= 0]) == [0, 1]


def answers():
    """Return the grid that says the truth, with certainty."""
    y = np.zeros(SHAPE)
    y[..., 4] = -20
    for i, n, row, column, prior, t in objects():
        x, z = np.clip(t[:2], 1e-6, 1 - 1e-6)
        place = np.log(x / (1 - x)), np.log(z / (1 - z)), *t[2:]
        y[i, row, column, prior, :5] = *place, 20
        y[i, row, column, prior, 5 + TRUTH["classes"][i, n]] = 30
    return y


def test_perfect_answers_cost_nothing_and_are_found(model):
    assert loss(model, answers()) < 1e-6
    _, boxes, confidences, _ = map(
        np.asarray, model.read(answers().reshape(2, 4, 6, 27))
    )
    sure = boxes[0][confidences[0] > 0.5] * SIDES
    np.testing.assert_allclose(
        sorted(sure.tolist()), sorted(TRUTH["boxes"][0].tolist()), rtol=1e-4
    )


def overlap(a, b):
    both = np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2])
    both = both.clip(min=0).prod()
    area = [(c[2:] - c[:2]).prod() for c in (a, b)]
    return both / (sum(area) - both)


def test_loss_by_loops():
    options = {"coord": 2.0, "found": 5.0, "noobj": 0.7, "least": 0.3}
    y = RNG.normal(scale=0.7, size=SHAPE)
    owned = {(i, r, c, p): (n, t) for i, n, r, c, p, t in objects()}
    total, spared = 0.0, 0
    for i, r, c, p in np.ndindex(*SHAPE[:4]):
        t = y[i, r, c, p]
        x, z = expit(t[0]) + c, expit(t[1]) + r
        w, h = PRIORS[p] * np.exp(t[2:4])
        box = np.array([x - w / 2, z - h / 2, x + w / 2, z + h / 2]) * 8
        real = np.flatnonzero(TRUTH["classes"][i] >= 0)
        ious = {n: overlap(box, TRUTH["boxes"][i, n].astype(float)) for n in real}
        if (i, r, c, p) in owned:
            n, want = owned[i, r, c, p]
            place = np.array([x - c, z - r, *t[2:4]]) - want
            total += 2 * (place**2).sum() + 5 * (expit(t[4]) - ious[n]) ** 2
            total -= log_softmax(t[5:])[TRUTH["classes"][i, n]]
        elif max(ious.values()) < 0.3:
            total += 0.7 * expit(t[4]) ** 2
        else:
            spared += 1
    assert spared > 0
    assert loss(network(**options), y) == pytest.approx(total / 2, rel=1e-5)


def test_images_without_objects_and_senseless_ones(model):
    y = RNG.normal(size=SHAPE)
    none = {"boxes": np.zeros((2, 0, 4)), "classes": np.zeros((2, 0), int)}
    want = (expit(y[..., 4]) ** 2).sum() / 2
    assert loss(model, y, none) == pytest.approx(want, rel=1e-5)
    absent = {"boxes": np.full((2, 3, 4), np.nan), "classes": np.full((2, 3), -1)}
    assert loss(model, y, absent) == pytest.approx(want, rel=1e-5)
    with pytest.raises(ValueError, match="has no area"):
        bad = {"boxes": np.array([[[4, 3, 2, 9]]] * 2), "classes": [[0]] * 2}
        model.fit(IMAGES, bad, verbose=0)


def test_learns_and_detects():
    keras.utils.set_random_seed(0)
    model = network()
    rate = keras.optimizers.schedules.CosineDecay(0.02, 400)
    model.compile(keras.optimizers.Adam(rate))
    before = loss(model, model(IMAGES))
    many = {name: np.repeat(rows, 400, axis=0) for name, rows in TRUTH.items()}
    images = np.repeat(IMAGES, 400, axis=0)
    order = np.arange(800).reshape(2, 400).T.ravel()  # both images in every batch
    many = {name: rows[order] for name, rows in many.items()}
    model.fit(images[order], many, batch_size=2, shuffle=False, verbose=0)
    assert loss(model, model(IMAGES)) < 0.02 * before
    found = model.detect(IMAGES, max_output=5, score_threshold=0.5)
    classes, boxes = np.asarray(found["classes"]), np.asarray(found["boxes"])
    assert sorted(classes[0][classes[0] >= 0]) == [0, 3]
    best = boxes[0][list(classes[0]).index(3)]
    assert overlap(best, TRUTH["boxes"][0, 1].astype(float)) > 0.8


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"priors": [[1, 0]]}, r"priors must be \(k, 2\) and > 0"),
        ({"priors": [1, 2]}, r"priors must be \(k, 2\) and > 0"),
        ({"priors": [[1, 2]]}, "the backbone must give 9 channels, got 27"),
        ({"num_classes": 0}, "num_classes must be an int >= 1, got 0"),
    ],
)
def test_bad_arguments(model, options, said):
    with pytest.raises(ValueError, match=said):
        YOLOv2(
            **({"num_classes": 4, "priors": PRIORS} | options), backbone=model.backbone
        )
