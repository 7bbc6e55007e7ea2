import keras
import numpy as np
import pytest
import tensorflow as tf

from course.checks import check_model, noise_weights
from modules.nlp.language_models.recurrent_language_model import RecurrentLanguageModel

RNG = np.random.default_rng(0)
TOKENS = RNG.integers(1, 11, size=(2, 9)).astype("int32")


def built(**options):
    model = RecurrentLanguageModel(11, units=5, embedding_dim=4, **options)
    model(TOKENS)
    noise_weights(model, seed=0, gain=2.0)
    return model


def test_model():
    def make():
        return RecurrentLanguageModel(11, 5, 4, steps=3, rate=0.3)

    weights = 11 * 4 + 4 * (20 + 25 + 5) + 5 * 11 + 11
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
    with tf.GradientTape(persistent=True) as tape:
        y = model.logits(model.rnn(x)[0])
        noise = np.random.default_rng(0).normal(size=y.shape)
        each = [tf.reduce_sum(y[:, t] * noise[:, t]) for t in range(9)]
    slopes = [keras.ops.convert_to_numpy(tape.gradient(s, x)) for s in each]
    return np.any(np.array(slopes) != 0, axis=(1, 3))


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


def test_learns_a_song():
    song = np.tile([1, 2, 3, 4, 2, 5, 6, 2, 7], (8, 1))  # behind 2 the past decides
    keras.utils.set_random_seed(0)
    model = RecurrentLanguageModel(11, units=16, cell="simple")
    model.compile(keras.optimizers.Adam(0.03), jit_compile=False)
    found = model.fit(np.tile(song, (30, 1)), batch_size=8, epochs=2, verbose=0).history
    assert found["perplexity"][-1] < 1.1
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
