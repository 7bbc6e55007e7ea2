import keras
import numpy as np
import pytest

from course.checks import check_layer, noise_weights
from modules.nlp.translation.additive_attention import AdditiveScore
from modules.nlp.translation.scaled_dot_product import masked_softmax

RNG = np.random.default_rng(0)
QUERY = RNG.normal(size=(2, 3, 5)).astype("float32")
ANNOTATIONS = RNG.normal(size=(2, 7, 4)).astype("float32")


@pytest.fixture
def score():
    layer = AdditiveScore(6)
    layer(QUERY, ANNOTATIONS)
    noise_weights(layer, seed=1)
    return layer


def test_layer():
    x = QUERY, ANNOTATIONS
    check_layer(lambda: AdditiveScore(6), x, (2, 3, 7), weights=5 * 6 + 4 * 6 + 6)


def test_equation_one_pair_at_a_time(score):
    w, u, v = score.w.kernel.numpy(), score.u.kernel.numpy(), score.v.numpy()
    got = np.asarray(score(QUERY, ANNOTATIONS))
    for b, i, j in np.ndindex(got.shape):
        want = v @ np.tanh(QUERY[b, i] @ w + ANNOTATIONS[b, j] @ u)
        assert got[b, i, j] == pytest.approx(want, abs=1e-5)


def test_is_luongs_concat(score):
    """v^T tanh(W [h_t; h_s]) with one matrix for both vectors side by side."""
    w = np.concatenate([score.w.kernel.numpy(), score.u.kernel.numpy()])  # (5 + 4, 6)
    both = np.concatenate(
        [
            QUERY[:, :, None] + np.zeros((7, 1)),
            ANNOTATIONS[:, None] + np.zeros((3, 1, 1)),
        ],
        axis=-1,
    )
    want = np.tanh(both @ w) @ score.v.numpy()
    np.testing.assert_allclose(score(QUERY, ANNOTATIONS), want, atol=1e-5)


def test_equals_keras_once_both_are_projected(score):
    theirs = keras.layers.AdditiveAttention()
    query, keys = score.w(QUERY), score.u(ANNOTATIONS)
    theirs.build([query.shape, ANNOTATIONS.shape, keys.shape])
    theirs.scale.assign(score.v)
    _, want = theirs([query, ANNOTATIONS, keys], return_attention_scores=True)
    got = masked_softmax(score(QUERY, ANNOTATIONS))
    np.testing.assert_allclose(got, want, atol=1e-6)


def test_limits(score):
    one = masked_softmax(score(QUERY, ANNOTATIONS[:, :1]))
    np.testing.assert_array_equal(one, np.ones((2, 3, 1)))  # T_x = 1: c = h_1
    score.v.assign(0 * score.v)
    mean = masked_softmax(score(QUERY, ANNOTATIONS))
    np.testing.assert_allclose(mean, np.full((2, 3, 7), 1 / 7), rtol=1e-6)


def test_keys_are_computed_once(score):
    keys = score.keys(ANNOTATIONS)
    np.testing.assert_allclose(
        score.match(QUERY[:, 1:2], keys), score(QUERY, ANNOTATIONS)[:, 1:2], atol=1e-6
    )


@pytest.mark.parametrize("units", [0, 2.5, None])
def test_rejects_units(units):
    with pytest.raises(ValueError, match="units must be an int >= 1, got"):
        AdditiveScore(units)
