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
    # BEGIN SOLUTION for each centre, the places from i - reach to i + reach
    # HINT Places below 0 do not exist: Python would count them from the end.
    # HINT range(max(0, i - r), min(T, i + r + 1)) are the places; leave out i itself.
    # HINT np.array(found).reshape(-1, 2) is (0, 2) if nothing was found.
    sentence, reach = np.array(sentence), np.array(reach)
    found = []
    for i, r in enumerate(reach):
        near = range(max(0, i - r), min(len(sentence), i + r + 1))
        # WRONG near = range(max(0, i - r), min(len(sentence), i + r))
        # WHY the farthest word on the right is missing: a range ends before its end
        # WRONG near = range(i, min(len(sentence), i + r + 1))
        # WHY you look to the right only; contexts stand on both sides
        # WRONG near = range(max(0, i - r), i + 1)
        # WHY you look to the left only; contexts stand on both sides
        found += [(sentence[i], sentence[j]) for j in near if j != i]
        # WRONG found += [(sentence[i], sentence[j]) for j in near]
        # WHY your window includes the centre: no word is its own context
        # WRONG found += [(sentence[j], sentence[i]) for j in near if j != i]
        # WHY the context comes first in your pairs; the centre does
        # WRONG near = [j for j in range(len(reach)) if 0 < abs(i - j) <= reach[j]]
        # WRONG found += [(sentence[i], sentence[j]) for j in near]
        # WHY you take the reach of the context; each CENTRE has its own
        # WRONG found += [(sentence[i], w) for w in sentence[near] if w != sentence[i]]
        # WHY you leave out every word equal to the centre; only its own PLACE is none
    return np.array(found, "int32").reshape(-1, 2)
    # END SOLUTION


def noise(counts):
    """Return the probability with which each word is drawn.

    It is proportional to the word's count to the power 3/4.

    Args:
        counts: (V,) float >= 0, not all 0.

    Returns:
        (V,) float, which sums to 1.
    """
    # BEGIN SOLUTION the power, then the sum
    # HINT A count of 0 stays 0: such a word is never drawn.
    weights = counts**0.75
    # WRONG weights = counts
    # WHY you draw words as often as they occur: the power 3/4 is missing
    # WRONG weights = ops.log(1 + counts)
    # WHY you draw by the logarithm of the count; the paper found its power 3/4 best
    # WRONG weights = counts / ops.sum(counts)
    # WRONG return weights**0.75
    # WHY you divide before the power, so your probabilities do not sum to 1
    # WRONG weights = ops.cast(counts > 0, "float32")
    # WHY you draw all words alike: the power is 3/4, not 0
    return weights / ops.sum(weights)
    # WRONG return ops.softmax(counts**0.75)
    # WHY you take a softmax of the weights; they are only divided by their sum
    # END SOLUTION


