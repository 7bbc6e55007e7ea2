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
    # TODO: emissions of the words, START, the pairs, END
    raise NotImplementedError


def log_partition(emissions, mask, a):
    """Return log Z: the logarithm of the sum of e^score over ALL rows of tags.

    Your result is finite also for scores of 500 and -500.

    Args:
        emissions, mask, a: see above.

    Returns:
        (B,) float.
    """
    # TODO: the forward algorithm, one word at a time
    raise NotImplementedError


def marginals(emissions, mask, a):
    """Return the probability of each tag at each word, given the whole sentence.

    Args:
        emissions, mask, a: see above.

    Returns:
        (B, T, K) float; each word's K numbers sum to 1, those at padding are 0.
    """
    # TODO: forwards, backwards, and both together minus log Z
    raise NotImplementedError


def viterbi(emissions, mask, a):
    """Return the row of tags with the largest score.

    Args:
        emissions, mask, a: see above.

    Returns:
        (B, T) int, 0 at padding. (Of equal rows any one.)
    """
    # TODO: max in place of the sum, remember whence, walk back
    raise NotImplementedError


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
