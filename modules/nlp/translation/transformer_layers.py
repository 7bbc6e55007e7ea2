"""Encoder and decoder layer of the Transformer.

Paper: Vaswani et al., "Attention Is All You Need", NeurIPS 2017.
Link:  https://arxiv.org/abs/1706.03762 (section 3.1, figure 1)
"""

import keras

from modules.nlp.translation.transformer_parts import TransformerLayer


@keras.saving.register_keras_serializable("nlp/translation")
class EncoderLayer(TransformerLayer):
    """Self-attention, then two dense layers at each position.

        h = LN(x + Attention(x, x, x))
        y = LN(h + max(0, h W1 + b1) W2 + b2)

    Args:
        num_heads, intermediate_dim, activation, rate, attention_rate, norm_first,
            epsilon, use_bias: see `TransformerLayer`.

    Shapes:
        x: (B, T, D) float; its Keras mask hides padding.
        attention_mask, attention_bias: as in MultiHeadAttention.
        y: (B, T, D); with return_attention_scores also the weights, (B, h, T, T).

    Raises:
        ValueError: num_heads does not divide D.

    Example:
        >>> layer = EncoderLayer(num_heads=8, intermediate_dim=2048)
        >>> layer.build((None, None, 512))
        >>> layer.count_params()
        3152384
    """

    def build(self, x_shape):
        self.self_attention = self.attention("self_attention", x_shape, x_shape)
        self.self_attention_norm = self.norm("self_attention_norm", x_shape)
        self.build_feed_forward(x_shape)

    def call(
        self,
        x,
        attention_mask=None,
        attention_bias=None,
        return_attention_scores=False,
    ):
        y = self.enter(self.self_attention_norm, x)
        y, weights = self.self_attention(
            y,
            y,
            attention_mask=attention_mask,
            attention_bias=attention_bias,
            return_attention_scores=True,
        )
        y = self.feed_forward(self.leave(self.self_attention_norm, x, y))
        return (y, weights) if return_attention_scores else y


@keras.saving.register_keras_serializable("nlp/translation")
class DecoderLayer(TransformerLayer):
    """Masked self-attention, attention to the memory, then two dense layers.

        h = LN(x + Attention(x, x, x)), word t seeing words 1 to t only
        g = LN(h + Attention(h, memory, memory)): queries from the decoder
        y = LN(g + max(0, g W1 + b1) W2 + b2)

    Without cross_attention this is the block of GPT, a "decoder-only" Transformer.

    Args:
        num_heads, intermediate_dim: see `TransformerLayer`.
        cross_attention: bool, whether there is a memory to look at.
        **options: activation and the others of `TransformerLayer`.

    Shapes:
        x: (B, T, D) float. memory: (B, S, D') float, memory_mask (B, S) bool, which is
            the Keras mask of the memory if left out.
        cache, cache_index: what `start` returns, and how many words it holds.
        y: (B, T, D); with return_attention_scores also the weights: of the memory
            (B, h, T, S), without one those of self-attention; with a cache also the new
            cache, in this order.

    Raises:
        ValueError: num_heads does not divide D.

    Example:
        >>> layer = DecoderLayer(num_heads=2, intermediate_dim=32)
        >>> x, memory = keras.ops.ones((3, 5, 16)), keras.ops.ones((3, 7, 16))
        >>> tuple(layer(x, memory).shape)
        (3, 5, 16)
    """

    def __init__(self, num_heads, intermediate_dim, cross_attention=True, **options):
        super().__init__(num_heads, intermediate_dim, **options)
        self.cross_attention = cross_attention

    def build(self, x_shape, memory_shape=None):
        self.self_attention = self.attention("self_attention", x_shape, x_shape)
        self.self_attention_norm = self.norm("self_attention_norm", x_shape)
        if self.cross_attention:
            self.memory_attention = self.attention("memory", x_shape, memory_shape)
            self.memory_norm = self.norm("memory_norm", x_shape)
        self.build_feed_forward(x_shape)

    def start(self, batch, length, memory=None):
        """Return the cache to begin with: an empty one, and the memory projected."""
        own = self.self_attention.empty_cache(batch, length)
        memory = self.memory_attention.project(memory) if self.cross_attention else ()
        return own, memory

    def call(
        self,
        x,
        memory=None,
        memory_mask=None,
        attention_mask=None,
        attention_bias=None,
        cache=None,
        cache_index=None,
        return_attention_scores=False,
    ):
        own, far = (None, None) if cache is None else cache
        masks = {"attention_mask": attention_mask, "attention_bias": attention_bias}
        x, weights, *own = self.look_back(x, own, cache_index, **masks)
        if self.cross_attention:
            x, weights = self.look_at(x, memory, memory_mask, far)
        y = self.feed_forward(x)
        more = [weights] if return_attention_scores else []
        more += [(*own, far)] if cache is not None else []
        return (y, *more) if more else y

    def look_back(self, x, cache, index, **masks):
        """Add what the words before have to say; also weights, and the new cache."""
        y = self.enter(self.self_attention_norm, x)
        masks |= {"use_causal_mask": True, "return_attention_scores": True}
        if cache is None:
            y, *more = self.self_attention(y, y, **masks)
        else:
            y, *more = self.self_attention(y, cache=cache, cache_index=index, **masks)
        return self.leave(self.self_attention_norm, x, y), *more

    def look_at(self, x, memory, memory_mask, cache):
        """Add what the memory has to say; also return the weights."""
        y, weights = self.memory_attention(
            self.enter(self.memory_norm, x),
            memory,
            value_mask=memory_mask,
            cache=cache,
            return_attention_scores=True,
        )
        return self.leave(self.memory_norm, x, y), weights

    def get_config(self):
        return {**super().get_config(), "cross_attention": self.cross_attention}
