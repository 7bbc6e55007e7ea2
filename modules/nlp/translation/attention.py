"""Multi-head attention: several heads look at different places at once.

Paper: Vaswani et al., "Attention Is All You Need", NeurIPS 2017.
Link:  https://arxiv.org/abs/1706.03762 (section 3.2.2)

What one head does is in scaled_dot_product.py, who may look where in masks.py, how a
decoder remembers in key_value_cache.py.
"""

import keras
from keras import layers, ops

from modules.nlp.translation import key_value_cache
from modules.nlp.translation.masks import both, causal_mask, every_head
from modules.nlp.translation.scaled_dot_product import attention_weights


def first_weights(stddev):
    """Return an initializer: truncated normal of that width; None for Glorot's."""
    if stddev is None:
        return keras.initializers.GlorotUniform()
    return keras.initializers.TruncatedNormal(stddev=stddev)


@keras.saving.register_keras_serializable("nlp/translation")
class MultiHeadAttention(layers.Layer):
    """Let h heads look at different places, each with projections of its own.

        head_i = Attention(Q W_i^Q, K W_i^K, V W_i^V)
        y = Concat(head_1, ..., head_h) W^O

    Self-attention is layer(x, x), cross-attention layer(x, memory). With d_k = d / h
    there are 4 (d^2 + d) weights, whatever h. The biases (use_bias) are Keras's and
    BERT's; the paper's equations have none.

    The Keras mask of `value` hides padding. That of `query` is handed on and otherwise
    ignored: nobody looks at what a padded query gives. Where all is hidden, the weights
    and the heads are 0, and y is the bias of W^O.

    To decode word by word, give `cache` and `cache_index`: the new words are appended
    (see key_value_cache.py), and see what is before them. With `cache` alone its keys
    and values are used as they are, as cross-attention needs them: `project(memory)`.

    Args:
        num_heads: int >= 1, called h.
        key_dim: int >= 1, width of the queries and keys of ONE head, called d_k.
        value_dim: int >= 1, called d_v; None for key_dim.
        use_bias: bool, biases in all four projections.
        rate: float in [0, 1), dropout of weights; BERT and GPT use it, this paper not.
        scale: float; None for 1 / sqrt(d_k).
        stddev: float, kernels start from a truncated normal distribution of that
            width, as in BERT and GPT; None for Glorot's.
        residual_stddev: float, the same for W^O, whose result is added to what it
            came from: GPT-2 makes it smaller. None for stddev.

    Shapes:
        query: (B, T, D) float. value, key: (B, S, D'), key being value if left out.
        attention_mask: bool, (T, S), (B, T, S) or (B, h, T, S), broadcastable.
        attention_bias: float, broadcastable to (B, h, T, S), added to the scores.
        y: (B, T, D). With return_attention_scores also the weights, (B, h, T, S); with
            cache_index also the new cache, in this order.

    Raises:
        ValueError: num_heads or key_dim is not an int >= 1, the mask has another rank,
            or a cache is full.

    Example:
        >>> layer = MultiHeadAttention(num_heads=2, key_dim=8)
        >>> x, memory = ops.ones((3, 5, 16)), ops.ones((3, 7, 16))
        >>> tuple(layer(x, memory).shape)
        (3, 5, 16)
    """

    def __init__(
        self,
        num_heads,
        key_dim,
        value_dim=None,
        use_bias=True,
        rate=0.0,
        scale=None,
        stddev=None,
        residual_stddev=None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        for name, size in (("num_heads", num_heads), ("key_dim", key_dim)):
            if not (isinstance(size, int) and size >= 1):
                raise ValueError(f"{name} must be an int >= 1, got {size!r}")
        self.num_heads = num_heads
        self.key_dim = key_dim
        self.value_dim = value_dim
        self.use_bias = use_bias
        self.rate = rate
        self.scale = scale
        self.stddev = stddev
        self.residual_stddev = residual_stddev
        self.supports_masking = True

    def build(self, query_shape, value_shape=None, key_shape=None):
        value_shape = query_shape if value_shape is None else value_shape
        key_shape = value_shape if key_shape is None else key_shape
        value_dim = self.key_dim if self.value_dim is None else self.value_dim

        def dense(units, channels, name, stddev=self.stddev):
            kernel = {"kernel_initializer": first_weights(stddev)}
            plain = {"use_bias": self.use_bias, "dtype": self.dtype_policy}
            layer = layers.Dense(units, name=name, **kernel, **plain)
            layer.build((None, channels))
            return layer

        keys, values = self.num_heads * self.key_dim, self.num_heads * value_dim
        self.query_dense = dense(keys, query_shape[-1], "query")
        self.key_dense = dense(keys, key_shape[-1], "key")
        self.value_dense = dense(values, value_shape[-1], "value")
        added = self.stddev if self.residual_stddev is None else self.residual_stddev
        self.output_dense = dense(query_shape[-1], values, "output", added)
        self.dropout = layers.Dropout(self.rate, dtype=self.dtype_policy)

    def split(self, x):
        """Return (B, T, h * d) as heads, (B, h, T, d)."""
        sizes = (*ops.shape(x)[:2], self.num_heads, x.shape[-1] // self.num_heads)
        return ops.transpose(ops.reshape(x, sizes), (0, 2, 1, 3))

    def merge(self, x):
        """Return heads (B, h, T, d) as (B, T, h * d)."""
        batch, _, steps, _ = ops.shape(x)
        sizes = (batch, steps, self.num_heads * x.shape[-1])
        return ops.reshape(ops.transpose(x, (0, 2, 1, 3)), sizes)

    def project(self, value, key=None):
        """Return the keys and values of all heads: a cache that is full."""
        key = value if key is None else key
        return self.split(self.key_dense(key)), self.split(self.value_dense(value))

    def empty_cache(self, batch, length):
        """Return a cache for so many examples and words."""
        sizes = (batch, self.num_heads, length, self.key_dim, self.value_dim)
        return key_value_cache.empty_cache(*sizes, self.compute_dtype)

    def recall(self, query, value, key, cache, index):
        """Return the (keys, values) to look at, the new ones among them."""
        if cache is not None and index is None:
            return cache
        fresh = self.project(query if value is None else value, key)
        return fresh if index is None else key_value_cache.append(cache, index, *fresh)

    def visible(self, queries, keys, attention_mask, value_mask, offset):
        """Return one mask that is broadcastable to (B, h, T, S), or None."""
        mask = None if attention_mask is None else every_head(attention_mask)
        if value_mask is not None:
            mask = both(mask, ops.cast(value_mask, "bool")[:, None, None, :])
        if offset is None:
            return mask
        sizes = ops.shape(queries)[2], ops.shape(keys)[2]
        return both(mask, causal_mask(*sizes, offset))

    def call(
        self,
        query,
        value=None,
        key=None,
        value_mask=None,
        attention_mask=None,
        attention_bias=None,
        use_causal_mask=False,
        cache=None,
        cache_index=None,
        return_attention_scores=False,
    ):
        queries = self.split(self.query_dense(query))  # (B, h, T, d_k)
        cache = self.recall(query, value, key, cache, cache_index)
        keys, values = cache  # (B, h, S, d_k), (B, h, S, d_v)
        first = 0 if use_causal_mask and cache_index is None else cache_index
        mask = self.visible(queries, keys, attention_mask, value_mask, first)
        weights = attention_weights(queries, keys, mask, attention_bias, self.scale)
        y = ops.matmul(self.dropout(weights), values)  # (B, h, T, d_v)
        y = self.output_dense(self.merge(y))  # (B, T, D)
        more = [weights] if return_attention_scores else []
        more += [cache] if cache_index is not None else []
        return (y, *more) if more else y

    def get_config(self):
        own = ("num_heads", "key_dim", "value_dim", "use_bias", "rate", "scale")
        own += ("stddev", "residual_stddev")
        return {**super().get_config(), **{name: getattr(self, name) for name in own}}
