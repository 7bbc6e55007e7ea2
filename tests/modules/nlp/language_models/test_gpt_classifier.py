import keras
import numpy as np
import pytest

from course.checks import count_trainable, noise_weights
from modules.nlp.language_models.gpt import GPT
from modules.nlp.language_models.gpt_classifier import GPTClassifier, pack

SIZES = {"num_layers": 1, "num_heads": 2, "hidden_dim": 8, "intermediate_dim": 12}
START, END, DELIMITER = 1, 2, 3
TOKENS = pack([[7, 8, 9, 10], [4, 5], [11]], 7, START, END)
LABELS = np.array([2, 0, 1])


def made(**options):
    gpt = GPT(13, 9, **SIZES, norm_first=False, rate=0.0, epsilon=1e-3)
    return GPTClassifier(gpt, num_classes=3, **options)


@pytest.fixture
def model():
    model = made()
    model(TOKENS)
    noise_weights(model, seed=0)
    return model


def test_saving(model, tmp_path):
    """The common examination is that of GPT; here is what the class adds to it."""
    model.word_weight = 0.25
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    for got, want in zip(loaded(TOKENS), model(TOKENS), strict=True):
        np.testing.assert_allclose(got, want, atol=1e-6)
    assert loaded.word_weight == 0.25 and loaded.num_classes == 3


def test_new_are_the_weights_of_one_matrix(model):
    assert count_trainable(model) - count_trainable(model.gpt) == 8 * 3


def test_packed():
    assert TOKENS.tolist() == [
        [1, 7, 8, 9, 10, 2, 0],
        [1, 4, 5, 2, 0, 0, 0],
        [1, 11, 2, 0, 0, 0, 0],
    ]
    pair = pack([([7, 8], [9])], 7, START, END, DELIMITER)
    assert pair.tolist() == [[1, 7, 8, 3, 9, 2, 0]]


def test_classes_are_read_off_the_extract_token(model):
    h = np.asarray(model.gpt.features(TOKENS))
    want = np.stack([h[0, 5], h[1, 3], h[2, 2]]) @ model.classes.kernel.numpy()
    np.testing.assert_allclose(model(TOKENS)[0], want, atol=1e-5)
    longer = np.pad(TOKENS, [(0, 0), (0, 2)])
    np.testing.assert_allclose(model(longer)[0], want, atol=1e-5)


def ce(logits, labels):
    z = np.asarray(logits, "float64")
    z = z - np.log(np.exp(z).sum(axis=-1, keepdims=True))
    return -np.take_along_axis(z, labels[..., None], axis=-1)[..., 0]


@pytest.mark.parametrize("weight", [0.5, 0.0, 2.0])
def test_the_loss_is_a_sum_and_no_mean(model, weight):
    model.word_weight = weight
    classes, words = model(TOKENS)
    task = ce(classes, LABELS).mean()
    others = ce(np.asarray(words)[:, :-1], TOKENS[:, 1:])[TOKENS[:, 1:] > 0].mean()
    got = float(model.compute_loss(TOKENS, LABELS, [classes, words]))
    assert got == pytest.approx(task + weight * others, rel=1e-5)
    got = float(model.compute_loss(TOKENS, LABELS[:, None], [classes, words]))
    assert got == pytest.approx(task + weight * others, rel=1e-5)


def test_learns():
    keras.utils.set_random_seed(0)
    model = made()
    model.compile(keras.optimizers.Adam(0.03), run_eagerly=True)
    x, y = np.tile(TOKENS, (15, 1)), np.tile(LABELS, 15)
    found = model.fit(x, y, 3, epochs=2, shuffle=False, verbose=0).history
    assert found["accuracy"][-1] == 1
    assert found["word_loss"][-1] < 0.7 * found["word_loss"][0]


def test_bad_input(model):
    model.compile("sgd")
    with pytest.raises(ValueError, match="text 1 has an empty sentence"):
        pack([[7], []], 9, START, END)
    with pytest.raises(ValueError, match="text 0 has an empty sentence"):
        pack([([7], [])], 9, START, END, DELIMITER)
    with pytest.raises(ValueError, match="text 0 needs 6 places, of 5"):
        pack([[7, 8, 9, 10]], 5, START, END)
    with pytest.raises(ValueError, match="tokens must be 0 to 2, got 0 to 3"):
        model.fit(TOKENS, np.array([0, 1, 3]))
    with pytest.raises(ValueError, match="tokens must be 0 to 12, got 0 to 14"):
        model.fit(TOKENS + 4 * (TOKENS == 10), LABELS)
    with pytest.raises(ValueError, match="sample_weight is not supported"):
        model.compute_loss(TOKENS, LABELS, model(TOKENS), sample_weight=LABELS)
    nothing = model(np.zeros((2, 7), "int32"))
    assert all(np.isfinite(y).all() for y in nothing)
    for options in ({"num_classes": 1}, {"word_weight": -1.0}, {"word_weight": np.nan}):
        with pytest.raises(ValueError, match=next(iter(options))):
            GPTClassifier(model.gpt, **{"num_classes": 3, **options})
    for gpt in ("gpt", GPT(13, 9, **SIZES, padding=None)):
        with pytest.raises(ValueError, match="gpt must be a GPT with padding"):
            GPTClassifier(gpt, 3)
