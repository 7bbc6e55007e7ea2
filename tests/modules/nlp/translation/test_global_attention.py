import keras
import numpy as np
import pytest

from course.checks import check_layer, noise_weights
from modules.nlp.translation.global_attention import DotScore, GeneralScore, GlobalCell
from modules.nlp.translation.scaled_dot_product import masked_softmax

RNG = np.random.default_rng(0)
QUERY = RNG.normal(size=(2, 3, 5)).astype("float32")
ANNOTATIONS = RNG.normal(size=(2, 7, 5)).astype("float32")
WIDE = RNG.normal(size=(2, 7, 4)).astype("float32")


def test_dot():
    check_layer(DotScore, (QUERY, ANNOTATIONS), (2, 3, 7), weights=0)
    want = np.einsum("btd,bsd->bts", QUERY, ANNOTATIONS)
    np.testing.assert_allclose(DotScore()(QUERY, ANNOTATIONS), want, atol=1e-5)


def test_general():
    check_layer(GeneralScore, (QUERY, WIDE), (2, 3, 7), weights=5 * 4)
    layer = GeneralScore()
    layer(QUERY, WIDE)
    noise_weights(layer, seed=0)
    w = layer.w.kernel.numpy().T  # (5, 4): h_t . W h_s
    want = [
        [[q @ w @ h for h in hs] for q in qs]
        for qs, hs in zip(QUERY, WIDE, strict=True)
    ]
    np.testing.assert_allclose(layer(QUERY, WIDE), want, atol=1e-5)


def test_general_with_the_identity_is_dot():
    layer = GeneralScore()
    layer(QUERY, ANNOTATIONS)
    layer.w.kernel.assign(np.eye(5))
    want = DotScore()(QUERY, ANNOTATIONS)
    np.testing.assert_allclose(layer(QUERY, ANNOTATIONS), want, atol=1e-5)


def test_dot_equals_keras():
    theirs = keras.layers.Attention()
    _, want = theirs([QUERY, ANNOTATIONS], return_attention_scores=True)
    got = masked_softmax(DotScore()(QUERY, ANNOTATIONS))
    np.testing.assert_allclose(got, want, atol=1e-6)


def test_dot_needs_equal_widths():
    with pytest.raises(ValueError, match=r"needs equal widths, got \(5, 4\)"):
        DotScore()(QUERY, WIDE)


@pytest.mark.parametrize("feeding", [False, True])
def test_one_step_by_hand(feeding):
    """h_t first, then a look with it, then h~; and h~ goes into the next step."""
    cell = GlobalCell(5, GeneralScore(), input_feeding=feeding)
    cell.build((None, None, 3), 4)
    noise_weights(cell, seed=0)
    y, h, before = RNG.normal(size=(3, 2, 5)).astype("float32")
    y = y[:, :3]
    mask = np.arange(7) < np.array([[7], [4]])
    cell.source = cell.keys(WIDE), WIDE, mask, None
    both, states = cell(y, [h, before] if feeding else [h])

    x = np.concatenate([y, before], axis=1) if feeding else y
    current, _ = cell.gru(x, [h])
    scores = np.einsum("bd,bsd->bs", current, cell.score.w(WIDE))
    powers = np.exp(scores) * mask
    weights = powers / powers.sum(axis=1, keepdims=True)
    c = np.einsum("bs,bsm->bm", weights, WIDE)
    w_c, bias = (w.numpy() for w in cell.readout.weights)
    o = np.tanh(np.concatenate([c, current], axis=1) @ w_c + bias)
    np.testing.assert_allclose(both, np.concatenate([o, weights], axis=1), atol=1e-5)
    want = [current, o] if feeding else [current]
    for got, state in zip(states, want, strict=True):
        np.testing.assert_allclose(got, state, atol=1e-5)
