import numpy as np
import pytest

from course.checks import noise_weights
from modules.nlp.translation.additive_attention import AdditiveScore
from modules.nlp.translation.decoder_cell import Decoder, DecoderCell

RNG = np.random.default_rng(0)
Y = RNG.normal(size=(2, 4, 3)).astype("float32")
H = RNG.normal(size=(2, 5)).astype("float32")
ANNOTATIONS = RNG.normal(size=(2, 7, 6)).astype("float32")
LAST = RNG.normal(size=(2, 6)).astype("float32")
MASK = np.arange(7) < np.array([[7], [4]])


def make(score=None):
    cell = DecoderCell(5, score)
    cell.build((None, None, 3), 6)
    noise_weights(cell, seed=0)
    return cell


def looked_at(cell):
    return cell.keys(ANNOTATIONS), ANNOTATIONS, MASK, LAST


def o_of(cell, h, y, c):
    w, bias = (w.numpy() for w in cell.readout.weights)
    return np.tanh(np.concatenate([h, y, c], axis=1) @ w + bias)


def test_one_vector_by_hand():
    """Cho et al.: the same c in every step, in the GRU and in the readout."""
    cell = make()
    cell.source = looked_at(cell)
    both, [h] = cell(Y[:, 0], [H])
    want, _ = cell.gru(np.concatenate([Y[:, 0], LAST], axis=1), [H])
    np.testing.assert_allclose(h, want, atol=1e-6)
    np.testing.assert_allclose(both[:, :5], o_of(cell, want, Y[:, 0], LAST), atol=1e-5)
    assert not np.any(both[:, 5:])


def test_additive_attention_looks_with_the_state_before():
    cell = make(AdditiveScore(8))
    cell.source = looked_at(cell)
    both, [h] = cell(Y[:, 0], [H])
    w, u, v = (
        x.numpy() for x in (cell.score.w.kernel, cell.score.u.kernel, cell.score.v)
    )
    powers = np.exp(np.tanh((H @ w)[:, None] + ANNOTATIONS @ u) @ v) * MASK
    weights = powers / powers.sum(axis=1, keepdims=True)
    c = np.einsum("bs,bsm->bm", weights, ANNOTATIONS)
    want, _ = cell.gru(np.concatenate([Y[:, 0], c], axis=1), [H])
    np.testing.assert_allclose(both[:, 5:], weights, atol=1e-6)
    np.testing.assert_allclose(h, want, atol=1e-5)
    np.testing.assert_allclose(both[:, :5], o_of(cell, want, Y[:, 0], c), atol=1e-5)


@pytest.mark.parametrize("score", [None, AdditiveScore(8)], ids=["fixed", "additive"])
def test_the_loop_is_one_step_after_the_other(score):
    cell = make(score)
    decoder = Decoder(cell)
    decoder.build(Y.shape)
    o, weights, [h] = decoder(Y, looked_at(cell), [H])
    assert cell.source is None  # nothing of the sentence stays behind
    cell.source, state = looked_at(cell), [H]
    for t in range(4):
        both, state = cell(Y[:, t], state)
        np.testing.assert_allclose(o[:, t], both[:, :5], atol=1e-6)
        np.testing.assert_allclose(weights[:, t], both[:, 5:], atol=1e-6)
    np.testing.assert_allclose(h, state[0], atol=1e-6)
