import keras
import numpy as np
import pytest

from modules.nlp.language_models.perplexity import Perplexity, mean_loss, word_losses

RNG = np.random.default_rng(0)
LABELS = np.array([[3, 1, 4, 0, 0], [2, 2, 1, 3, 0], [1, 0, 0, 0, 0]])
LOGITS = RNG.normal(size=(3, 5, 6)).astype("float32")


def by_hand(labels=LABELS, logits=LOGITS):
    """Losses in float64, from the definition."""
    p = np.exp(logits.astype("float64"))
    p /= p.sum(axis=-1, keepdims=True)
    return -np.log(np.take_along_axis(p, labels[..., None], axis=-1)[..., 0])


def test_word_losses_are_minus_ln_p():
    np.testing.assert_allclose(word_losses(LABELS, LOGITS), by_hand(), rtol=1e-5)
    half = word_losses(LABELS, LOGITS.astype("float16"))
    assert half.dtype == "float32"


def test_the_mean_of_logarithms_of_words_not_of_sentences():
    metric = Perplexity()
    for row in range(3):  # batches of unequal length
        metric.update_state(LABELS[row : row + 1], LOGITS[row : row + 1])
    want = np.exp(by_hand()[LABELS > 0].mean())
    assert float(metric.result()) == pytest.approx(want, rel=1e-5)
    of_sentences = np.mean([np.exp(by_hand()[i][LABELS[i] > 0].mean()) for i in (0, 1)])
    assert abs(want - of_sentences) > 0.1


def test_equal_probabilities_give_the_number_of_words():
    metric = Perplexity(padding=None)
    metric.update_state(LABELS, np.zeros((3, 5, 6)))
    assert float(metric.result()) == pytest.approx(6, rel=1e-6)
    metric.reset_state()
    assert float(metric.result()) == 1  # before the first word
    metric.update_state(LABELS, 50 * np.eye(6)[LABELS])
    assert float(metric.result()) == pytest.approx(1)


def test_a_word_of_probability_0_makes_it_infinite():
    metric, logits = Perplexity(), np.zeros((1, 1, 3))
    logits[0, 0, 1] = -np.inf
    metric.update_state([[1]], logits)
    assert float(metric.result()) == np.inf


def test_padding_and_weights():
    metric, weight = Perplexity(), np.array([[2.0], [1.0], [0.0]])
    metric.update_state(LABELS, LOGITS, sample_weight=weight)
    counts = (LABELS > 0) * weight
    want = np.exp((by_hand() * counts).sum() / counts.sum())
    assert float(metric.result()) == pytest.approx(want, rel=1e-5)
    assert Perplexity.from_config(metric.get_config()).padding == 0


def test_equals_keras_hub():
    hub = pytest.importorskip("keras_hub")
    theirs = hub.metrics.Perplexity(from_logits=True, mask_token_id=0)
    ours = Perplexity()
    for metric in (theirs, ours):
        metric.update_state(LABELS[:2], LOGITS[:2])
        metric.update_state(LABELS[2:], LOGITS[2:])
    assert float(ours.result()) == pytest.approx(float(theirs.result()), rel=1e-5)


def test_mean_loss_of_nothing_is_0():
    losses = np.array([[np.inf, 2.0], [5.0, np.nan]])
    assert float(mean_loss(losses, np.zeros((2, 2)))) == 0
    counts = keras.ops.array([[False, True], [True, False]])
    assert float(mean_loss(losses, counts)) == pytest.approx(3.5)
