"""Exercise: beam search with Google's scores and pruning.

A translator gives the probability of each next word. The best word each time need not
make the best sentence, so beam search keeps several beginnings. You write the pieces:
the score that compares translations of different lengths, the pruning of Google's
system, and one step of the search. Then a recurrent model of the course writes with
them.

Paper: Wu et al., "Google's Neural Machine Translation System: Bridging the Gap between
       Human and Machine Translation", 2016.
Link:  https://arxiv.org/abs/1609.08144 (section 7, equation 14)
See:   modules/nlp/translation/greedy.py, encoder_decoder.py
Needs: nlp/translation (attention, greedy decoding, beam search)
Time:  55 minutes
Grade: python -m course grade nlp/translation/pruned_beam_search

Letters: k beginnings (called hypotheses), V words, S words of the source, T words
written. All logarithms are natural. Use keras.ops or NumPy, as you like: nothing is
trained here, and one sentence is translated at a time.

When your functions are right, run this file: a small model translates with them.
"""

import numpy as np
from keras import ops

from modules.nlp.translation.encoder_decoder import EncoderDecoder


def score(log_p, attention, alpha, beta):
    """Return s(Y, X) = ln P / lp + cp, by which finished translations are compared.

        lp = ((5 + T) / 6)^alpha
        cp = beta * sum over source words i of ln(min(sum over t of p_ti, 1))

    Args:
        log_p: float, ln P of the translation, the sum of its words' logarithms.
        attention: (T, S) float, the attention of each of its T words, the end being
            one; all source words get some.
        alpha, beta: floats >= 0.

    Returns:
        float, without axes.
    """
    # TODO: penalty for length, penalty for what was left out
    raise NotImplementedError


def prune_words(log_p, width):
    """Return ln p of next words, -inf for those that are not worth a look.

    For each hypothesis, only words stay whose ln p is at most `width` below that of
    its best word.

    Args:
        log_p: (k, V) float, ln p of each next word.
        width: float > 0; 3 in the paper.

    Returns:
        (k, V) float.
    """
    # TODO: compare with the best of each row
    raise NotImplementedError


def expand(totals, log_p, width):
    """Return the best ways to go on: which hypothesis, with which word.

    The ln P of a hypothesis and the ln p of its next word add up. Of all k V sums, the
    `width` largest are taken, the largest first; of equals the one whose hypothesis,
    and then whose word, has the smaller number. Sums of -inf are not taken, so there
    may be fewer.

    Args:
        totals: (k,) float, ln P of each hypothesis.
        log_p: (k, V) float, ln p of each next word; some are -inf.
        width: int >= 1.

    Returns:
        list of (hypothesis, word, ln P), two ints and a float.
    """
    # TODO: add, sort all sums together, take the first
    raise NotImplementedError


def search(step, state, length, end, width, alpha, beta):
    """Return the best translation of one sentence, and its score.

    Begin with one hypothesis: no words, ln P = 0. Then, again and again, until no
    hypothesis is left: ask `step` about all hypotheses, prune the words with 3.0, and
    `expand` to as many as there are places. There are `width` places at first, and one
    less for each translation that is finished. A hypothesis whose new word is `end` is
    finished and gets its `score`; one that has `length` words without an end is given
    up. The others go on. Last of all, the finished one of largest score is the answer.

    Args:
        step: function (words, state) that returns ln p (k, V) of the next words, the
            attention (k, S) with which they are written, and a new state. `words` is a
            list of k lists of ints; of the first call [[]].
        state: what `step` wants; `select(state, rows)` below makes the state of chosen
            hypotheses from that of all. It may be an array, a tuple or a list of them.
        length: int >= 1, the most words, with the end.
        end: int.
        width: int >= 1.
        alpha, beta: floats, of the score.

    Returns:
        (list of ints with the end, float); ([], -inf) if nothing was finished.
    """
    # TODO: keep words, ln P and attention of each hypothesis
    raise NotImplementedError


def select(state, rows):
    """Return the state of some hypotheses, from a nest of arrays (k, …); given."""
    if isinstance(state, (tuple, list)):
        return type(state)(select(part, rows) for part in state)
    return ops.take(state, np.array(list(rows), dtype="int32"), axis=0)


def model():
    """Return an untrained recurrent translator with attention; given."""
    made = EncoderDecoder(9, units=6, embedding_dim=5, attention="general")
    made([np.ones((1, 3), "int32"), np.ones((1, 2), "int32")])
    rng = np.random.default_rng(1)
    for weight in made.weights:
        weight.assign(1.5 * rng.normal(size=weight.shape))
    return made


def translate(translator, source, width, alpha=0.6, beta=0.2, length=9):
    """Return what your search finds for one sentence, (S,) ints; given."""

    def step(words, state):
        last = np.array([[row[-1] if row else 1] for row in words], "int32")
        logits, after = translator.step(last, state, 0)
        z = ops.convert_to_numpy(logits)[:, 0].astype("float64")
        log_p = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
        attention = ops.convert_to_numpy(after[2] - state[2])
        return log_p.astype("float32"), attention, after

    state = translator.start(np.asarray(source, "int32")[None])
    return search(step, state, length, end=2, width=width, alpha=alpha, beta=beta)


if __name__ == "__main__":
    translator = model()
    for width in (1, 2, 4, 16):
        words, s = translate(translator, [3, 7, 5, 4], width)
        print(f"{width:2} hypotheses: score {s:6.3f}, words", *words)