def draw(probabilities, uniform):
    """Return words drawn with the given randomness.

    For each u, the word is the smallest i with u < p_0 + p_1 + ... + p_i.

    Args:
        probabilities: (V,) float, sums to 1; some may be 0.
        uniform: (B, k) float in [0, 1), uniformly random.

    Returns:
        (B, k) int.
    """
    # BEGIN SOLUTION cumulative sums, then count those that are not above u
    # HINT np.cumsum(probabilities) are the sums; each word owns a piece of [0, 1).
    # HINT The number of sums that are <= u is the word's number.
    # HINT np.searchsorted(sums, u, side="right") counts them.
    sums = np.cumsum(np.array(probabilities))
    return np.searchsorted(sums, np.array(uniform), side="right").astype("int32")
    # WRONG return np.searchsorted(sums, np.array(uniform), side="left").astype("int32")
    # WHY u = 0 gives word 0 here even if its probability is 0: u must be BELOW the sum
    # WRONG return (np.array(uniform) * len(sums)).astype("int32")
    # WHY you draw all words alike and never look at their probabilities
    # WRONG return (np.searchsorted(sums, np.array(uniform)) - 1).astype("int32")
    # WHY your words are one too low: below the first sum lies word 0
    # WRONG far = np.abs(np.array(probabilities)[:, None, None] - np.array(uniform))
    # WRONG return far.argmin(axis=0).astype("int32")
    # WHY you look for the probability nearest to u; compare u with the cumulative sums
    # END SOLUTION


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
    # BEGIN SOLUTION the share of each word, the root, at most 1
    # HINT f = counts / ops.sum(counts).
    frequency = counts / ops.sum(counts)
    # WRONG frequency = counts
    # WHY f is the share of a word among all words, and you took its count
    # WRONG frequency = counts / ops.max(counts)
    # WHY you divide by the largest count; f is the share among ALL words
    return ops.minimum(1.0, ops.sqrt(threshold / frequency))
    # WRONG return ops.maximum(0.0, 1.0 - ops.sqrt(threshold / frequency))
    # WHY this is the probability to discard, so frequent words would be kept
    # WRONG return ops.sqrt(threshold / frequency)
    # WHY rare words get more than 1: a probability needs a minimum with 1
    # WRONG return ops.minimum(1.0, threshold / frequency)
    # WHY the root is missing, so frequent words nearly vanish
    # WRONG return ops.minimum(1.0, ops.sqrt(frequency / threshold))
    # WHY t and f are exchanged: frequent words are the ones to drop
    # END SOLUTION


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
    # BEGIN SOLUTION dot products, then softplus
    # HINT -log sigma(x) = softplus(-x): ops.softplus never takes the log of 0.
    # HINT ops.einsum("bd,bkd->bk", v, drawn) are the k dot products of each pair.
    # HINT ops.where(hit, 0.0, terms) takes out what a hit would add.
    true = ops.sum(u * v, axis=-1)  # (B,)
    # WRONG size = ops.norm(u, axis=-1) * ops.norm(v, axis=-1)
    # WRONG true = ops.sum(u * v, axis=-1) / size
    # WHY you take the cosine of the true pair; training uses the dot product, and
    # WHY cosines come only when vectors are compared afterwards
    false = ops.einsum("bd,bkd->bk", v, drawn)
    # WRONG false = ops.einsum("bd,bkd->bk", u, drawn)
    # WHY you multiply the drawn words with the true context; they are compared with
    # WHY the centre
    terms = ops.softplus(false)
    # WRONG terms = ops.softplus(-false)
    # WHY you pull the drawn words close like the true one: their sign is the other
    # WRONG terms = -ops.log(1 - ops.sigmoid(false) + 1e-7)
    # WHY you take the logarithm of a sigmoid: it is 0 in float32 for large scores, and
    # WHY a small number added hides that. Use softplus, which is exact
    terms = ops.where(hit, 0.0, terms)  # (B, k)
    # WRONG pass
    # WHY a hit counts as negative: the same word is pulled and pushed at once
    # WRONG terms = ops.softplus(ops.where(hit, 0.0, false))
    # WHY you set the score of a hit to 0, which still adds softplus(0) = log 2; take
    # WHY out the whole term
    # WRONG terms = ops.where(hit, terms, 0.0)
    # WHY you count the hits and nothing else: it is the other way round
    return ops.softplus(-true) + ops.sum(terms, axis=-1)
    # WRONG return ops.softplus(-true) + ops.mean(terms, axis=-1)
    # WHY you average over the drawn words; they are added up
    # WRONG return ops.softplus(true) + ops.sum(terms, axis=-1)
    # WHY you push the true context away: its term is -log sigma(+u . v)
    # WRONG return ops.sum(terms, axis=-1)
    # WHY the term of the true pair is missing
    # WRONG return -ops.softplus(-true) - ops.sum(terms, axis=-1)
    # WHY your sign is that of the likelihood; a loss is minimised
    # END SOLUTION


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
    # BEGIN SOLUTION the error of each score moves one row of u, and all move v
    # HINT d loss / d(u_o . v) = sigma(u_o . v) - 1; for a drawn word sigma(u_i . v).
    # HINT The gradient of u_i is error_i * v, that of v the sum of error_i * u_i.
    # HINT np.add.at(table, rows, values) adds up values of rows that are named twice.
    centers, contexts = np.array(centers), np.array(contexts)
    kept = [w for w in np.array(drawn) if w != o]
    # WRONG kept = list(np.array(drawn))
    # WHY a hit counts as negative; leave out drawn words that are the true context
    # WRONG kept = sorted({int(w) for w in np.array(drawn) if w != o})
    # WHY a word that is drawn twice counts once; it counts twice
    words = np.array([o, *kept], int)
    truth = np.array([1.0] + [0.0] * len(kept))
    # WRONG truth = np.array([-1.0] + [1.0] * len(kept))
    # WHY you subtract +1 and -1 from the sigmoid; the targets are 1 for the true
    # WHY context and 0 for a drawn word
    v, u = centers[c] + 0, contexts[words]
    error = 1 / (1 + np.exp(-(u @ v))) - truth  # (1 + k,)
    # WRONG error = u @ v - truth
    # WHY the sigmoid is missing: the derivative of softplus is the sigmoid
    np.add.at(contexts, words, -rate * error[:, None] * v)
    # WRONG contexts[words] = u - rate * error[:, None] * v
    # WHY a word drawn twice is written twice, and the first time is lost: add up
    # WRONG np.add.at(centers, words, -rate * error[:, None] * v)
    # WHY you change the rows of the contexts in the table of the centres: there are two
    # WHY tables
    # WRONG np.add.at(contexts, words, rate * error[:, None] * v)
    # WHY you go up the slope: gradients are subtracted
    centers[c] -= rate * error @ u
    # WRONG centers[c] -= rate * error @ contexts[words]
    # WHY you take the new rows of u for the gradient of v; all gradients are those at
    # WHY the old tables
    # WRONG centers[c] -= rate * error.mean() * u.mean(axis=0)
    # WHY v gets the product of two means; it gets the sum of error times u
    # WRONG pass
    # WHY the vector of the centre does not move
    return centers, contexts
    # END SOLUTION


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
