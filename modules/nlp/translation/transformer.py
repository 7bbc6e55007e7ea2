"""The Transformer: translation by attention alone, without recurrence or convolution.

Paper: Vaswani et al., "Attention Is All You Need", NeurIPS 2017.
Link:  https://arxiv.org/abs/1706.03762 (section 3, figure 1, table 3)
"""

import keras
from keras import layers, ops

from modules.nlp.translation.masks import padding_mask
from modules.nlp.translation.positional_encoding import PositionalEncoding
from modules.nlp.translation.transformer_layers import DecoderLayer, EncoderLayer
from modules.nlp.translation.translator import Translator


@keras.saving.register_keras_serializable("nlp/translation")
class Transformer(Translator):
    """Encode a sentence, and write its translation word by word.

        memory = Encoder(sqrt(d_model) E[source] + PE)
        logits = Decoder(sqrt(d_model) E[target] + PE, memory) E^T

    One matrix E serves source, target and logits (section 3.4), so both languages share
    one vocabulary. Token 0 is padding. While training, `target` holds a start token and
    the words; the labels are the words and an end token. `translate` writes by itself.

    The defaults are the paper's base model: 63,082,496 weights with 37,000 tokens.
    Sentences may have any length, since sinusoids have no last position.

    Args:
        vocabulary_size: int, tokens of both languages and the special ones.
        num_layers: int, called N; as many of the encoder as of the decoder.
        num_heads: int, called h.
        hidden_dim: int, even, called d_model.
        intermediate_dim: int, called d_ff.
        rate: float, dropout of branches and of embeddings, called P_drop.
        norm_first: bool, pre-LN (see transformer_parts.py); then both stacks end in a
            normalization, which is not in the paper.
        epsilon: float, of layer normalization.

    Shapes:
        source: (B, S) int, target: (B, T) int, from 0 to vocabulary_size - 1. Larger
            ones TensorFlow refuses on a CPU; where XLA compiles, only `translate` does.
        logits: (B, T, vocabulary_size). Rows of padding give finite logits.

    Example:
        >>> sizes = dict(num_layers=1, num_heads=2, hidden_dim=8, intermediate_dim=16)
        >>> model = Transformer(vocabulary_size=20, **sizes)
        >>> tuple(model([ops.ones((2, 7), "int32"), ops.ones((2, 5), "int32")]).shape)
        (2, 5, 20)
    """

    PARTS = ("num_heads", "intermediate_dim", "rate", "norm_first", "epsilon")

    def __init__(
        self,
        vocabulary_size=37_000,
        num_layers=6,
        num_heads=8,
        hidden_dim=512,
        intermediate_dim=2048,
        rate=0.1,
        norm_first=False,
        epsilon=1e-6,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.vocabulary_size = vocabulary_size
        self.num_layers = num_layers
        self.num_heads = num_heads
        self.hidden_dim = hidden_dim
        self.intermediate_dim = intermediate_dim
        self.rate = rate
        self.norm_first = norm_first
        self.epsilon = epsilon

    def build(self, input_shape):
        shape, policy = (None, None, self.hidden_dim), {"dtype": self.dtype_policy}
        like_logits = keras.initializers.RandomNormal(stddev=self.hidden_dim**-0.5)
        self.embedding = layers.ReversibleEmbedding(
            self.vocabulary_size,
            self.hidden_dim,
            embeddings_initializer=like_logits,
            reverse_dtype=self.compute_dtype,
            **policy,
        )
        self.embedding.build()
        self.positions = PositionalEncoding(**policy)
        self.dropout = layers.Dropout(self.rate, **policy)
        options = {name: getattr(self, name) for name in self.PARTS} | policy
        self.encoder = [EncoderLayer(**options) for _ in range(self.num_layers)]
        self.decoder = [DecoderLayer(**options) for _ in range(self.num_layers)]
        self.encoder_end, self.decoder_end = self.end(policy), self.end(policy)
        for layer in self.encoder:
            layer.build(shape)
        for layer in self.decoder:
            layer.build(shape, shape)
        self.encoder_end.build(shape)
        self.decoder_end.build(shape)

    def end(self, policy):
        """Return what follows the last layer of a stack."""
        if self.norm_first:
            return layers.LayerNormalization(epsilon=self.epsilon, **policy)
        return layers.Identity(**policy)

    def embed(self, tokens, start_index=0):
        """Return (B, T, d_model): scaled embeddings and places."""
        x = self.embedding(tokens) * self.hidden_dim**0.5
        return self.dropout(self.positions(x, start_index=start_index))

    def encode(self, source):
        """Return the memory, (B, S, d_model)."""
        x = self.embed(source)
        for layer in self.encoder:
            x = layer(x, attention_mask=padding_mask(source))
        return self.encoder_end(x)

    def logits(self, x):
        """Return (B, T, vocabulary_size)."""
        return self.embedding(self.decoder_end(x), reverse=True)

    def call(self, inputs, return_attention_scores=False):
        """Return logits; and of each decoder layer how it looks at the memory."""
        source, target = inputs
        memory, x, found = self.encode(source), self.embed(target), []
        for layer in self.decoder:
            x, weights = layer(
                x,
                memory,
                memory_mask=ops.not_equal(source, 0),
                attention_mask=padding_mask(target),
                return_attention_scores=True,
            )
            found.append(weights)  # (B, h, T, S)
        return (self.logits(x), found) if return_attention_scores else self.logits(x)

    def start(self, source, length):
        """Return the state of a decoder that has written nothing, as greedy.py says."""
        memory, batch = self.encode(source), ops.shape(source)[0]
        caches = [layer.start(batch, length, memory) for layer in self.decoder]
        return ops.not_equal(source, 0), caches

    def step(self, tokens, state, index):
        """Read words (B, n) that stand at `index`; return logits and the new state."""
        mask, caches = state
        x, after = self.embed(tokens, start_index=index), []
        for layer, cache in zip(self.decoder, caches, strict=True):
            x, cache = layer(x, memory_mask=mask, cache=cache, cache_index=index)
            after.append(cache)
        return self.logits(x), (mask, after)

    def get_config(self):
        own = ("vocabulary_size", "num_layers", "hidden_dim", *self.PARTS)
        return {**super().get_config(), **{name: getattr(self, name) for name in own}}
