import keras
import numpy as np
import pytest
from keras import layers

from course.checks import check_model
from modules.detection.average_precision import evaluate
from modules.detection.yolo import YOLO, cell_targets
from modules.detection.yolo_network import yolo_network

RNG = np.random.default_rng(0)
IMAGES = RNG.normal(size=(2, 32, 48, 3)).astype("float32")
TRUTH = {
    "boxes": np.float32(
        [[[4, 3, 18, 15], [26, 5, 46, 31]], [[30, 9, 40, 23], [0] * 4]]
    ),
    "classes": np.array([[0, 3], [2, -1]]),
}
SIDES = np.array([48, 32, 48, 32])


def network(**options):
    """A grid of 4 x 6 cells of 8 pixels, two boxes a cell, four classes."""
    images = keras.Input((None, None, 3))
    grid = layers.Conv2D(14, 8, 8)(images)
    return YOLO(keras.Model(images, grid), num_classes=4, **options)


@pytest.fixture(scope="module")
def model():
    return network()


def loss(model, y, truth=TRUTH):
    return float(model.compute_loss(IMAGES, truth, y.astype("float32")))


def test_model():
    check_model(network, IMAGES, (2, 4, 6, 14), 8 * 8 * 3 * 14 + 14)


def test_cells_of_the_centres():
    found, wanted = map(
        np.asarray, cell_targets(TRUTH["boxes"] / SIDES, TRUTH["classes"], 4, 6)
    )
    want = np.full((2, 4, 6), -1)
    want[0, 1, 1], want[0, 2, 4], want[1, 2, 4] = 0, 1, 0  # centres in pixels / 8
    np.testing.assert_array_equal(found.reshape(2, 4, 6), want)
    place = wanted.reshape(2, 4, 6, 4)[0, 1, 1]
    want = [11 / 8 - 1, 9 / 8 - 1, (14 / 48) ** 0.5, (12 / 32) ** 0.5]
    np.testing.assert_allclose(place, want, rtol=1e-5)


def test_centre_on_the_far_edge_is_in_the_last_cell():
    found, wanted = cell_targets([[[0.5, 0.5, 1.5, 1.5]]], [[0]], 3, 3)
    assert np.asarray(found).argmax() == 8
    np.testing.assert_allclose(wanted[0, 8], [1, 1, 1, 1])


def test_of_two_centres_in_a_cell_the_first_counts():
    boxes = [[[0.1, 0.1, 0.3, 0.3], [0.1, 0.1, 0.35, 0.35], [0.1, 0.1, 0.2, 0.3]]]
    assert np.asarray(cell_targets(boxes, [[5, 2, 1]], 2, 2)[0])[0, 0] == 0
    assert np.asarray(cell_targets(boxes, [[-1, 2, 1]], 2, 2)[0])[0, 0] == 1


def test_moving_a_box_within_its_cell_keeps_the_cell():
    box = np.array([[[0.30, 0.30, 0.40, 0.40]]])
    first, moved = (cell_targets(b, [[0]], 4, 4)[0] for b in (box, box + 0.1))
    np.testing.assert_array_equal(first, moved)


def perfect():
    """Return the grid that says the truth with its second boxes."""
    y = np.zeros((2, 4, 6, 14), "float32")
    for i, n in zip(*np.nonzero(TRUTH["classes"] >= 0), strict=True):
        left, top, right, bottom = TRUTH["boxes"][i, n]
        x, z = (left + right) / 16, (top + bottom) / 16  # in cells
        row, column = int(z), int(x)
        roots = ((right - left) / 48) ** 0.5, ((bottom - top) / 32) ** 0.5
        y[i, row, column, 5:10] = x - column, z - row, *roots, 1
        y[i, row, column, 10 + TRUTH["classes"][i, n]] = 1
    return y


def test_perfect_answers_cost_nothing_and_decode_to_the_truth(model):
    y = perfect()
    assert loss(model, y) < 1e-10
    boxes = np.asarray(model.read(y)[1]).reshape(2, 4, 6, 2, 4) * SIDES
    np.testing.assert_allclose(boxes[0, 1, 1, 1], TRUTH["boxes"][0, 0], rtol=1e-5)
    np.testing.assert_allclose(boxes[0, 2, 4, 1], TRUTH["boxes"][0, 1], rtol=1e-5)


@pytest.mark.parametrize(
    ("cell", "place", "change", "cost"),
    [
        ((0, 1, 1), 9, -0.25, 0.25**2),  # confidence of the responsible box
        ((0, 1, 1), 4, 0.5, 0.5 * 0.5**2),  # of the other box of that cell
        ((0, 0, 5), 4, 0.5, 0.5 * 0.5**2),  # of a cell without object
        ((0, 1, 1), 12, 0.5, 0.5**2),  # a class of a cell with an object
        ((0, 0, 5), 12, 0.5, 0.0),  # a class of a cell without
        ((0, 0, 5), 7, 0.5, 0.0),  # a place of a cell without
        ((0, 1, 1), 0, 0.5, 0.0),  # the place of the other box
    ],
)
def test_what_each_number_costs(model, cell, place, change, cost):
    y = perfect()
    y[(*cell, place)] += change
    assert loss(model, y) == pytest.approx(cost / 2, abs=1e-7)  # mean of two images


