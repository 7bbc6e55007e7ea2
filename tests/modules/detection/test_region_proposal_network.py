import keras
import numpy as np
import pytest
from keras import layers, ops

from course.checks import check_model, noise_weights
from modules.detection.box_codec import encode
from modules.detection.boxes import iou
from modules.detection.matching import BACKGROUND, IGNORED
from modules.detection.region_proposal_network import RegionProposalNetwork, flat

RNG = np.random.default_rng(0)
IMAGES = RNG.normal(size=(2, 64, 48, 3)).astype("float32")
TRUTH = {
    "boxes": np.float32(
        [[[4, 6, 22, 20], [24, 30, 44, 60]], [[9, 9, 25, 25], [0] * 4]]
    ),
    "classes": np.array([[0, 3], [1, -1]]),
}


def network(**options):
    backbone = keras.Sequential(
        [keras.Input((None, None, 3)), layers.Conv2D(6, 8, 8, padding="same")]
    )
    options = {"scales": (16, 24), "filters": 5, "sampled": 64, **options}
    return RegionProposalNetwork(backbone, 8, **options)


def answers(model, images=IMAGES):
    return {k: np.asarray(v) for k, v in model(images).items()}


def test_model():
    k = 6
    weights = (64 * 3 * 6 + 6) + (9 * 6 * 5 + 5) + (5 + 1) * (2 * k + 4 * k)
    shapes = [(2, 8, 6, 4 * k), (2, 8, 6, 2 * k)]  # deltas, scores
    check_model(network, IMAGES, shapes, weights)


def test_papers_head_on_vgg():
    backbone = keras.Sequential([keras.Input((None, None, 512)), layers.Identity()])
    model = RegionProposalNetwork(backbone)
    model.build((None, None, None, 512))
    assert model.count_params() == (9 * 512 * 512 + 512) + 513 * (2 + 4) * 9
    y = model(np.zeros((1, 4, 7, 512), "float32"))
    assert model.anchors(y).shape == (4 * 7 * 9, 4)


def test_shifted_image_gives_shifted_answers_at_shifted_anchors():
    model = network()
    noise = np.zeros((1, 96, 96, 3), "float32")
    noise[:, 24:48, 24:48] = RNG.normal(size=(24, 24, 3))
    model(noise)
    noise_weights(model, seed=0)
    y, z = answers(model, noise), answers(model, np.roll(noise, (8, 16), axis=(1, 2)))
    moved = np.roll(y["deltas"], (1, 2), axis=(1, 2))
    np.testing.assert_allclose(
        z["deltas"][:, 2:-2, 3:-2], moved[:, 2:-2, 3:-2], atol=1e-5
    )
    anchors = np.reshape(model.anchors(y), (12, 12, 6, 4))
    shifted = anchors[:-1, :-2] + [16, 8, 16, 8]
    np.testing.assert_allclose(anchors[1:, 2:], shifted, atol=1e-4)


def test_every_object_is_some_anchors_target():
    model = network(across=True)
    y = answers(model)
    found = np.asarray(model.targets(model.anchors(y), TRUTH, 64, 48))
    assert set(found[0]) == {BACKGROUND, IGNORED, 0, 1}
    assert set(found[1]) == {BACKGROUND, IGNORED, 0}


def test_anchors_across_the_border_are_ignored():
    model = network()
    anchors = np.asarray(model.anchors(answers(model)))
    out = (anchors[:, :2] < 0).any(axis=1)
    out |= (anchors[:, 2] > 48) | (anchors[:, 3] > 64)
    found = np.asarray(model.targets(anchors, TRUTH, 64, 48))
    assert 0 < out.mean() < 1 and (found[:, out] == IGNORED).all()
    assert set(found[0, ~out]) >= {BACKGROUND, 0, 1}


def test_sample_is_balanced_and_fresh():
    matches = np.full((2, 300), BACKGROUND)
    matches[0, :60], matches[1, :5] = 1, 0
    matches[:, 200:] = IGNORED
    model = network(sampled=64)
    first, second = (np.asarray(model.sample(matches)) for _ in range(2))
    assert first.sum(axis=1).tolist() == [64, 64]
    assert (first & (matches >= 0)).sum(axis=1).tolist() == [32, 5]
    assert not (first & (matches == IGNORED)).any()
    assert (first != second).any()


def loss(model, y_pred, truth=TRUTH):
    return float(model.compute_loss(IMAGES, truth, y_pred))


def perfect(model, truth=TRUTH):
    """Return the answers that say what the truth says, all with certainty."""
    y = answers(model)
    anchors = np.asarray(model.anchors(y))
    matches = np.asarray(model.targets(anchors, truth, 64, 48))
    rows = np.stack([b[m] for b, m in zip(truth["boxes"], matches, strict=True)])
    sign = np.where(matches >= 0, 50.0, -50.0)
    scores = np.stack([-sign, sign], axis=-1).astype("float32")
    deltas = np.asarray(encode(rows, anchors))
    y = {"scores": scores.reshape(y["scores"].shape)}
    return {**y, "deltas": deltas.reshape(2, 8, 6, 24)}, matches


