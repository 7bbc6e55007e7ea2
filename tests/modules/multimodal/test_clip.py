import math

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from modules.multimodal.clip import CLIP, AtMost
from modules.multimodal.contrastive_loss import contrastive_loss
from modules.multimodal.text_encoder import TextEncoder

RNG = np.random.default_rng(0)
IMAGES = RNG.uniform(size=(4, 16, 16, 3)).astype("float32")
TOKENS = np.array([[3, 4, 8, 0, 0], [5, 8, 0, 0, 0], [2, 2, 6, 7, 8], [8, 0, 0, 0, 0]])
TEXT = dict(vocabulary_size=9, max_length=7, num_layers=2, num_heads=2, hidden_dim=8)


def network(**options):
    image = keras.Input((16, 16, 3))
    seen = layers.Dense(5)(layers.Flatten()(layers.AveragePooling2D(4)(image)))
    return CLIP(keras.Model(image, seen), TextEncoder(**TEXT), dim=6, **options)


@pytest.fixture(scope="module")
def model():
    found = network()
    found([IMAGES, TOKENS])
    return found


def test_scores_are_scaled_cosines(model):
    v, u = np.asarray(model.images(IMAGES)), np.asarray(model.texts(TOKENS[:3]))
    v, u = (x / np.linalg.norm(x, axis=1, keepdims=True) for x in (v, u))
    scores = np.asarray(model([IMAGES, TOKENS[:3]]))
    np.testing.assert_allclose(scores, v @ u.T / 0.07, rtol=1e-4)
    assert scores.shape == (4, 3) and np.abs(scores).max() <= 1 / 0.07 + 1e-3


def test_save_and_load(model, tmp_path):
    model.save(tmp_path / "clip.keras")
    again = keras.saving.load_model(tmp_path / "clip.keras")
    np.testing.assert_allclose(
        again([IMAGES, TOKENS]), model([IMAGES, TOKENS]), atol=1e-5
    )
    assert (again.dim, again.low) == (model.dim, model.low)


def test_loss_is_the_mean_over_pairs_and_all_learn(model):
    scores = model([IMAGES, TOKENS])
    want = np.mean(contrastive_loss(scores))
    assert float(model.compute_loss([IMAGES, TOKENS], None, scores)) == pytest.approx(
        want, rel=1e-6
    )
    with tf.GradientTape() as tape:
        loss = model.compute_loss(None, None, model([IMAGES, TOKENS]))
    found = tape.gradient(loss, [w.value for w in model.trainable_weights])
    assert all(g is not None for g in found)


def test_learns_pairs_and_the_scale_is_cut():
    keras.utils.set_random_seed(0)
    model = network()
    model.compile(keras.optimizers.Adam(0.001))
    before = float(np.mean(contrastive_loss(model([IMAGES, TOKENS]))))
    many = [np.tile(x, (100, *[1] * (x.ndim - 1))) for x in (IMAGES, TOKENS)]
    logs = model.fit(many, batch_size=4, shuffle=False, verbose=0).history
    assert {"image_to_text", "text_to_image"} < set(logs)
    scores = np.asarray(model([IMAGES, TOKENS]))
    assert np.mean(contrastive_loss(scores)) < 0.1 * before
    assert (scores.argmax(axis=0) == scores.argmax(axis=1)).all()
    assert float(model.log_scale) != pytest.approx(math.log(1 / 0.07))
    model.log_scale.assign(math.log(100) - 1e-4)
    model.compile(keras.optimizers.SGD(1000.0))
    model.image_projection.trainable = model.text_projection.trainable = False
    model.fit([IMAGES, TOKENS], verbose=0)
    assert float(model.log_scale) <= math.log(100) + 1e-6
    assert float(AtMost(2.0)(np.float32(3))) == 2


def test_class_vectors_average_directions(model):
    prompts = np.stack([TOKENS[:2], TOKENS[2:]])  # two classes, two descriptions
    u = np.asarray(model.texts(TOKENS)).reshape(2, 2, 6)
    u = u / np.linalg.norm(u, axis=-1, keepdims=True)
    want = u.mean(axis=1)
    want = want / np.linalg.norm(want, axis=-1, keepdims=True)
    np.testing.assert_allclose(model.class_vectors(prompts), want, atol=1e-5)
    p = np.asarray(model.classify(IMAGES, prompts))
    v = np.asarray(model.images(IMAGES))
    v = v / np.linalg.norm(v, axis=1, keepdims=True)
    z = np.exp(v @ want.T / 0.07)
    np.testing.assert_allclose(p, z / z.sum(axis=1, keepdims=True), rtol=1e-3)


@pytest.mark.parametrize(
    ("x", "said"),
    [
        ((IMAGES, TOKENS[:3]), "each image needs its text, got 4 images and 3 texts"),
        ((255 * IMAGES, TOKENS), "images must be floats from 0 to 1"),
        ((IMAGES * np.nan, TOKENS), "images must be floats from 0 to 1"),
        ((IMAGES, TOKENS - 1), "tokens must be 0 to"),
        ((IMAGES, TOKENS[:, :0]), "with T >= 1"),
    ],
)
def test_bad_input(x, said):
    model = network(low=0.0, high=1.0)
    model.compile("sgd")
    with pytest.raises(ValueError, match=said):
        model.fit(list(x), verbose=0)


def test_bad_arguments():
    with pytest.raises(ValueError, match="dim must be an int >= 1, got 0"):
        CLIP(None, None, dim=0)
