"""Exercise: a CRF over rows of tags, in the paper's form.

A network scores each tag at each word. A CRF adds a score for each pair of neighbours,
and asks for the best ROW of tags. There are K^T of them, and you never list them: the
forward algorithm sums over all, Viterbi's finds the best, and forwards and backwards
together give the probability of each tag.

Paper: Lample et al., "Neural Architectures for Named Entity Recognition", NAACL 2016.
Link:  https://arxiv.org/abs/1603.01360 (section 2.2)
See:   modules/nlp/text/bilstm_crf.py
Needs: nlp/text (the CRF), logsumexp
Time:  60 minutes
Grade: python -m course grade nlp/text/tag_sequences

Letters: B sentences of at most T words, K tags. All functions take

    emissions  (B, T, K) float, T >= 1
    mask       (B, T) bool, True at words; padding stands at the end
    a          (K + 2, K + 2) float: a[i, j] is the score of tag j AFTER tag i. Tag K is
               START, before the first word, and K + 1 is END, after the last one.

A sentence may have one word, or none: then there is one row of tags, the empty one,
and its score is 0. Use keras.ops and not NumPy in the first two, since gradients must
flow. You may loop over T, and over nothing else.

When your functions are right, a tagger of the course learns with them:
python -m course demo nlp/text/tag_sequences
"""

import keras
import numpy as np
from keras import ops

from modules.nlp.text.bilstm_crf import BiLSTMCRF


def path_score(emissions, tags, mask, a):
    """Return the score of a row of tags.

        a[START, y_1] + sum of emissions[t, y_t] + sum of a[y_t, y_{t+1}] + a[y_n, END]

    n is the number of words of the sentence.

    Args:
        emissions, mask, a: see above.
        tags: (B, T) int from 0 to K - 1; what stands at padding does not matter.

    Returns:
        (B,) float.
    """
    # BEGIN SOLUTION emissions of the words, START, the pairs, END
    # HINT ops.one_hot(tags, K) times the emissions, summed over K, picks the emissions.
    # HINT START and END are tags: put START in front, and END behind the last word.
    # HINT a pair counts if its SECOND word is a word: mask[:, 1:].
    # HINT The last tag stands at place ops.sum(mask, axis=1) - 1.
    k, words = emissions.shape[-1], ops.cast(mask, "float32")
    tags = ops.where(mask, tags, 0)
    picked = ops.sum(emissions * ops.one_hot(tags, k), axis=-1)  # (B, T)
    score = ops.sum(picked * words, axis=1)
    # WRONG score = ops.sum(picked, axis=1)
    # WHY you add emissions at padding too; the mask says where words are
    places = tags[:, :-1] * (k + 2) + tags[:, 1:]  # in a, row by row
    # WRONG places = tags[:, 1:] * (k + 2) + tags[:, :-1]
    # WHY your transitions are transposed: a[i, j] is the score of j AFTER i
    # WRONG places = tags[:, :-1] * k + tags[:, 1:]
    # WHY a has K + 2 columns, and you count on K
    pairs = ops.take(ops.reshape(a, (-1,)), places)
    score = score + ops.sum(pairs * words[:, 1:], axis=1)
    # WRONG score = score + ops.sum(pairs, axis=1)
    # WHY you add transitions into padding; a pair counts only if both are words
    last = ops.maximum(ops.sum(ops.cast(mask, "int32"), axis=1) - 1, 0)
    # WRONG last = ops.sum(ops.ones_like(tags), axis=1) - 1
    # WHY END follows the last WORD, and you take the tag at the end of the padding
    final = ops.take_along_axis(tags, last[:, None], axis=1)[:, 0]
    ends = ops.take(a[k], tags[:, 0]) + ops.take(a[:, k + 1], final)
    # WRONG ends = ops.take(a[k], tags[:, 0])
    # WHY the step from the last tag to END is missing
    # WRONG ends = ops.take(a[:, k + 1], final)
    # WHY the step from START to the first tag is missing
    # WRONG ends = ops.take(a[:, k], tags[:, 0]) + ops.take(a[k + 1], final)
    # WHY you read START's column and END's row; the first step is a[START, y_1]
    return score + ends * words[:, 0]
    # WRONG return score + ends
    # WHY a sentence without a word gets scores of START and END; its score is 0
    # END SOLUTION