def test_perfect_answers_cost_nothing():
    model = network()
    y, _ = perfect(model)
    assert loss(model, y) < 1e-6
    assert loss(model, {**y, "scores": -y["scores"]}) > 50


def test_equation_by_numpy():
    """All anchors count when the sample is large enough for them."""
    model = network(sampled=10_000, weight=2.0)
    y = {
        k: RNG.normal(size=v.shape).astype("float32") for k, v in answers(model).items()
    }
    wanted, matches = perfect(model)
    logits = y["scores"].reshape(2, -1, 2).astype("float64")
    log_p = logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))
    error = np.abs(y["deltas"] - wanted["deltas"]).reshape(2, -1, 4)
    smooth = np.where(error < 1, error**2 / 2, error - 0.5).sum(axis=-1)
    want = 0.0
    for i in range(2):
        found, counted = matches[i] >= 0, matches[i] != IGNORED
        total = -log_p[i, found, 1].sum() - log_p[i, counted & ~found, 0].sum()
        want += (total + 2 * smooth[i, found].sum()) / counted.sum() / 2
    assert loss(model, y) == pytest.approx(want, rel=1e-5)


def test_ignored_anchors_and_places_of_background_cost_nothing():
    model = network(sampled=10_000)
    y = {
        k: RNG.normal(size=v.shape).astype("float32") for k, v in answers(model).items()
    }
    _, matches = perfect(model)
    want = loss(model, y)
    scores, deltas = (y[k].reshape(2, -1, n) for k, n in (("scores", 2), ("deltas", 4)))
    scores[matches == IGNORED] = 9
    deltas[matches < 0] = 9
    assert loss(model, y) == pytest.approx(want, rel=1e-6)
    deltas[matches >= 0] += 1
    assert loss(model, y) > want


def test_absent_objects_do_not_matter():
    model = network(sampled=10_000)
    y = {
        k: RNG.normal(size=v.shape).astype("float32") for k, v in answers(model).items()
    }
    longer = {
        "boxes": np.pad(TRUTH["boxes"], [(0, 0), (0, 3), (0, 0)]),
        "classes": np.pad(TRUTH["classes"], [(0, 0), (0, 3)], constant_values=-1),
    }
    longer["boxes"][:, 2:] = [[5, 5, 20, 30], [np.nan] * 4, [9, 9, 1, 1]]
    assert loss(model, y, longer) == pytest.approx(loss(model, y), rel=1e-6)


def test_images_without_objects_train():
    model = network()
    model.compile("sgd")
    nothing = {"boxes": TRUTH["boxes"] * np.nan, "classes": 0 * TRUTH["classes"] - 1}
    history = model.fit(IMAGES, nothing, epochs=3, verbose=0).history["loss"]
    assert np.isfinite(history).all() and history[-1] < history[0]


def test_learns_to_propose():
    """Two images are learned by heart, in a compiled fit."""
    keras.utils.set_random_seed(0)
    model = network(across=True, filters=32)
    model.compile(keras.optimizers.Adam(0.02), jit_compile=True)
    losses = model.fit(IMAGES, TRUTH, epochs=60, verbose=0).history["loss"]
    assert losses[-1] < 0.2 * losses[0]
    found = model.propose(IMAGES, max_output=10)
    overlaps = np.asarray(iou(found["boxes"], TRUTH["boxes"]))  # (2, 10, 2)
    assert (overlaps.max(axis=1)[TRUTH["classes"] >= 0] > 0.6).all()


def test_proposals():
    model = network()
    y = answers(model)
    found = model.propose(IMAGES, max_output=20)
    boxes = np.asarray(found["boxes"])
    assert boxes.shape == (2, 20, 4)
    assert boxes.min() >= 0 and boxes[..., 2].max() <= 48 and boxes[..., 3].max() <= 64
    scores = np.asarray(found["scores"])
    assert (np.diff(scores, axis=1) <= 0).all()
    logits = np.asarray(flat(y["scores"], 2))
    chance = 1 / (1 + np.exp(logits[..., 0] - logits[..., 1]))
    np.testing.assert_allclose(scores[:, 0], chance.max(axis=1), rtol=1e-5)
    overlaps = np.asarray(iou(boxes[0], boxes[0])) - np.eye(20)
    assert overlaps.max() <= 0.7


def test_saved_model_trains_on(tmp_path):
    model = network()
    model.compile("sgd")
    model(IMAGES)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(loaded(IMAGES)["deltas"], model(IMAGES)["deltas"])
    assert np.isfinite(loaded.fit(IMAGES, TRUTH, verbose=0).history["loss"]).all()


def test_flat_is_in_the_order_of_anchors():
    maps = ops.reshape(ops.arange(2 * 3 * 4 * 6), (2, 3, 4, 6))
    got = np.asarray(flat(maps, 2))
    assert got.shape == (2, 36, 2)
    np.testing.assert_array_equal(got[1, (2 * 4 + 3) * 3 + 1], [140, 141])


def test_rejects():
    with pytest.raises(ValueError, match="scales must be numbers > 0, got"):
        network(scales=[0])
