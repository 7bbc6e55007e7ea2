"""Key/value cache: a decoder computes each word's keys and values once.

Paper: Shazeer, "Fast Transformer Decoding: One Write-Head is All You Need", 2019.
Link:  https://arxiv.org/abs/1911.02150 (section 2.4: incremental attention)

A decoder that writes one word at a time would project all earlier words again for every
new one: O(T^2) projections for T words. Their keys and values do not change, since no
word sees what follows it. So they are kept, in arrays whose length is fixed from the
start, and a number says how many are filled. Shapes never change: XLA compiles one step
and runs it T times.

A cache is a pair (keys, values), of shapes (B, h, L, d_k) and (B, h, L, d_v).
"""

from keras import ops


def empty_cache(batch, num_heads, length, key_dim, value_dim=None, dtype=None):
    """Return a cache of zeros for `length` words.

    Args:
        batch: int or int tensor, B.
        num_heads: int, h.
        length: int, L, the most words that fit.
        key_dim: int, d_k.
        value_dim: int, d_v; None for d_k.
        dtype: str; None for Keras's default.

    Returns:
        (keys, values).

    Example:
        >>> keys, values = empty_cache(2, num_heads=4, length=9, key_dim=8)
        >>> tuple(values.shape)
        (2, 4, 9, 8)
    """
    sizes = (key_dim, key_dim if value_dim is None else value_dim)
    return tuple(ops.zeros((batch, num_heads, length, d), dtype=dtype) for d in sizes)


def append(cache, index, keys, values):
    """Write new keys and values into a cache, at `index` and after it.

    Whether they fit can be known only where index is a plain int: a tensor that points
    too far is moved back by XLA, silently. Who makes the loop must see to that. The
    writing has no gradient in TensorFlow: a cache is for use, not for training.

    Args:
        cache: (keys, values), (B, h, L, d) each.
        index: int or int tensor, how many words the cache holds.
        keys, values: (B, h, T, d), of the T words that come next.

    Returns:
        The new (keys, values), of the same shapes.

    Raises:
        ValueError: index is an int and index + T > L.
    """
    length, new = cache[0].shape[2], keys.shape[2]
    if isinstance(index, int) and new is not None and index + new > length:
        raise ValueError(f"the cache has room for {length} words, got {index} + {new}")
    return tuple(
        ops.slice_update(old, (0, 0, index, 0), ops.cast(x, old.dtype))
        for old, x in zip(cache, (keys, values), strict=True)
    )