def test_equation_by_loops(model):
    y = RNG.normal(scale=0.5, size=(2, 4, 6, 14))
    total = 0.0
    for i in range(2):
        objects = {}
        for n in np.flatnonzero(TRUTH["classes"][i] >= 0):
            left, top, right, bottom = TRUTH["boxes"][i, n].astype(float) / SIDES
            x, z = (left + right) / 2 * 6, (top + bottom) / 2 * 4
            roots = np.sqrt(right - left), np.sqrt(bottom - top)
            place = x - int(x), z - int(z), *roots
            objects[int(z), int(x)] = place, (left, top, right, bottom), n
        for row, column in np.ndindex(4, 6):
            cell = y[i, row, column]
            if (row, column) not in objects:
                total += 0.5 * (cell[4] ** 2 + cell[9] ** 2)
                continue
            place, box, n = objects[row, column]
            ious = []
            for b in (0, 5):
                px, pz = (cell[b] + column) / 6, (cell[b + 1] + row) / 4
                w, h = cell[b + 2] ** 2, cell[b + 3] ** 2
                across = min(box[2], px + w / 2) - max(box[0], px - w / 2)
                down = min(box[3], pz + h / 2) - max(box[1], pz - h / 2)
                both = max(across, 0) * max(down, 0)
                own = (box[2] - box[0]) * (box[3] - box[1])
                ious.append(both / (w * h + own - both))
            best = int(np.argmax(ious))
            b = 5 * best
            total += 5 * ((cell[b : b + 4] - place) ** 2).sum()
            total += (cell[b + 4] - ious[best]) ** 2 + 0.5 * cell[9 - b] ** 2
            wanted = np.eye(4)[TRUTH["classes"][i, n]]
            total += ((cell[10:] - wanted) ** 2).sum()
    assert loss(model, y) == pytest.approx(total / 2, rel=1e-5)


def test_absent_and_senseless_objects_do_not_matter(model):
    y = RNG.normal(size=(2, 4, 6, 14))
    want = loss(model, y)
    for bad in ([np.nan] * 4, [9, 9, 5, 20], [9, 9, 20, 9]):
        boxes = TRUTH["boxes"].copy()
        boxes[1, 1] = bad
        truth = {"boxes": boxes, "classes": np.array([[0, 3], [2, 1]])}
        assert loss(model, y, truth) == pytest.approx(want, rel=1e-6)


def test_images_without_objects_teach_confidence_only():
    model = network()
    model.compile(keras.optimizers.SGD(0.01), jit_compile=False)
    nothing = {"boxes": TRUTH["boxes"] * np.nan, "classes": 0 * TRUTH["classes"] - 1}
    kernel = model.backbone.layers[-1].kernel
    before = np.array(kernel)
    assert np.isfinite(model.fit(IMAGES, nothing, verbose=0).history["loss"]).all()
    moved = (np.array(kernel) != before).any(axis=(0, 1, 2))
    assert np.flatnonzero(moved).tolist() == [4, 9]


def test_fit_refuses_what_makes_no_sense():
    model = network()
    model.compile("sgd", jit_compile=False)
    with pytest.raises(ValueError, match="classes must be in -1 to 3, got 4"):
        model.fit(IMAGES, {**TRUTH, "classes": TRUTH["classes"] + 1}, verbose=0)


def test_scores_are_confidence_times_class(model):
    y = perfect()
    y[0, 1, 1, 9], y[0, 1, 1, 10] = 0.5, 0.8
    backbone = keras.Sequential([keras.Input((4, 6, 14)), layers.Identity()])
    found = YOLO(backbone, 4).detect(y, max_output=3)
    scores = np.asarray(found["scores"])
    np.testing.assert_allclose(scores[0], [1, 0.4, 0], rtol=1e-5)
    assert np.asarray(found["classes"]).tolist() == [[3, 0, -1], [2, -1, -1]]


def test_learns_to_find():
    """Two images are learned by heart by a small network of the paper's form."""
    keras.utils.set_random_seed(0)
    layout = [(3, 8, 2), None, (3, 16, 2)]
    model = YOLO(yolo_network(4, 2, layout, 64, (32, 48, 3)), 4)
    model.compile(keras.optimizers.Adam(0.003), jit_compile=False)
    for _ in range(120):
        model.train_on_batch(IMAGES, TRUTH)
    found = model.detect(IMAGES, max_output=10)
    assert evaluate(found, TRUTH, [0.5])["AP"] == 1


@pytest.mark.parametrize("name", ["num_classes", "boxes"])
def test_rejects(model, name):
    options = {"num_classes": 4, name: 0}
    with pytest.raises(ValueError, match=f"{name} must be an int >= 1, got 0"):
        YOLO(model.backbone, **options)


def test_rejects_channels(model):
    with pytest.raises(ValueError, match="must give 5 x 2 [+] 5 = 15 channels, got 14"):
        YOLO(model.backbone, 5)
