import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops

from modules.nlp.language_models.language_model import LanguageModel, check_tokens
from modules.nlp.language_models.sampling import Sampler

RNG = np.random.default_rng(0)
TOKENS = np.array([[1, 4, 2, 5, 0], [1, 3, 3, 2, 4], [0, 0, 0, 0, 0]])
TABLE = RNG.normal(size=(6, 6)).astype("float32")


class Bigram(LanguageModel):
    """The next word depends on the last one: a table of logits."""

    max_length = 9

    def build(self, input_shape):
        self.table = self.add_weight((6, 6), "zeros")

    def call(self, tokens):
        return ops.take(self.table, tokens, axis=0)

    def start(self, batch, length):
        return ops.zeros((batch,))

    def step(self, tokens, state, index):
        return self(tokens), state


@pytest.fixture
def model():
    made = Bigram(6)
    made(TOKENS)
    made.table.assign(TABLE)
    return made


def log_p():
    z = TABLE.astype("float64")
    return z - np.log(np.exp(z).sum(axis=1, keepdims=True))


def by_hand(row):
    words = [w for w in row if w]
    return [log_p()[a, b] for a, b in zip(words, words[1:], strict=False)]


def test_loss_and_perplexity_are_means_over_words(model):
    model.compile(keras.optimizers.SGD(0.0))
    found = model.evaluate(TOKENS, batch_size=3, return_dict=True, verbose=0)
    want = -np.mean([*by_hand(TOKENS[0]), *by_hand(TOKENS[1])])
    assert found["loss"] == pytest.approx(want, rel=1e-5)
    assert found["perplexity"] == pytest.approx(np.exp(want), rel=1e-5)
    weights = np.array([1.0, 3.0, 5.0])
    loss = model.compute_loss(TOKENS, None, model(TOKENS), weights)
    first, second = by_hand(TOKENS[0]), by_hand(TOKENS[1])
    want = -(sum(first) + 3 * sum(second)) / (len(first) + 3 * len(second))
    assert float(loss) == pytest.approx(want, rel=1e-5)


def test_log_likelihood_is_the_sum_over_words(model):
    want = [sum(by_hand(row)) for row in TOKENS]
    np.testing.assert_allclose(model.log_likelihood(TOKENS), want, rtol=1e-5)


def test_probabilities_of_all_texts_sum_to_1():
    """All rows of three words behind the first, without padding."""
    model = Bigram(6, padding=None)
    model(TOKENS)
    model.table.assign(TABLE)
    rest = np.stack(np.meshgrid(*[range(6)] * 3), axis=-1).reshape(-1, 3)
    texts = np.concatenate([np.ones((216, 1), int), rest], axis=1)
    total = np.exp(model.log_likelihood(texts)).sum()
    assert total == pytest.approx(1, rel=1e-5)


def test_fit_learns_how_often_words_follow():
    texts = np.tile([[1, 2, 3, 0], [1, 2, 4, 0], [1, 2, 3, 0], [1, 5, 0, 0]], (8, 1))
    model = Bigram(6)
    model.compile(keras.optimizers.Adam(0.3), jit_compile=True)
    model.fit(np.tile(texts, (40, 1)), shuffle=False, verbose=0)
    p = np.exp(np.asarray(ops.log_softmax(model.table)))
    assert p[1, 2] == pytest.approx(0.75, abs=0.02)
    assert p[2, 3] == pytest.approx(2 / 3, abs=0.02)
    assert np.ptp(p[3]) < 1e-5  # what stands behind 3 is padding, and teaches nothing


def test_a_batch_of_padding_changes_nothing(model):
    model.compile(keras.optimizers.SGD(1.0))
    history = model.fit(0 * TOKENS, verbose=0).history
    assert history["loss"] == [0] and np.isfinite(history["perplexity"][0])
    np.testing.assert_array_equal(model.table, TABLE)


