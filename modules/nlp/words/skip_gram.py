"""Skip-gram: a word's vector is what helps to predict the words around it.

Paper: Mikolov et al., "Efficient Estimation of Word Representations in Vector Space",
       2013; the equations are in "Distributed Representations of Words and Phrases and
       their Compositionality", NeurIPS 2013.
Link:  https://arxiv.org/abs/1301.3781 (section 3.2)
Link:  https://arxiv.org/abs/1310.4546 (section 2, equations 1 and 2)
"""

import keras
import numpy as np
from keras import layers, ops

from modules.nlp.words.vocabulary import PADDING, check_numbers


def window_pairs(rows, window, rng=None):
    """Return each word together with each word at most `window` places away.

    A word in the middle of a sentence is in 2c pairs as the centre, and in none with
    itself. The pairs are symmetric: where (a, b) stands, (b, a) does too.

    Practice: with rng, every centre draws its own window from 1 to c, as word2vec does,
    so that near words count more; then the pairs are not symmetric.

    Args:
        rows: (N, T) int, words of sentences; 0 is padding and in no pair.
        window: int >= 1, called c.
        rng: NumPy Generator, or None for the full window.

    Returns:
        centers, contexts: (P,) int32 each; P may be 0, as for sentences of one word.

    Raises:
        ValueError: window is not an int >= 1, or rows are not (N, T) int >= 0.

    Example:
        >>> centers, contexts = window_pairs([[5, 6, 7, 0]], window=1)
        >>> list(zip(centers.tolist(), contexts.tolist()))
        [(5, 6), (6, 7), (6, 5), (7, 6)]
    """
    if not (isinstance(window, int) and window >= 1):
        raise ValueError(f"window must be an int >= 1, got {window!r}")
    rows = check_numbers("rows", rows)
    if rows.ndim != 2:
        raise ValueError(f"rows must be (N, T), got {rows.shape}")
    reach = np.full(rows.shape, window)
    if rng is not None:
        reach = rng.integers(1, window + 1, size=rows.shape)
    found = [np.zeros((2, 0), "int32")]
    for distance in range(1, window + 1):
        first, second = rows[:, :-distance], rows[:, distance:]
        there = (first != PADDING) & (second != PADDING)
        ahead = there & (reach[:, :-distance] >= distance)
        back = there & (reach[:, distance:] >= distance)
        found += [np.stack([first[ahead], second[ahead]])]
        found += [np.stack([second[back], first[back]])]
    return tuple(np.concatenate(found, axis=1))


@keras.saving.register_keras_serializable("nlp/words")
class SkipGram(keras.Model):
    """Two vectors a word, v as a centre and u as a context, and their dot products.

        maximise (1/T) sum over t, -c <= j <= c, j != 0 of log p(w_{t+j} | w_t)
        p(o | c) = exp(u_o . v_c) / sum over all words w of exp(u_w . v_c)

    The two tables are not tied: a word seldom stands beside itself, and with one
    vector a word its score with itself would be the largest. Scores are DOT PRODUCTS;
    cosines come in only when vectors are compared afterwards. After training v is
    kept and u thrown away.

    `model.compile("adam")` and `model.fit([centers, contexts])` minimise the mean of
    -log p over pairs. The sum over all words makes it slow for large vocabularies; a
    subclass changes `pair_losses` (negative_sampling.py).

    Args:
        vocabulary_size: int >= 1, called V.
        dim: int >= 1, width of the vectors.

    Shapes:
        centers: (B,) int, contexts: (B,) int, both from 0 to V - 1.
        y: (B,) float, u_o . v_c. 2 V dim weights.

    Raises:
        ValueError: a size is not an int >= 1, or `fit` gets a number that is no word.

    Example:
        >>> model = SkipGram(vocabulary_size=20, dim=8)
        >>> tuple(model([ops.array([4, 5, 6]), ops.array([5, 4, 19])]).shape)
        (3,)
    """

    def __init__(self, vocabulary_size, dim=300, **kwargs):
        super().__init__(**kwargs)
        for name, size in (("vocabulary_size", vocabulary_size), ("dim", dim)):
            if not (isinstance(size, int) and size >= 1):
                raise ValueError(f"{name} must be an int >= 1, got {size!r}")
        self.vocabulary_size = vocabulary_size
        self.dim = dim

    def build(self, input_shape):
        sizes, policy = (self.vocabulary_size, self.dim), self.dtype_policy
        small = keras.initializers.RandomUniform(-0.5 / self.dim, 0.5 / self.dim)
        self.centers = layers.Embedding(*sizes, small, name="centers", dtype=policy)
        self.contexts = layers.Embedding(*sizes, "zeros", name="contexts", dtype=policy)
        self.centers.build((None,))
        self.contexts.build((None,))

    def scores(self, centers, contexts):
        """Return u . v of centres (B,) with several contexts each, (B, N)."""
        v, u = self.centers(centers), self.contexts(contexts)
        return ops.einsum("bd,bnd->bn", v, u)

    def logits(self, centers):
        """Return u . v of centres (B,) with every word, (B, V)."""
        v, u = self.centers(centers), self.contexts.embeddings
        return v @ ops.transpose(ops.cast(u, v.dtype))

    def call(self, inputs):
        centers, contexts = inputs
        return self.scores(centers, contexts[:, None])[:, 0]

    def pair_losses(self, centers, contexts):
        """Return the loss of each pair, (B,) float32: what a subclass changes."""
        z = ops.cast(self.logits(centers), "float32")  # (B, V)
        right = ops.take_along_axis(z, contexts[:, None], axis=-1)[:, 0]
        return ops.logsumexp(z, axis=-1) - right

    def compute_loss(
        self, x=None, y=None, y_pred=None, sample_weight=None, training=True
    ):
        loss = self.pair_losses(*x)
        if sample_weight is not None:
            loss = loss * ops.cast(sample_weight, "float32")
        return ops.mean(loss)

    def fit(self, x, *args, **kwargs):
        """Train on [centers, contexts]; everything else as in `keras.Model`."""
        if isinstance(x, (list, tuple)):
            names = ("centers", "contexts")
            size = self.vocabulary_size
            x = [check_numbers(n, a, size) for n, a in zip(names, x, strict=True)]
            if not len(x[0]):
                raise ValueError("there are no pairs: no sentence has two words")
        return super().fit(x, *args, **kwargs)

    @property
    def vectors(self):
        """The words' vectors v, a (V, dim) NumPy array."""
        return ops.convert_to_numpy(self.centers.embeddings)

    def get_config(self):
        own = {"vocabulary_size": self.vocabulary_size, "dim": self.dim}
        return {**super().get_config(), **own}
