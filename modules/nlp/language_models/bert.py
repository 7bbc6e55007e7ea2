"""BERT: a stack of Transformer blocks that read a sentence in both directions.

Paper: Devlin, Chang, Lee and Toutanova, "BERT: Pre-training of Deep Bidirectional
       Transformers for Language Understanding", NAACL 2019.
Link:  https://arxiv.org/abs/1810.04805 (section 3, figure 2)
"""

import keras
from keras import layers

from modules.nlp.language_models.gelu import gelu_tanh
from modules.nlp.translation.attention import first_weights
from modules.nlp.translation.masks import padding_mask
from modules.nlp.translation.positional_encoding import LearnedPositions
from modules.nlp.translation.transformer_layers import EncoderLayer


@keras.saving.register_keras_serializable("nlp/language_models")
class Bert(keras.Model):
    """Make of each token a vector that knows all others, and one of the whole.

        h_0 = LN(E[token] + P[place] + S[segment])
        h_l = Block(h_(l-1)), every token seeing all that are no padding
        pooled = tanh(W h_N,1 + b), of the first token, [CLS]

    A block is the Transformer's encoder layer with normalization behind each addition,
    GELU and learned positions. The defaults are the base model: 109,482,240 weights;
    24 layers, 16 heads and 1,024 channels are the large one: 335,141,888. Token 0 is
    padding, as in the released vocabulary.

    Args:
        vocabulary_size: int >= 2.
        max_length: int >= 1, positions.
        num_layers, num_heads, hidden_dim: int, called L, A and H.
        intermediate_dim: int; None for 4 hidden_dim.
        rate: float in [0, 1), dropout of embeddings, branches and attention weights.
        num_segments: int >= 1, sentences that are told apart.
        activation: str or function; the released models have the tanh form of GELU.
        epsilon: float, of layer normalization.

    Shapes:
        inputs: [tokens, segments], (B, T) int each, T <= max_length.
        y: [(B, T, D), (B, D)], of all tokens and pooled. A row of nothing but padding
            gives finite numbers, which say nothing.

    Raises:
        ValueError: a sentence is longer than the positions, or num_heads does not
            divide hidden_dim.

    Example:
        >>> sizes = dict(num_layers=1, num_heads=2, hidden_dim=8)
        >>> tokens = keras.ops.array([[3, 7, 9, 0]])
        >>> every, pooled = Bert(20, 9, **sizes)([tokens, 0 * tokens])
        >>> tuple(every.shape), tuple(pooled.shape)
        ((1, 4, 8), (1, 8))
    """

    PARTS = ("num_heads", "intermediate_dim", "rate", "epsilon")

    def __init__(
        self,
        vocabulary_size=30_522,
        max_length=512,
        num_layers=12,
        num_heads=12,
        hidden_dim=768,
        intermediate_dim=None,
        rate=0.1,
        num_segments=2,
        activation=gelu_tanh,
        epsilon=1e-12,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.vocabulary_size = vocabulary_size
        self.max_length = max_length
        self.num_layers = num_layers
        self.num_heads = num_heads
        self.hidden_dim = hidden_dim
        self.intermediate_dim = intermediate_dim or 4 * hidden_dim
        self.rate = rate
        self.num_segments = num_segments
        self.activation = keras.activations.get(activation)
        self.epsilon = epsilon

    def build(self, input_shape=None):
        if self.built:
            return
        shape, policy = (None, None, self.hidden_dim), {"dtype": self.dtype_policy}
        start = first_weights(0.02)
        rows = {"embeddings_initializer": start, **policy}
        self.embedding = layers.ReversibleEmbedding(
            self.vocabulary_size,
            self.hidden_dim,
            reverse_dtype=self.compute_dtype,
            **rows,
        )
        self.segments = layers.Embedding(self.num_segments, self.hidden_dim, **rows)
        self.positions = LearnedPositions(self.max_length, **policy)
        self.norm = layers.LayerNormalization(epsilon=self.epsilon, **policy)
        self.dropout = layers.Dropout(self.rate, **policy)
        self.blocks = [self.block(policy) for _ in range(self.num_layers)]
        plain = {"activation": "tanh", "kernel_initializer": start, **policy}
        self.pooler = layers.Dense(self.hidden_dim, name="pooler", **plain)
        self.embedding.build()
        self.segments.build()
        for layer in (self.positions, self.norm, *self.blocks):
            layer.build(shape)
        self.pooler.build((None, self.hidden_dim))

    def block(self, policy):
        """Return one block, not yet built."""
        options = {name: getattr(self, name) for name in self.PARTS}
        options |= {"attention_rate": self.rate, "stddev": 0.02, **policy}
        return EncoderLayer(activation=self.activation, **options)

    def embed(self, tokens, segments):
        """Return (B, T, D): the sum of three embeddings, normalized."""
        x = self.positions(self.embedding(tokens)) + self.segments(segments)
        return self.dropout(self.norm(x))

    def call(self, inputs):
        tokens, segments = inputs
        x, mask = self.embed(tokens, segments), padding_mask(tokens)
        for block in self.blocks:
            x = block(x, attention_mask=mask)
        return [x, self.pooler(x[:, 0])]

    def get_config(self):
        own = ("vocabulary_size", "max_length", "num_layers", "hidden_dim", *self.PARTS)
        config = {name: getattr(self, name) for name in (*own, "num_segments")}
        config["activation"] = keras.activations.serialize(self.activation)
        return {**super().get_config(), **config}
