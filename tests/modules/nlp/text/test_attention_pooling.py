import numpy as np
import pytest
from scipy.special import softmax

from course.checks import check_layer, check_mask, noise_weights
from modules.nlp.text.attention_pooling import AttentionPooling

H = np.random.default_rng(0).normal(size=(3, 6, 5)).astype("float32")
MASK = np.arange(6) < np.array([[6], [1], [0]])


@pytest.fixture
def layer():
    layer = AttentionPooling(4)
    layer(H)
    noise_weights(layer, seed=0)
    layer.context.assign([2.0, -1, 0.5, 1])
    return layer


def test_layer():
    check_layer(lambda: AttentionPooling(4), H, (3, 5), weights=5 * 4 + 2 * 4)


def test_padding():
    check_mask(lambda: AttentionPooling(4), H)


def test_equations_by_hand(layer):
    w, b, context = (np.float64(a) for a in layer.get_weights()[-2:] + [layer.context])
    u = np.tanh(H @ w + b)
    alpha = softmax(u @ context, axis=1)
    want = np.stack([a @ h for a, h in zip(alpha, H, strict=True)])
    s, got = layer(H, return_attention_scores=True)
    np.testing.assert_allclose(got, alpha, atol=1e-5)
    np.testing.assert_allclose(s, want, atol=1e-5)
    assert np.abs(alpha - 1 / 6).max() > 0.05


def test_weights_sum_to_one_over_words(layer):
    s, alpha = layer(H, mask=MASK, return_attention_scores=True)
    np.testing.assert_allclose(np.sum(alpha, axis=1), [1, 1, 0], atol=1e-6)
    assert not np.asarray(alpha)[~MASK].any()
    np.testing.assert_allclose(s[1], H[1, 0], atol=1e-6)  # one word: itself
    assert not np.any(s[2])  # none: zeros, and no NaN


def test_without_a_context_vector_it_is_the_mean(layer):
    layer.context.assign(np.zeros(4))
    np.testing.assert_allclose(layer(H), H.mean(axis=1), atol=1e-6)
    s = layer(H, mask=np.tile(np.arange(6) < 4, (3, 1)))
    np.testing.assert_allclose(s, H[:, :4].mean(axis=1), atol=1e-6)


def test_order_does_not_matter(layer):
    np.testing.assert_allclose(layer(H[:, ::-1]), layer(H), atol=1e-6)


@pytest.mark.parametrize("units", [0, 2.5])
def test_rejects_units(units):
    with pytest.raises(ValueError, match="units must be an int >= 1, got"):
        AttentionPooling(units)
