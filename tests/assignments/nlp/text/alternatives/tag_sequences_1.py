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
    k = emissions.shape[-1]
    total = ops.zeros_like(emissions[:, 0, 0])
    before = ops.full_like(tags[:, 0], k)
    for t in range(emissions.shape[1]):
        now = ops.where(mask[:, t], tags[:, t], 0)
        step = ops.sum(
            a[None] * _hot(before, k)[:, :, None] * _hot(now, k)[:, None], axis=(1, 2)
        )
        step = step + ops.sum(emissions[:, t] * ops.one_hot(now, k), axis=1)
        total = total + ops.where(mask[:, t], step, 0.0)
        before = ops.where(mask[:, t], now, before)
    return total + ops.where(mask[:, 0], ops.sum(_hot(before, k) * a[:, k + 1], 1), 0)


def _hot(tags, k):
    return ops.one_hot(tags, k + 2)


def log_partition(emissions, mask, a):
    """Return log Z: the logarithm of the sum of e^score over ALL rows of tags.

    Your result is finite also for scores of 500 and -500.

    Args:
        emissions, mask, a: see above.

    Returns:
        (B,) float.
    """
    # START and END as tags of their own, which no word can have
    steps, k = emissions.shape[1], emissions.shape[-1]
    low = -1e9
    alpha = ops.where(ops.arange(k + 2) == k, 0.0, low) + 0 * emissions[:, 0, :1]
    for t in range(steps):
        p = ops.pad(emissions[:, t], [(0, 0), (0, 2)], constant_values=low)
        ways = alpha[:, :, None] + a
        most = ops.max(ways, axis=1)
        new = most + ops.log(ops.sum(ops.exp(ways - most[:, None]), axis=1)) + p
        alpha = ops.where(mask[:, t : t + 1], new, alpha)
    total = ops.logsumexp(alpha + a[:, k + 1], axis=1)
    return ops.where(ops.any(mask, axis=1), total, 0.0)


def marginals(emissions, mask, a):
    """Return the probability of each tag at each word, given the whole sentence.

    Args:
        emissions, mask, a: see above.

    Returns:
        (B, T, K) float; each word's K numbers sum to 1, those at padding are 0.
    """
    # fix one tag at one word and sum over the rest: the ratio of two sums
    k, z = emissions.shape[-1], log_partition(emissions, mask, a)
    found = []
    for t in range(emissions.shape[1]):
        row = []
        for tag in range(k):
            only = ops.where(ops.arange(k) == tag, emissions[:, t], -1e9)
            before, after = emissions[:, :t], emissions[:, t + 1 :]
            fixed = ops.concatenate([before, only[:, None], after], axis=1)
            ratio = ops.exp(log_partition(fixed, mask, a) - z)
            row.append(ops.where(mask[:, t], ratio, 0.0))
        found.append(ops.stack(row, axis=-1))
    return ops.stack(found, axis=1)


def viterbi(emissions, mask, a):
    """Return the row of tags with the largest score.

    Args:
        emissions, mask, a: see above.

    Returns:
        (B, T) int, 0 at padding. (Of equal rows any one.)
    """
    p, a = np.array(emissions), np.array(a)
    k, found = p.shape[-1], []
    for b, words in enumerate(np.array(mask).sum(axis=1)):
        ways = {(): 0.0}  # the best way to each last tag
        for t in range(words):
            new = {}
            for row, score in ways.items():
                for tag in range(k):
                    s = score + a[row[-1] if row else k, tag] + p[b, t, tag]
                    old = [r for r in new if r[-1] == tag]
                    if not old or new[old[0]] < s:
                        for r in old:
                            del new[r]
                        new[(*row, tag)] = s
            ways = new
        best = max(ways, key=lambda r: ways[r] + (a[r[-1], k + 1] if r else 0))
        found.append([*best] + [0] * (p.shape[1] - len(best)))
    return np.array(found)


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