def log_partition(emissions, mask, a):
    """Return log Z: the logarithm of the sum of e^score over ALL rows of tags.

    Your result is finite also for scores of 500 and -500.

    Args:
        emissions, mask, a: see above.

    Returns:
        (B,) float.
    """
    # BEGIN SOLUTION the forward algorithm, one word at a time
    # HINT alpha (B, K): log of the sum over all rows so far that end in each tag.
    # HINT alpha[:, :, None] + a[:K, :K] is (B, from, to); sum over "from".
    # HINT At padding alpha stays what it was: ops.where(mask[:, t, None], new, alpha).
    # HINT ops.logsumexp never overflows.
    k = emissions.shape[-1]
    alpha = a[k, :k] + emissions[:, 0]
    # WRONG alpha = emissions[:, 0]
    # WHY the step from START is missing
    for t in range(1, emissions.shape[1]):
        new = ops.logsumexp(alpha[:, :, None] + a[:k, :k], axis=1)
        # WRONG new = ops.logsumexp(alpha[:, None, :] + a[:k, :k], axis=2)
        # WHY your transitions are transposed: a[i, j] leads from i to j
        # WRONG new = ops.max(alpha[:, :, None] + a[:k, :k], axis=1)
        # WHY you take the best way only, which is Viterbi's; log Z sums over all ways
        # WRONG new = ops.log(ops.sum(ops.exp(alpha[:, :, None] + a[:k, :k]), axis=1))
        # WHY e^500 is infinite in float32: take the maximum out first, as ops.logsumexp
        new = new + emissions[:, t]
        alpha = ops.where(mask[:, t, None], new, alpha)
        # WRONG alpha = new
        # WHY you go on over padding, and so count rows that are too long
    total = ops.logsumexp(alpha + a[:k, k + 1], axis=-1)
    # WRONG total = ops.logsumexp(alpha, axis=-1)
    # WHY the step to END is missing
    return ops.where(mask[:, 0], total, 0.0)
    # WRONG return total
    # WHY a sentence without a word has one row of tags, the empty one: log Z is 0
    # END SOLUTION


def marginals(emissions, mask, a):
    """Return the probability of each tag at each word, given the whole sentence.

    Args:
        emissions, mask, a: see above.

    Returns:
        (B, T, K) float; each word's K numbers sum to 1, those at padding are 0.
    """
    # BEGIN SOLUTION forwards, backwards, and both together minus log Z
    # HINT alpha[t] as in log_partition, all of them kept.
    # HINT beta[t] (B, K): log of the sum over all that may follow tag i at word t.
    # HINT beta at the last word is a[:K, END]; before, logsumexp over the next tag j of
    # HINT a[i, j] + emissions[t + 1, j] + beta[t + 1, j].
    # HINT p = exp(alpha + beta - log Z). The emission of t itself is in alpha only.
    k, steps = emissions.shape[-1], emissions.shape[1]
    inner = a[:k, :k]
    alphas = [a[k, :k] + emissions[:, 0]]
    for t in range(1, steps):
        new = ops.logsumexp(alphas[-1][:, :, None] + inner, axis=1) + emissions[:, t]
        alphas.append(ops.where(mask[:, t, None], new, alphas[-1]))
    beta = a[:k, k + 1] + 0 * alphas[0]
    # WRONG beta = 0 * alphas[0]
    # WHY beta begins with 0; at the last word it is the score of END
    betas = [beta]
    for t in reversed(range(1, steps)):
        after = emissions[:, t] + beta
        # WRONG after = beta
        # WHY the emission of the next word is missing in beta
        new = ops.logsumexp(inner + after[:, None, :], axis=2)
        # WRONG new = ops.logsumexp(inner + after[:, :, None], axis=1)
        # WHY beta goes backwards: sum over the tag that FOLLOWS, the second index of a
        beta = ops.where(mask[:, t, None], new, beta)
        betas.insert(0, beta)
    both = ops.stack(alphas, axis=1) + ops.stack(betas, axis=1)  # (B, T, K)
    # WRONG both = ops.stack(alphas, axis=1)
    # WHY you look at what came before only: what follows says something too
    # WRONG both = ops.stack(alphas, axis=1) + ops.stack(betas, axis=1) + emissions
    # WHY the emission of a word is counted twice: it is in alpha already
    p = ops.exp(both - ops.logsumexp(both, axis=-1, keepdims=True))
    # WRONG p = ops.softmax(emissions, axis=-1)
    # WHY you look at each word for itself, as if a were 0
    return ops.where(mask[:, :, None], p, 0.0)
    # WRONG return p
    # WHY padding has no tag: its probabilities are 0
    # END SOLUTION


