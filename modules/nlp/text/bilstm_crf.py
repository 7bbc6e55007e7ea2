"""BiLSTM-CRF: a recurrent network says what each word may be, a CRF what fits together.

Paper: Lample et al., "Neural Architectures for Named Entity Recognition", NAACL 2016.
Link:  https://arxiv.org/abs/1603.01360 (sections 2.1 to 2.3, 5.1)
"""

import keras
import numpy as np
from keras import layers, ops

from modules.foundations.sequences.lstm import LSTM
from modules.nlp.text.crf import CRF
from modules.nlp.text.linear_chain import check_tags
from modules.nlp.translation.greedy import compiled


@keras.saving.register_keras_serializable("nlp/text")
class BiLSTMCRF(keras.Model):
    """Words to vectors, read in both directions, to a score for each tag; then a CRF.

        P_t = W tanh(V [h_t forwards; h_t backwards] + b) + c
        loss = -log p(y | x), per sentence

    With crf=False each word is tagged for itself: the loss is the sum of the words'
    cross-entropies, and the best tag is the one with the largest P. All else is equal.

    `model.compile("adam")`, `model.fit(tokens, tags)`, `model.tag(tokens)`. The paper
    adds vectors that an LSTM reads from a word's characters; they are not built here.

    Args:
        vocabulary_size: int >= 1; token 0 is padding.
        num_tags: int >= 1, called K.
        units: int >= 1, of the LSTM of each direction and of the hidden layer.
        embedding_dim: int >= 1.
        rate: float in [0, 1), dropout of the vectors of words.
        crf: bool, whether tags of neighbours have scores.

    Shapes:
        tokens: (B, T) int from 0 to vocabulary_size - 1, padded with 0 at the end.
        tags, for `fit`: (B, T) int from 0 to K - 1; anything at padding.
        y: (B, T, K) float, the emissions P.

    Raises:
        ValueError: num_tags is not an int >= 1, sentences have no place for a word, or
            `fit` gets a token or a tag that does not exist.

    Example:
        >>> model = BiLSTMCRF(20, num_tags=3, units=4, embedding_dim=5)
        >>> tuple(model(ops.ones((2, 7), "int32")).shape)
        (2, 7, 3)
        >>> model.tag([[4, 5, 0]]).shape
        (1, 3)
    """

    def __init__(
        self,
        vocabulary_size,
        num_tags,
        units=100,
        embedding_dim=100,
        rate=0.5,
        crf=True,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.vocabulary_size, self.num_tags = vocabulary_size, num_tags
        self.units, self.embedding_dim = units, embedding_dim
        self.rate, self.has_crf = rate, crf
        policy = {"dtype": self.dtype_policy}
        self.embedding = layers.Embedding(vocabulary_size, embedding_dim, **policy)
        self.dropout = layers.Dropout(rate, **policy)
        lstm = LSTM(units, return_sequences=True, **policy)
        self.lstm = layers.Bidirectional(lstm, **policy)
        self.hidden = layers.Dense(units, "tanh", name="hidden", **policy)
        self.emissions = layers.Dense(num_tags, name="emissions", **policy)
        self.crf = CRF(num_tags, trainable=crf, dtype="float32")
        self._tag = compiled(self._best)

    def build(self, input_shape):
        self.embedding.build((None, None))
        self.lstm.build((None, None, self.embedding_dim))
        self.hidden.build((None, None, 2 * self.units))
        self.emissions.build((None, None, self.units))
        self.crf.build((None, None, self.num_tags))
        if not self.has_crf:
            self.crf.transitions.assign(ops.zeros_like(self.crf.transitions))

    def call(self, tokens, training=False):
        if tokens.shape[1] == 0:
            raise ValueError("tokens must have a word or padding in them, got (B, 0)")
        x = self.dropout(self.embedding(tokens), training=training)  # (B, T, E)
        h = self.lstm(x, mask=ops.not_equal(tokens, 0))  # (B, T, 2 units)
        return self.emissions(self.hidden(h))  # (B, T, K)

    def compute_loss(
        self, x=None, y=None, y_pred=None, sample_weight=None, training=True
    ):
        loss = -self.crf(ops.cast(y_pred, "float32"), y, ops.not_equal(x, 0))
        if sample_weight is not None:
            loss = loss * ops.cast(sample_weight, "float32")
        return ops.mean(loss)

    def fit(self, x=None, y=None, *args, **kwargs):
        if y is not None:
            self.check(x)
            check_tags(np.asarray(y), self.num_tags, np.asarray(x) != 0)
        return super().fit(x, y, *args, **kwargs)

    def check(self, tokens):
        """Refuse tokens that are not in the vocabulary."""
        tokens, last = np.asarray(tokens), self.vocabulary_size - 1
        if tokens.size and not 0 <= tokens.min() <= tokens.max() <= last:
            found = f"{tokens.min()} to {tokens.max()}"
            raise ValueError(f"tokens must be 0 to {last}, got {found}")

    def tag(self, tokens):
        """Return the best tags of sentences, compiled once a shape.

        Args:
            tokens: (B, T) int, padded with 0.

        Returns:
            (B, T) int32 NumPy array, 0 at padding.

        Raises:
            ValueError: a token is not in the vocabulary.
        """
        self.check(tokens)
        tokens = np.asarray(tokens, "int32")
        return np.asarray(self._tag(tokens)) if len(tokens) else tokens

    def _best(self, tokens):
        return self.crf.decode(self(tokens), ops.not_equal(tokens, 0))

    def get_config(self):
        own = ("vocabulary_size", "num_tags", "units", "embedding_dim", "rate")
        config = {name: getattr(self, name) for name in own}
        return {**super().get_config(), **config, "crf": self.has_crf}
