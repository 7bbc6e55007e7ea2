import keras
import numpy as np
import pytest
import tensorflow as tf

from course.checks import check_function
from modules.nlp.translation.scaled_dot_product import (
    attention_weights,
    scaled_dot_product_attention,
)

RNG = np.random.default_rng(0)
Q, K, V = (
    RNG.normal(size=(2, 3, *s)).astype("float32") for s in ((4, 7), (5, 7), (5, 6))
)


def test_function():
    shapes = [(2, 3, 4, 6), (2, 3, 4, 5)]
    check_function(scaled_dot_product_attention, Q, K, V, y_shape=shapes)


def test_by_hand():
    """Scores 0 and ln 3 after the division by sqrt(4) give weights 1/4 and 3/4."""
    query = np.array([[1.0, 1, 1, 1]])
    key = np.array([[0.0] * 4, [2 * np.log(3), 0, 0, 0]])
    y, weights = scaled_dot_product_attention(query, key, np.array([[8.0], [4.0]]))
    np.testing.assert_allclose(weights, [[0.25, 0.75]], atol=1e-6)
    np.testing.assert_allclose(y, [[5.0]], atol=1e-5)


def test_equals_keras():
    """keras.ops.dot_product_attention wants (B, T, h, d)."""
    mask = RNG.random((2, 3, 4, 5)) < 0.7
    mask[..., 0] = True
    bias = RNG.normal(size=(2, 3, 4, 5)).astype("float32")
    swapped = (np.swapaxes(x, 1, 2) for x in (Q, K, V[..., :5]))
    want = keras.ops.dot_product_attention(*swapped, bias=bias, mask=mask)
    got, _ = scaled_dot_product_attention(Q, K, V[..., :5], mask, bias)
    np.testing.assert_allclose(got, np.swapaxes(want, 1, 2), atol=1e-5)


def test_variance_of_scores_is_the_width_of_a_head():
    """Var(q . k) = d_k; divided by sqrt(d_k), and by nothing else, it is 1."""
    q, k = np.random.default_rng(1).normal(size=(2, 40_000, 64))
    dots = (q * k).sum(axis=1)
    assert dots.var() == pytest.approx(64, rel=0.03)
    assert (dots / np.sqrt(64)).var() == pytest.approx(1, rel=0.03)
    weights = attention_weights(q[:1], k[:9])
    scores = (k[:9] @ q[0]) / np.sqrt(64)
    np.testing.assert_allclose(weights[0], np.exp(scores) / np.exp(scores).sum())


def test_scale():
    want = attention_weights(Q * 7**0.5, K)
    np.testing.assert_allclose(attention_weights(Q, K, scale=1.0), want, atol=1e-6)


def test_equal_keys_give_the_mean_of_the_values():
    y, weights = scaled_dot_product_attention(Q, np.repeat(K[:, :, :1], 5, axis=2), V)
    np.testing.assert_allclose(weights, np.full((2, 3, 4, 5), 1 / 5), atol=1e-6)
    mean = V.mean(axis=2, keepdims=True)
    np.testing.assert_allclose(y, np.repeat(mean, 4, axis=2), atol=1e-5)


def test_a_sharp_query_looks_up_one_value():
    y, _ = scaled_dot_product_attention(100 * np.eye(5, 7)[None], 10 * np.eye(5, 7), V)
    np.testing.assert_allclose(y, V, atol=1e-5)


def test_order_of_keys_does_not_matter():
    order = np.array([3, 0, 4, 1, 2])
    y, weights = scaled_dot_product_attention(Q, K, V)
    y2, weights2 = scaled_dot_product_attention(Q, K[:, :, order], V[:, :, order])
    np.testing.assert_allclose(y2, y, atol=1e-6)
    np.testing.assert_allclose(weights2, np.asarray(weights)[..., order], atol=1e-6)


@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_hidden_keys_weigh_exactly_nothing(dtype):
    """Not even where their score is by far the largest; the rest sums to 1."""
    key = K.copy()
    key[:, :, 2] *= 1000
    mask = np.array([True, True, False, True, False])
    weights = np.asarray(attention_weights(Q.astype(dtype), key.astype(dtype), mask))
    assert weights.dtype == dtype
    assert not weights[..., [2, 4]].any()
    want = attention_weights(Q, K[:, :, [0, 1, 3]])
    np.testing.assert_allclose(weights[..., [0, 1, 3]], want, atol=2e-3)


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
@pytest.mark.parametrize("hidden", [False, 0.0])
def test_query_that_may_look_nowhere_gets_zeros(dtype, hidden):
    """Also with scores as large as the type allows, and with finite gradients."""
    mask = np.full((4, 5), True)
    mask[1] = hidden
    q, k, v = (tf.cast(s * x, dtype) for s, x in ((50, Q), (50, K), (1, V)))
    with tf.GradientTape() as tape:
        tape.watch([q, k, v])
        y, weights = scaled_dot_product_attention(q, k, v, mask)
    gradients = tape.gradient(y, [q, k, v])
    for x in (y, weights, *gradients):
        assert np.isfinite(tf.cast(x, "float32")).all()
    assert not np.any(tf.cast(y[:, :, 1], "float32"))
    assert not np.any(tf.cast(gradients[0][:, :, 1], "float32"))
    assert np.all(np.any(tf.cast(y[:, :, 0], "float32"), axis=-1))


def test_no_keys_at_all():
    y, weights = scaled_dot_product_attention(Q, K[:, :, :0], V[:, :, :0])
    assert weights.shape == (2, 3, 4, 0)
    np.testing.assert_array_equal(y, np.zeros((2, 3, 4, 6)))
