"""Exercise: skip-gram with negative sampling, as word2vec does it.

The authors' program learns vectors of a million words on a laptop. It asks, for each
pair of words: did these two stand together, or did I draw one of them? You write its
parts as functions: the pairs, the draws, the loss, and one step of learning by hand.
Then vectors learn with them.

Paper: Mikolov et al., "Distributed Representations of Words and Phrases and their
       Compositionality", NeurIPS 2013.
Link:  https://arxiv.org/abs/1310.4546 (sections 2.2 and 2.3)
See:   modules/nlp/words/skip_gram.py
Needs: nlp/words (skip-gram, negative sampling, subsampling), the sigmoid
Time:  55 minutes
Grade: python -m course grade nlp/words/negative_sampling

Letters: V words, d the width of their vectors, B pairs, k drawn words a pair, v the
vector of a centre, u that of a context. Use keras.ops or NumPy, as you like; in `loss`
keras.ops, since gradients must flow through.

When your functions are right, let them read a corpus:
python -m course demo nlp/words/negative_sampling
"""

import keras
import numpy as np
from keras import ops

from course.data.load import load
from modules.nlp.words.analogies import normalize
from modules.nlp.words.skip_gram import SkipGram
from modules.nlp.words.vocabulary import Vocabulary


def pairs(sentence, reach):
    """Return each word with the words near it.

    The word at place i is a centre, and its contexts are the words at most reach[i]
    places away, itself not among them. (word2vec draws every reach anew.)

    Args:
        sentence: (T,) int, T >= 1.
        reach: (T,) int >= 1, one for each CENTRE.

    Returns:
        (P, 2) int: centre, context. The centres stand in the order of the sentence,
        the contexts of one centre from left to right. (0, 2) if T is 1.
    """
    # TODO: for each centre, the places from i - reach to i + reach
    raise NotImplementedError


def noise(counts):
    """Return the probability with which each word is drawn.

    It is proportional to the word's count to the power 3/4.

    Args:
        counts: (V,) float >= 0, not all 0.

    Returns:
        (V,) float, which sums to 1.
    """
    # TODO: the power, then the sum
    raise NotImplementedError


def draw(probabilities, uniform):
    """Return words drawn with the given randomness.

    For each u, the word is the smallest i with u < p_0 + p_1 + ... + p_i.

    Args:
        probabilities: (V,) float, sums to 1; some may be 0.
        uniform: (B, k) float in [0, 1), uniformly random.

    Returns:
        (B, k) int.
    """
    # TODO: cumulative sums, then count those that are not above u
    raise NotImplementedError


def keep(counts, threshold):
    """Return the probability with which an occurrence of each word is kept.

    The paper discards with 1 - sqrt(t / f), f being the share of the word among all
    words. You return the probability to KEEP, and never more than 1.

    Args:
        counts: (V,) float >= 1.
        threshold: float > 0, called t.

    Returns:
        (V,) float.
    """
    # TODO: the share of each word, the root, at most 1
    raise NotImplementedError


def loss(v, u, drawn, hit):
    """Return the loss of each pair.

        - log sigma(u . v) - sum over the drawn words i of log sigma(-u_i . v)

    A drawn word that happens to be the true context is a hit, and adds nothing at all.
    Your loss is finite also where a dot product is 500 or -500.

    Args:
        v: (B, d) float, vectors of the centres.
        u: (B, d) float, vectors of the true contexts.
        drawn: (B, k, d) float, vectors of the drawn words.
        hit: (B, k) bool.

    Returns:
        (B,) float.
    """
    # TODO: dot products, then softplus
    raise NotImplementedError


def step(centers, contexts, c, o, drawn, rate):
    """Return both tables after one step of gradient descent on the loss of one pair.

    Hits (drawn words equal to o) add nothing. A word that is drawn twice counts twice.
    All gradients are those at the OLD tables. Derive them by hand: the derivative of
    softplus is the sigmoid.

    Args:
        centers: (V, d) float, the table of the vectors v.
        contexts: (V, d) float, the table of the vectors u.
        c, o: int, the centre and the true context.
        drawn: (k,) int.
        rate: float.

    Returns:
        Two (V, d) floats: centers, contexts.
    """
    # TODO: the error of each score moves one row of u, and all move v
    raise NotImplementedError


class Word2Vec(SkipGram):
    """The model of the course with your draws and your loss; given."""

    def __init__(self, counts, dim, negatives=5, seed=0):
        super().__init__(len(counts), dim)
        self.noise = ops.convert_to_tensor(noise(np.float32(counts)), "float32")
        self.negatives = negatives
        self.seed_generator = keras.random.SeedGenerator(seed)

    def pair_losses(self, centers, contexts):
        sizes = (len(centers), self.negatives)
        uniform = keras.random.uniform(sizes, seed=self.seed_generator)
        drawn = ops.convert_to_tensor(draw(self.noise, uniform))
        hit = ops.equal(drawn, ops.cast(contexts, drawn.dtype)[:, None])
        v, u = self.centers(centers), self.contexts(contexts)
        return loss(v, u, self.contexts(drawn), hit)


def reader(counts, dim):
    """Return a model that is ready to learn; given."""
    keras.utils.set_random_seed(0)
    model = Word2Vec(counts, dim)
    model.compile(keras.optimizers.Adam(0.05), run_eagerly=True)
    return model


def windows(rows, words, threshold, widest, rng):
    """Return the pairs of a subsampled corpus, (P, 2); given."""
    stays = np.ones(len(words))
    stays[2:] = keep(np.float32(words.counts[2:]), threshold)
    found = []
    for row in rows:
        left = row[(row > 0) & (rng.random(len(row)) < stays[row])]
        if len(left):
            reach = rng.integers(1, widest + 1, size=len(left))
            found.append(np.array(pairs(left, reach)).reshape(-1, 2))
    return np.concatenate(found)


if __name__ == "__main__":
    texts = load("course_corpus/grammar", "train[:4000]", batch_size=-1)["text"].numpy()
    sentences = [text.decode().split() for text in texts]
    words = Vocabulary(sentences)
    rng = np.random.default_rng(0)
    found = windows(words.rows(sentences), words, 0.005, 8, rng)
    model = reader(words.counts, 32)
    model.fit(list(found.T), batch_size=1024, epochs=1, verbose=0)
    v = normalize(model.vectors)
    for word in ("king", "palace", "his", "sang", "today"):
        near = np.argsort(-(v @ v[words.number(word)]))[1:5]
        print(f"{word}: near to {', '.join(words.words[i] for i in near)}")
