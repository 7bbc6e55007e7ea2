import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers
from scipy.special import log_softmax

from course.checks import noise_weights
from modules.multimodal.show_and_tell import ShowAndTell

RNG = np.random.default_rng(0)
IMAGES = RNG.uniform(size=(3, 8, 8, 3)).astype("float32")
CAPTIONS = np.array([[1, 5, 6, 2, 0], [1, 7, 2, 0, 0], [1, 3, 4, 5, 2]])


def network(**options):
    image = keras.Input((8, 8, 3))
    seen = layers.Dense(5)(layers.Flatten()(layers.AveragePooling2D(2)(image)))
    encoder = keras.Model(image, seen)
    return ShowAndTell(encoder, vocabulary_size=9, units=6, **options)


@pytest.fixture(scope="module")
def model():
    found = network(rate=0.0)
    found([IMAGES, CAPTIONS])
    noise_weights(found, seed=0)
    return found


def test_count(model):
    encoder = 4 * 4 * 3 * 5 + 5
    lstm = 4 * (6 * 6 + 6 * 6 + 6)
    assert model.count_params() == encoder + 6 * 6 + 9 * 6 + lstm + 7 * 9


def test_save_and_load(model, tmp_path):
    model.save(tmp_path / "told.keras")
    again = keras.saving.load_model(tmp_path / "told.keras")
    x = [IMAGES, CAPTIONS]
    np.testing.assert_allclose(again(x), model(x), atol=1e-5)
    np.testing.assert_array_equal(again.caption(IMAGES, 4), model.caption(IMAGES, 4))


def test_the_image_is_the_first_input_of_the_lstm(model):
    """The same by Keras's LSTM on the image followed by the words."""
    words = np.asarray(model.embedding(CAPTIONS))
    x = np.concatenate([np.asarray(model.shown(IMAGES))[:, None], words], axis=1)
    theirs = layers.LSTM(6, return_sequences=True)
    theirs.build(x.shape)
    theirs.set_weights(model.lstm.get_weights())
    want = model.words(np.asarray(theirs(x))[:, 1:])
    np.testing.assert_allclose(model([IMAGES, CAPTIONS]), want, atol=1e-5)


def test_another_image_changes_all_logits_and_words_only_later_ones(model):
    y = np.asarray(model([IMAGES, CAPTIONS]))
    other = np.asarray(model([IMAGES[::-1], CAPTIONS]))
    assert (np.abs(y - other).max(axis=-1)[[0, 2]] > 1e-4).all()
    changed = CAPTIONS.copy()
    changed[:, 2] = 8
    moved = np.abs(np.asarray(model([IMAGES, changed])) - y).max(axis=-1)
    assert (moved[:, :2] == 0).all() and (moved[:, 2:] > 1e-5).all()


def test_loss_is_of_the_next_words_without_padding(model):
    y = np.asarray(model([IMAGES, CAPTIONS]))
    log_p = log_softmax(y.astype("float64"), axis=-1)
    said = []
    for i, row in enumerate(CAPTIONS):
        said += [-log_p[i, t, w] for t, w in enumerate(row[1:]) if w]
    loss = float(model.compute_loss([IMAGES, CAPTIONS], None, y))
    assert loss == pytest.approx(np.mean(said), rel=1e-5)
    padded = CAPTIONS * 0
    assert float(model.compute_loss([IMAGES, padded], None, y)) == 0


def test_captions_are_those_of_greedy_decoding_by_hand(model):
    found = model.caption(IMAGES, 6, start=1, end=2)
    for image, row in zip(IMAGES, found, strict=True):
        text = [1]
        while len(text) < 7 and text[-1] != 2:
            y = model([image[None], np.array([text])])
            text.append(int(np.argmax(y[0, -1])))
        assert row.tolist() == (text[1:] + [0] * 6)[:6]


def test_a_beam_that_holds_everything_finds_the_likeliest(model):
    """All captions of two words with an end are compared by their probability."""
    found = model.caption(IMAGES[:1], 2, start=1, end=2, beams=81)[0]
    first = log_softmax(np.asarray(model([IMAGES[:1], np.array([[1]])]))[0, 0])
    best = {(2,): first[2]}
    for word in set(range(9)) - {2}:
        y = np.asarray(model([IMAGES[:1], np.array([[1, word]])]))[0, 1]
        best[word, 2] = first[word] + log_softmax(y)[2]
    want = max(best, key=best.get)
    assert found[: len(want)].tolist() == list(want)


def test_learns_captions():
    keras.utils.set_random_seed(0)
    model = network(rate=0.0)
    model.compile(keras.optimizers.Adam(0.05))
    many = [np.tile(x, (100, *[1] * (x.ndim - 1))) for x in (IMAGES, CAPTIONS)]
    model.fit(many, batch_size=3, shuffle=False, verbose=0)
    found = model.evaluate([IMAGES, CAPTIONS], verbose=0, return_dict=True)
    assert found["perplexity"] < 1.1
    np.testing.assert_array_equal(model.caption(IMAGES, 4), CAPTIONS[:, 1:])


def test_every_weight_learns(model):
    with tf.GradientTape() as tape:
        x = [IMAGES, CAPTIONS]
        loss = model.compute_loss(x, None, model(x))
    found = tape.gradient(loss, [w.value for w in model.trainable_weights])
    assert all(
        g is not None and np.abs(g).max() > 0 for g in map(tf.convert_to_tensor, found)
    )


@pytest.mark.parametrize(
    ("x", "said"),
    [
        ((IMAGES[:2], CAPTIONS), "each image needs its caption, got 2 images and 3"),
        ((255 * IMAGES, CAPTIONS), "images must be floats from 0 to 1"),
        ((IMAGES, CAPTIONS + 5), "tokens must be 0 to 8, got 5 to 12"),
        ((IMAGES, CAPTIONS[:, :0]), "with T >= 1"),
    ],
)
def test_bad_input(x, said):
    model = network(low=0.0, high=1.0)
    model.compile("sgd")
    with pytest.raises(ValueError, match=said):
        model.fit(list(x), verbose=0)


def test_bad_arguments():
    with pytest.raises(ValueError, match="units must be an int >= 1, got 0"):
        ShowAndTell(None, 9, units=0)
