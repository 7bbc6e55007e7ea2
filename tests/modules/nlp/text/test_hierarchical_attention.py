import numpy as np
import pytest
import tensorflow as tf

from course.checks import check_model, noise_weights
from modules.nlp.text.hierarchical_attention import HierarchicalAttention

TOKENS = np.zeros((2, 2, 3), "int32")
TOKENS[0, 0], TOKENS[0, 1, :2] = [4, 7, 9], [5, 6]
TOKENS[1, 0, :1] = 3  # one sentence of one word
SIZES = {"vocabulary_size": 10, "num_classes": 3, "units": 4, "embedding_dim": 5}
GRU = 3 * (5 * 4 + 4 * 4 + 4)
UPPER = 3 * (8 * 4 + 4 * 4 + 4)
ATTENTION = 8 * 6 + 2 * 6


def make():
    return HierarchicalAttention(**SIZES, attention_units=6)


@pytest.fixture(scope="module")
def model():
    model = make()
    model(TOKENS)
    noise_weights(model, seed=0, gain=2)
    return model


def test_model():
    weights = 10 * 5 + 2 * GRU + 2 * UPPER + 2 * ATTENTION + 8 * 3 + 3
    check_model(make, TOKENS, (2, 3), weights)


def test_the_papers_sizes():
    model = HierarchicalAttention(1000, 5)
    model.build((None, None, None))
    words = 2 * 3 * (200 * 50 + 50 * 50 + 50) + 100 * 100 + 200
    sentences = 2 * 3 * (100 * 50 + 50 * 50 + 50) + 100 * 100 + 200
    assert model.count_params() == 1000 * 200 + words + sentences + 100 * 5 + 5


def test_weights_sum_to_one_over_words_and_over_sentences(model):
    _, alpha, beta = map(np.asarray, model(TOKENS, return_attention_scores=True))
    there = TOKENS > 0
    np.testing.assert_allclose(alpha.sum(axis=-1), there.any(axis=-1), atol=1e-6)
    np.testing.assert_allclose(beta.sum(axis=-1), [1, 1], atol=1e-6)
    assert not alpha[~there].any() and not beta[~there.any(axis=-1)].any()
    assert alpha[1, 0, 0] == pytest.approx(1) and beta[1, 0] == pytest.approx(1)


def test_level_by_level(model):
    """Each sentence alone, then the sentences: the same parts, called by hand."""
    s = []
    for sentence in TOKENS[0]:
        words = sentence[sentence > 0][None]
        s.append(model.word_attention(model.word_gru(model.embedding(words))))
    v = model.sentence_attention(model.sentence_gru(tf.stack(s, axis=1)))
    np.testing.assert_allclose(model(TOKENS)[:1], model.classifier(v), atol=1e-5)


def test_padding_changes_nothing(model):
    want = model(TOKENS)
    more = np.pad(TOKENS, [(0, 0), (0, 1), (0, 2)])
    np.testing.assert_allclose(model(more), want, atol=1e-5)
    np.testing.assert_allclose(model(TOKENS[1:, :1, :1]), want[1:], atol=1e-5)


def test_an_empty_sentence_between_others_is_skipped(model):
    gap = np.insert(TOKENS, 1, 0, axis=1)
    np.testing.assert_allclose(model(gap), model(TOKENS), atol=1e-5)


def test_a_document_without_a_word_gives_the_bias(model):
    logits, alpha, beta = model(0 * TOKENS, return_attention_scores=True)
    np.testing.assert_allclose(
        logits, np.tile(model.classifier.bias, (2, 1)), atol=1e-6
    )
    assert not np.any(alpha) and not np.any(beta)
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(model(0 * TOKENS) ** 2)
    for gradient in tape.gradient(loss, [w.value for w in model.trainable_weights]):
        assert gradient is None or np.isfinite(tf.convert_to_tensor(gradient)).all()


@pytest.mark.parametrize("shape", [(2, 5), (2, 0, 5), (2, 3, 0)])
def test_rejects_shapes(model, shape):
    with pytest.raises(ValueError, match=r"tokens must be \(B, L, T\), not empty, got"):
        model(np.zeros(shape, "int32"))
