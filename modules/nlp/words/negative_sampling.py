"""Negative sampling: tell true pairs of words from random ones.

Paper: Mikolov et al., "Distributed Representations of Words and Phrases and their
       Compositionality", NeurIPS 2013.
Link:  https://arxiv.org/abs/1310.4546 (section 2.2, equation 4)
"""

import keras
import numpy as np
from keras import ops

from modules.nlp.words.skip_gram import SkipGram


def noise_distribution(counts, power=0.75):
    """Return P_n, from which negative words are drawn.

        P_n(w) = U(w)^(3/4) / Z

    U is how often w occurs. The power lies between words as frequent as they are (1)
    and all alike (0): it makes rare words more frequent, and frequent ones rarer.

    Args:
        counts: (V,) floats >= 0; words that do not occur are never drawn.
        power: float.

    Returns:
        (V,) float64 NumPy array, which sums to 1.

    Raises:
        ValueError: counts are negative, not finite, or all 0.

    Example:
        >>> noise_distribution([0, 16, 81]).round(4)
        array([0.    , 0.2286, 0.7714])
    """
    counts = np.asarray(counts, "float64")
    if not (np.isfinite(counts).all() and (counts >= 0).all() and counts.any()):
        raise ValueError(f"counts must be >= 0 and not all 0, got {counts}")
    weights = np.where(counts > 0, np.where(counts > 0, counts, 1.0) ** power, 0.0)
    return weights / weights.sum()


def negative_sampling_loss(positive, negative):
    """Return minus the paper's equation 4, one loss a pair.

        - log sigma(u_o . v_c) - sum over i = 1 to k of log sigma(-u_i . v_c)

    The k negatives are ADDED UP. -log sigma(x) is softplus(-x), which never takes the
    logarithm of 0.

    Args:
        positive: (B,) float, dot products of true pairs.
        negative: (B, k) float, those with drawn words.

    Returns:
        (B,) float > 0.

    Example:
        >>> loss = negative_sampling_loss(ops.zeros((1,)), ops.zeros((1, 4)))
        >>> print(f"{loss[0]:.4f}, {5 * np.log(2):.4f}")
        3.4657, 3.4657
    """
    return ops.softplus(-positive) + ops.sum(ops.softplus(negative), axis=-1)


@keras.saving.register_keras_serializable("nlp/words")
class NegativeSampling(SkipGram):
    """Skip-gram whose loss sees one true context and k words drawn from P_n.

    It is no approximation of the softmax (unlike noise-contrastive estimation, from
    which it is simplified), and has an optimum of its own. For a pair (w, c):

        u_c . v_w = log(P(w, c) / (P(w) P_n(c))) - log k

    which is the pointwise mutual information minus log k only if P_n is the unigram
    distribution itself (Levy and Goldberg 2014).

    Each pair changes 1 row of v and at most k + 1 rows of u; all others have gradient
    0. Practice: word2vec draws again or skips when a negative is the true context.
    Here it may be, as in equation 4.

    Args:
        counts: V numbers >= 0, how often each word occurs in the corpus.
        dim: int >= 1.
        negatives: int >= 1, called k; 5 to 20 for small corpora, 2 to 5 for large.
        power: float, of `noise_distribution`.
        seed: int or None, for the draws.

    Shapes:
        As in `SkipGram`, with V = len(counts).

    Raises:
        ValueError: negatives is not an int >= 1; or as in `noise_distribution`.

    Example:
        >>> model = NegativeSampling(counts=[0, 3, 9, 4], dim=8)
        >>> tuple(model([ops.array([1, 2]), ops.array([2, 3])]).shape)
        (2,)
    """

    def __init__(self, counts, dim=300, negatives=5, power=0.75, seed=None, **kwargs):
        kwargs.pop("vocabulary_size", None)  # of a configuration: len(counts)
        super().__init__(len(counts), dim, **kwargs)
        if not (isinstance(negatives, int) and negatives >= 1):
            raise ValueError(f"negatives must be an int >= 1, got {negatives!r}")
        noise = noise_distribution(counts, power)
        self.counts = [float(count) for count in counts]
        self.negatives = negatives
        self.power = power
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)
        self.cumulative = np.cumsum(noise)
        self.cumulative[np.flatnonzero(noise)[-1] :] = 1.0  # rounding must not show

    def draw(self, shape):
        """Return words drawn from P_n: the first whose cumulative P_n exceeds u."""
        u = keras.random.uniform(shape, seed=self.seed_generator)  # in [0, 1)
        cumulative = ops.convert_to_tensor(self.cumulative, "float32")
        found = ops.searchsorted(cumulative, ops.reshape(u, (-1,)), side="right")
        return ops.reshape(found, shape)

    def pair_losses(self, centers, contexts):
        drawn = self.draw((ops.shape(centers)[0], self.negatives))  # (B, k)
        both = ops.concatenate([contexts[:, None], ops.cast(drawn, contexts.dtype)], 1)
        z = ops.cast(self.scores(centers, both), "float32")  # (B, 1 + k)
        return negative_sampling_loss(z[:, 0], z[:, 1:])

    def get_config(self):
        own = ("counts", "negatives", "power", "seed")
        config = {**super().get_config(), **{name: getattr(self, name) for name in own}}
        return config