def test_greedy_follows_the_likeliest(model):
    want = [[1], [3]]
    for _ in range(5):
        want = [[*row, int(TABLE[row[-1]].argmax())] for row in want]
    got = model.generate([[1], [3]], 6)
    np.testing.assert_array_equal(got, want)
    assert isinstance(got, np.ndarray) and got.dtype == "int32"


def test_prompts_of_different_lengths_and_ends(model):
    prompt = np.array([[1, 4, 2], [3, 0, 0]])
    got = model.generate(prompt, 6)
    for row, words in zip(got, prompt, strict=True):
        want = [w for w in words if w]
        while len(want) < 6:
            want.append(int(TABLE[want[-1]].argmax()))
        assert list(row) == want
    end = int(got[0, 4])
    cut = model.generate(prompt, 6, end=end)[0]
    place = 3 + list(got[0, 3:]).index(end)
    assert not cut[place + 1 :].any() and cut[place] == end


def test_samples_come_as_often_as_the_model_says(model):
    """Words 1 and 2 behind the prompt, 4,000 times, against the exact law."""
    prompt = np.full((4000, 1), 4)
    texts = model.generate(prompt, 3, sampler=Sampler(), seed=1)
    p = np.exp(log_p())
    counts = np.zeros((6, 6))
    np.add.at(counts, (texts[:, 1], texts[:, 2]), 1 / 4000)
    np.testing.assert_allclose(counts, p[4][:, None] * p, atol=0.025)
    again = model.generate(prompt, 3, sampler=Sampler(), seed=1)
    np.testing.assert_array_equal(texts, again)
    other = model.generate(prompt, 3, sampler=Sampler(), seed=2)
    assert (texts != other).any()


@pytest.mark.parametrize(
    "wrong, message",
    [
        (np.zeros((2, 0), int), r"tokens must be \(B, T\) int with T >= 1"),
        (np.ones((2, 3)), r"tokens must be \(B, T\) int with T >= 1, got float64"),
        (np.ones(3, int), r"got int64 of shape \(3,\)"),
        ([[1, 2], [3]], "sentences must have one length"),
        ([[1, 6]], "tokens must be 0 to 5, got 1 to 6"),
        ([[-1, 2]], "tokens must be 0 to 5, got -1 to 2"),
        (np.ones((2, 10), int), "there are 9 positions, got a sentence of 10 words"),
    ],
)
def test_refuses_what_are_no_sentences(model, wrong, message):
    model.compile("sgd")
    uses = (model.fit, model.evaluate, model.log_likelihood)
    for use in (*uses, lambda x: model.generate(x, 9)):
        with pytest.raises(ValueError, match=message):
            use(wrong)


def test_refuses_prompts_and_lengths(model):
    with pytest.raises(ValueError, match="row 1 of the prompt has no first word"):
        model.generate([[1, 2], [0, 0]], 5)
    with pytest.raises(ValueError, match="padding must stand behind the words"):
        model.generate([[1, 0, 2]], 5)
    with pytest.raises(ValueError, match="a prompt must have 1 to 1 words, got 2"):
        model.generate([[1, 2]], 2)
    with pytest.raises(ValueError, match="there are 9 positions, got a text of 10"):
        model.generate([[1, 2]], 10)
    with pytest.raises(ValueError, match="the labels are the words of x"):
        model.fit(TOKENS, TOKENS)
    with pytest.raises(ValueError, match="vocabulary_size must be an int >= 2, got 1"):
        Bigram(1)
    assert model.generate(np.zeros((0, 2), int), 5).shape == (0, 5)


def test_data_sets_are_looked_at():
    good = tf.data.Dataset.from_tensor_slices(TOKENS).batch(2)
    check_tokens(good, 6)
    check_tokens(iter(good), 1)  # cannot be looked at twice
    with pytest.raises(ValueError, match="tokens must be 0 to 2, got 0 to 5"):
        check_tokens(good, 3)
