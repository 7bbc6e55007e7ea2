"""Masks: which query may look at which key.

Paper: Vaswani et al., "Attention Is All You Need", NeurIPS 2017.
Link:  https://arxiv.org/abs/1706.03762 (section 3.2.3)

As in Keras, True means "may look", and masks are combined with "and". (Some libraries
mean the opposite, and some add a number to the scores: 0, or one like -1e9.)
"""

from keras import ops


def causal_mask(queries, keys=None, offset=0):
    """Return which keys each query may see if nobody sees the future.

        mask[t, s] = s <= t + offset

    Args:
        queries: int or int tensor, number of queries.
        keys: int or int tensor, number of keys; None for as many as queries.
        offset: int or int tensor, keys that stand before the first query, such as
            those that a cache holds already.

    Returns:
        (T, S) bool.

    Example:
        >>> print(ops.convert_to_numpy(causal_mask(2, 4, offset=1)).astype(int))
        [[1 1 0 0]
         [1 1 1 0]]
    """
    keys = queries if keys is None else keys
    t = ops.arange(queries, dtype="int32") + ops.cast(offset, "int32")
    return ops.arange(keys, dtype="int32")[None, :] <= t[:, None]


def padding_mask(tokens, padding=0):
    """Return which keys are words and no padding, the same for every query.

    Args:
        tokens: (B, S) int.
        padding: int, the token that fills short sentences.

    Returns:
        (B, 1, S) bool.

    Example:
        >>> print(ops.convert_to_numpy(padding_mask(ops.array([[7, 3, 0]]))))
        [[[ True  True False]]]
    """
    return ops.not_equal(tokens, padding)[:, None, :]


def every_head(mask):
    """Return a mask (T, S), (B, T, S) or (B, h, T, S) in the last of these shapes.

    Raises:
        ValueError: the mask has none of these ranks.
    """
    rank = len(mask.shape)
    if rank not in (2, 3, 4):
        raise ValueError(
            "attention_mask must be (T, S), (B, T, S) or (B, heads, T, S), "
            f"got {tuple(mask.shape)}"
        )
    mask = ops.cast(mask, "bool")
    if rank == 2:
        return mask[None, None]
    return mask[:, None] if rank == 3 else mask


def both(mask, other):
    """Return where both masks are True; None stands for a mask that hides nothing."""
    if mask is None or other is None:
        return other if mask is None else mask
    return ops.logical_and(mask, other)
