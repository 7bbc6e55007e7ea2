"""Hierarchical attention: words make sentences, sentences make a document.

Paper: Yang et al., "Hierarchical Attention Networks for Document Classification",
       NAACL 2016.
Link:  https://aclanthology.org/N16-1174 (section 2.2, figure 2)
"""

import keras
from keras import layers, ops

from modules.foundations.sequences.gru import GRU
from modules.nlp.text.attention_pooling import AttentionPooling


@keras.saving.register_keras_serializable("nlp/text")
class HierarchicalAttention(keras.Model):
    """A recurrent network and attention for words, and both again for sentences.

        h_it = BiGRU(words of sentence i)_t        s_i = sum over t of alpha_it h_it
        h_i = BiGRU(s_1, ..., s_L)_i               v = sum over i of alpha_i h_i
        p = softmax(W v + b)

    The two attentions have weights of their own. A sentence of nothing but padding is
    itself padding; a document without a word gives the logits b.

    Args:
        vocabulary_size: int; token 0 is padding.
        num_classes: int >= 1.
        units: int >= 1, of each direction of both GRUs.
        embedding_dim: int >= 1.
        attention_units: int >= 1, width of u in both attentions.

    Shapes:
        tokens: (B, L, T) int, L sentences of T words, padded with 0; L, T >= 1.
        logits: (B, num_classes). With return_attention_scores also the weights of the
            words (B, L, T) and of the sentences (B, L).

    Raises:
        ValueError: tokens are not (B, L, T), or have no place for a word.

    Example:
        >>> model = HierarchicalAttention(20, num_classes=3, units=4)
        >>> tuple(model(ops.ones((2, 3, 5), "int32")).shape)
        (2, 3)
    """

    def __init__(
        self,
        vocabulary_size,
        num_classes,
        units=50,
        embedding_dim=200,
        attention_units=100,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.vocabulary_size, self.num_classes = vocabulary_size, num_classes
        self.units, self.embedding_dim = units, embedding_dim
        self.attention_units = attention_units
        policy = {"dtype": self.dtype_policy}
        self.embedding = layers.Embedding(vocabulary_size, embedding_dim, **policy)

        def both_ways():
            gru = GRU(units, reset_after=False, return_sequences=True, **policy)
            return layers.Bidirectional(gru, **policy)

        self.word_gru, self.sentence_gru = both_ways(), both_ways()
        self.word_attention = AttentionPooling(attention_units, **policy)
        self.sentence_attention = AttentionPooling(attention_units, **policy)
        self.classifier = layers.Dense(num_classes, name="logits", **policy)

    def build(self, input_shape):
        self.embedding.build((None, None))
        self.word_gru.build((None, None, self.embedding_dim))
        self.sentence_gru.build((None, None, 2 * self.units))
        for attention in (self.word_attention, self.sentence_attention):
            attention.build((None, None, 2 * self.units))
        self.classifier.build((None, 2 * self.units))

    def call(self, tokens, return_attention_scores=False):
        if len(tokens.shape) != 3 or 0 in tokens.shape[1:]:
            raise ValueError(f"tokens must be (B, L, T), not empty, got {tokens.shape}")
        batch, sentences, words = ops.shape(tokens)
        rows = ops.reshape(tokens, (-1, words))  # (B L, T)
        mask = ops.not_equal(rows, 0)
        s, alpha = self._pool(
            self.word_gru, self.word_attention, self.embedding(rows), mask
        )
        s = ops.reshape(s, (-1, sentences, 2 * self.units))  # (B, L, 2 units)
        mask = ops.any(ops.not_equal(tokens, 0), axis=-1)  # (B, L)
        v, beta = self._pool(self.sentence_gru, self.sentence_attention, s, mask)
        logits = self.classifier(v)
        alpha = ops.reshape(alpha, (-1, sentences, words))
        return (logits, alpha, beta) if return_attention_scores else logits

    def _pool(self, gru, attention, x, mask):
        h = gru(x, mask=mask)
        return attention(h, mask=mask, return_attention_scores=True)

    def get_config(self):
        own = ("vocabulary_size", "num_classes", "units", "embedding_dim")
        config = {name: getattr(self, name) for name in (*own, "attention_units")}
        return {**super().get_config(), **config}
