"""Scaled dot-product attention: a mean of values, weighted by how well keys match.

Paper: Vaswani et al., "Attention Is All You Need", NeurIPS 2017.
Link:  https://arxiv.org/abs/1706.03762 (section 3.2.1, equation 1)
"""

import keras
from keras import ops

LOWEST = -1e38  # finite, so that where all is hidden nothing is NaN


def attention_weights(query, key, mask=None, bias=None, scale=None):
    """Return softmax(Q K^T / sqrt(d_k)), how much each query takes of each value.

    The variance of a dot product of d_k independent standard numbers is d_k; the scale
    brings it back to 1. d_k is the width of what is multiplied here: of ONE head.
    The softmax is taken in float32 at least.

    Args:
        query: (..., T, d_k) float.
        key: (..., S, d_k) float.
        mask: bool, broadcastable to (..., T, S), True where a query may look. A query
            that may look nowhere gets weights of 0, which sum to 0.
        bias: float, broadcastable to (..., T, S), added to the scaled scores.
        scale: float; None for 1 / sqrt(d_k).

    Returns:
        (..., T, S) in the dtype of query.

    Example:
        >>> print(ops.convert_to_numpy(attention_weights(ops.ones((1, 4)), ops.eye(4))))
        [[0.25 0.25 0.25 0.25]]
    """
    if scale is None:
        scale = ops.rsqrt(ops.cast(ops.shape(query)[-1], query.dtype))
    scores = ops.matmul(query * scale, ops.swapaxes(key, -1, -2))  # (..., T, S)
    scores = scores if bias is None else scores + ops.cast(bias, scores.dtype)
    return ops.cast(masked_softmax(scores, mask), query.dtype)


def masked_softmax(scores, mask=None):
    """Return e^score / sum of e^score over the last axis, where the mask is True.

    Args:
        scores: (..., S) float.
        mask: bool, broadcastable to scores; None hides nothing. A row of which all is
            hidden gets weights of 0, which sum to 0.

    Returns:
        (..., S) in float32 at least.

    Example:
        >>> print(ops.convert_to_numpy(masked_softmax([[0.0, 0, 9]], [[1, 1, 0]])))
        [[0.5 0.5 0. ]]
    """
    scores = ops.convert_to_tensor(scores)
    mask = None if mask is None else ops.cast(mask, "bool")
    scores = ops.cast(scores, keras.backend.result_type(scores.dtype, "float32"))
    scores = scores if mask is None else ops.where(mask, scores, LOWEST)
    most = ops.max(scores, axis=-1, keepdims=True, initial=LOWEST)
    weights = ops.exp(scores - ops.stop_gradient(most))
    weights = weights if mask is None else ops.where(mask, weights, 0.0)
    total = ops.sum(weights, axis=-1, keepdims=True)  # 0 where all is hidden
    return weights / ops.where(total > 0, total, 1.0)


def scaled_dot_product_attention(query, key, value, mask=None, bias=None, scale=None):
    """Return softmax(Q K^T / sqrt(d_k)) V and the weights.

    Args:
        query, key, mask, bias, scale: as in `attention_weights`.
        value: (..., S, d_v) float, one for each key.

    Returns:
        y (..., T, d_v) and the weights (..., T, S).

    Example:
        >>> same = ops.ones((1, 4)), ops.eye(4), ops.eye(4)
        >>> y, _ = scaled_dot_product_attention(*same)
        >>> print(ops.convert_to_numpy(y))
        [[0.25 0.25 0.25 0.25]]
    """
    weights = attention_weights(query, key, mask, bias, scale)
    return ops.matmul(weights, value), weights
