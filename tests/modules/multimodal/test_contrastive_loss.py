import numpy as np
import pytest
from keras import ops
from scipy.special import log_softmax

from modules.multimodal.contrastive_loss import contrastive_loss

S = np.random.default_rng(0).normal(scale=3, size=(5, 5)).astype("float32")


def loss(scores):
    return np.asarray(contrastive_loss(ops.convert_to_tensor(scores, "float32")))


def test_both_directions_by_scipy():
    rows, columns = log_softmax(S, axis=1), log_softmax(S, axis=0)
    want = -(np.diag(rows) + np.diag(columns)) / 2
    np.testing.assert_allclose(loss(S), want, rtol=1e-5)
    assert np.abs(-np.diag(rows) - want).max() > 0.1  # one direction is another loss


def test_equal_scores_are_a_guess_among_n():
    np.testing.assert_allclose(loss(np.full((7, 7), 3.0)), np.log(7), rtol=1e-6)
    np.testing.assert_allclose(loss(np.full((1, 1), -4.0)), 0, atol=1e-6)


def test_symmetries():
    order = np.random.default_rng(1).permutation(5)
    np.testing.assert_allclose(loss(S.T), loss(S), rtol=1e-5)
    np.testing.assert_allclose(loss(S[order][:, order]), loss(S)[order], rtol=1e-5)
    np.testing.assert_allclose(loss(S + 9), loss(S), rtol=1e-4)
    assert np.abs(loss(S[order]) - loss(S)).max() > 0.1  # pairs torn apart


def test_sure_and_right_costs_nothing_and_nothing_overflows():
    assert (loss(100 * np.eye(4)) < 1e-6).all()
    wrong = loss(100 * (1 - np.eye(4)))
    assert np.isfinite(wrong).all() and (wrong > 90).all()


def test_refuses_what_are_no_pairs():
    with pytest.raises(ValueError, match=r"scores must be \(N, N\), got \(3, 4\)"):
        contrastive_loss(ops.zeros((3, 4)))