def viterbi(emissions, mask, a):
    """Return the row of tags with the largest score.

    Args:
        emissions, mask, a: see above.

    Returns:
        (B, T) int, 0 at padding. (Of equal rows any one.)
    """
    # BEGIN SOLUTION max in place of the sum, remember whence, walk back
    # HINT Like log_partition with max; ops.argmax over "from" says whence it came.
    # HINT At padding each tag comes from itself: arange(K).
    # HINT The last tag is argmax(alpha + a[:K, END]); then read the notes backwards.
    p, words = np.array(emissions), np.array(mask)
    a, k = np.array(a), p.shape[-1]
    alpha, notes = a[k, :k] + p[:, 0], []
    # WRONG alpha, notes = p[:, 0], []
    # WHY the step from START is missing
    for t in range(1, p.shape[1]):
        ways = alpha[:, :, None] + a[:k, :k]  # (B, from, to)
        # WRONG ways = alpha[:, :, None] + a[:k, :k].T
        # WHY your transitions are transposed: a[i, j] leads from i to j
        there = words[:, t, None]
        # WRONG there = np.ones_like(words[:, t, None])
        # WHY you go on over padding, which changes the tags before it
        notes.append(np.where(there, ways.argmax(axis=1), np.arange(k)))
        alpha = np.where(there, ways.max(axis=1) + p[:, t], alpha)
        # WRONG alpha = np.where(there, np.logaddexp.reduce(ways, 1) + p[:, t], alpha)
        # WHY you sum over all ways to a tag; the best row needs the best way
    tag = (alpha + a[:k, k + 1]).argmax(axis=1)
    # WRONG tag = alpha.argmax(axis=1)
    # WHY the step to END is missing
    path = [tag]
    # WRONG path, notes = [tag], notes[::-1]
    # WHY you read the notes forwards; the walk begins at the last word
    for came in reversed(notes):
        tag = np.take_along_axis(came, tag[:, None], axis=1)[:, 0]
        path.insert(0, tag)
        # WRONG path.append(tag)
        # WHY your row of tags runs backwards
    tags = np.stack(path, axis=1)
    # WRONG tags = p.argmax(axis=-1)
    # WHY you take the best tag of each word for itself, and never look at a
    return np.where(words, tags, 0).astype("int32")
    # WRONG return tags.astype("int32")
    # WHY at padding stands a tag; it is 0 there
    # END SOLUTION


class Tagger(BiLSTMCRF):
    """The tagger of the course with your CRF on top; given."""

    def build(self, input_shape):
        super().build(input_shape)
        size = self.num_tags + 2
        self.a = self.add_weight((size, size), "glorot_uniform", name="a")

    def compute_loss(
        self, x=None, y=None, y_pred=None, sample_weight=None, training=True
    ):
        mask, a = ops.not_equal(x, 0), ops.convert_to_tensor(self.a)
        return ops.mean(log_partition(y_pred, mask, a) - path_score(y_pred, y, mask, a))

    def best(self, tokens):
        """Return the best tags of sentences."""
        mask = ops.not_equal(ops.convert_to_tensor(tokens), 0)
        return viterbi(self(tokens), mask, ops.convert_to_tensor(self.a))


def tagger(words, num_tags):
    """Return a small tagger that is ready to learn; given."""
    keras.utils.set_random_seed(0)
    model = Tagger(words, num_tags, units=6, embedding_dim=4, rate=0.0, crf=False)
    model.compile(keras.optimizers.Adam(0.2), run_eagerly=True)
    return model


if __name__ == "__main__":
    print("what the word before decides: 7 is tag 2 after tag 1, else tag 0")
    tokens = np.tile([[3, 7, 7, 3, 7], [7, 3, 7, 0, 0]], (4, 1))
    tags = np.tile([[1, 2, 0, 1, 2], [0, 1, 2, 0, 0]], (4, 1))
    model = tagger(10, 3)
    for epoch in range(12):
        loss = model.train_on_batch(tokens, tags)
        if epoch % 3 == 2:
            best = np.array(model.best(tokens[:2]))
            print(f"step {epoch + 1}: loss {float(loss):.3f}, tags {best.tolist()}")
