import keras
import numpy as np
import pytest
import tensorflow as tf

from course.checks import check_model, noise_weights
from modules.nlp.language_models.recurrent_language_model import RecurrentLanguageModel
from modules.nlp.language_models.sampling import Sampler

RNG = np.random.default_rng(0)
TOKENS = RNG.integers(1, 11, size=(2, 9)).astype("int32")


def built(**options):
    model = RecurrentLanguageModel(11, units=5, embedding_dim=4, **options)
    model(TOKENS)
    noise_weights(model, seed=0, gain=2.0)
    return model


@pytest.mark.parametrize(
    "cell, inner",
    [("simple", 4 * 5 + 25 + 5), ("gru", 3 * (20 + 25 + 10)), ("lstm", 4 * 50)],
)
def test_model(cell, inner):
    def make():
        steps = 3 if cell == "lstm" else None
        return RecurrentLanguageModel(11, 5, 4, cell, steps, rate=0.3)

    weights = 11 * 4 + inner + 5 * 11 + 11
    check_model(make, TOKENS, (2, 9, 11), weights, training="differs")


def test_the_elman_network_by_hand():
    """E w, then tanh(U x + W s + b), then V s + c, in NumPy."""
    model = built(cell="simple")
    table, kernel, recurrent, bias, out, shift = model.get_weights()
    s, want = np.zeros((2, 5)), []
    for t in range(9):
        s = np.tanh(table[TOKENS[:, t]] @ kernel + s @ recurrent + bias)
        want.append(s @ out + shift)
    np.testing.assert_allclose(model(TOKENS), np.stack(want, axis=1), atol=1e-5)


def support(model):
    """Return which embedded words each place's logits get a gradient from, (T, T)."""
    x = tf.Variable(model.embedding(TOKENS[:1]))
    with tf.GradientTape() as tape:
        y = model.logits(model.rnn(x)[0])
    slopes = keras.ops.convert_to_numpy(tape.jacobian(y, x))
    return np.any(slopes != 0, axis=(0, 2, 3, 5))


def test_no_gradient_from_the_future_and_the_past_in_full():
    np.testing.assert_array_equal(support(built()), np.tril(np.ones((9, 9), bool)))


@pytest.mark.parametrize("steps", [1, 4])
def test_the_gradient_is_cut_and_the_values_are_not(steps):
    t = np.arange(9)
    within = (t[:, None] // steps == t // steps) & (t <= t[:, None])
    np.testing.assert_array_equal(support(built(steps=steps)), within)
    want = built()(TOKENS)
    np.testing.assert_allclose(built(steps=steps)(TOKENS), want, atol=1e-6)


def slowly(model, prompt, length):
    words = np.asarray(prompt)
    while words.shape[1] < length:
        best = np.argmax(model(words)[:, -1], axis=-1)
        words = np.concatenate([words, best[:, None]], axis=1)
    return words


@pytest.mark.parametrize("options", [{"cell": "lstm", "steps": 2}])
def test_generates_what_it_would_read_as_likeliest(options):
    model = built(**options)
    got = model.generate(TOKENS[:, :3], 12)
    np.testing.assert_array_equal(got, slowly(model, TOKENS[:, :3], 12))
    texts = model.generate(TOKENS[:, :1], 30, sampler=Sampler(top_p=0.9), seed=0)
    np.testing.assert_array_equal(texts[:, :1], TOKENS[:, :1])
    assert (texts[0] != texts[1]).any() and texts.max() <= 10


def test_learns_a_song():
    song = np.tile([1, 2, 3, 4, 2, 5, 6, 2, 7], (8, 1))  # behind 2 the past decides
    keras.utils.set_random_seed(0)
    model = RecurrentLanguageModel(11, units=16)
    model.compile(keras.optimizers.Adam(0.03), jit_compile=False)
    first = model.train_on_batch(song, return_dict=True)["perplexity"]
    assert first == pytest.approx(11, rel=0.1)  # nothing learned: any word
    for _ in range(60):
        model.reset_metrics()
        last = model.train_on_batch(song, return_dict=True)["perplexity"]
    assert last < 1.3
    np.testing.assert_array_equal(model.generate([[1]], 9), song[:1])


def test_bad_input():
    with pytest.raises(ValueError, match="cell must be one of simple, gru, lstm, got"):
        RecurrentLanguageModel(11, cell="rnn")
    with pytest.raises(ValueError, match="units must be an int >= 1, got 0"):
        RecurrentLanguageModel(11, units=0)
    with pytest.raises(ValueError, match="steps must be an int >= 1, got 0"):
        RecurrentLanguageModel(11, steps=0)
    with pytest.raises(ValueError, match="give prompts of one length together"):
        built().generate([[1, 2], [1, 0]], 5)
    model = built()
    assert np.isfinite(model(0 * TOKENS)).all()  # nothing but padding
    with pytest.raises(ValueError, match="tokens must be 0 to 10, got 3 to 11"):
        model.generate([[3, 11]], 5)
