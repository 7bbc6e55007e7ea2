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
    # BEGIN SOLUTION penalty for length, penalty for what was left out
    # HINT Sum over the T words first: how much attention did each source word get?
    # HINT ops.minimum(x, 1.0): more than one word's attention earns nothing.
    # HINT ln P is negative, and lp divides it.
    words = attention.shape[0]
    penalty = ((5 + words) / 6) ** alpha
    # WRONG penalty = ((5 + words) / 5 + 1) ** alpha
    # WHY lp is 1 for one word: (5 + T) / (5 + 1)
    # WRONG penalty = (5 + words) ** alpha / 6
    # WHY the power is of the whole fraction, 6 included
    # WRONG penalty = words**alpha
    # WHY you divide by T^alpha; here it is ((5 + T) / 6)^alpha
    # WRONG penalty = ((5 + words - 1) / 6) ** alpha
    # WHY you do not count the end; here it is one of the T words
    got = ops.sum(attention, axis=0)  # (S,)
    # WRONG got = ops.sum(attention, axis=1)
    # WHY you add up what each WRITTEN word gives, which is 1; add up what each word of
    # WHY the source gets
    # WRONG got = ops.mean(attention, axis=0)
    # WHY you average over the written words; the attention is added up
    # WRONG got = ops.max(attention, axis=0)
    # WHY you take the most attention; it is added up over the written words
    cover = ops.sum(ops.log(ops.minimum(got, 1.0)))
    # WRONG cover = ops.sum(ops.log(got))
    # WHY min(…, 1) is missing: much attention to one word would make up for none to
    # WHY another
    # WRONG cover = -ops.sum(ops.log(ops.minimum(got, 1.0)))
    # WHY your coverage is a reward for words that were left out: cp is never positive
    # WRONG cover = ops.sum(ops.log(ops.maximum(got, 1.0)))
    # WHY you punish too MUCH attention, as some lecture notes say; cp punishes too
    # WHY little
    # WRONG cover = ops.sum(ops.minimum(got, 1.0))
    # WHY the logarithm is missing
    return log_p / penalty + beta * cover
    # WRONG return log_p * penalty + beta * cover
    # WHY you multiply by lp, so long translations are punished twice; it divides
    # WRONG return log_p / penalty
    # WHY the coverage penalty is missing
    # WRONG return (log_p + beta * cover) / penalty
    # WHY lp divides ln P only
    # END SOLUTION


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
    # BEGIN SOLUTION compare with the best of each row
    # HINT ops.max(log_p, axis=-1, keepdims=True) is (k, 1).
    # HINT ops.where(condition, log_p, float("-inf"))
    best = ops.max(log_p, axis=-1, keepdims=True)
    # WRONG best = ops.max(log_p)
    # WHY you compare with the best word of all hypotheses; each has a best of its own
    return ops.where(log_p >= best - width, log_p, float("-inf"))
    # WRONG return ops.where(log_p >= best - width, log_p, 0.0)
    # WHY ln p = 0 is certainty: what is dropped must be -inf
    # WRONG return ops.where(log_p >= -width, log_p, float("-inf"))
    # WHY you compare with 0 and not with the best word
    # WRONG return ops.where(log_p <= best - width, log_p, float("-inf"))
    # WHY you keep the words that are to be dropped
    # END SOLUTION


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
    # BEGIN SOLUTION add, sort all sums together, take the first
    # HINT totals[:, None] + log_p is (k, V).
    # HINT np.argsort(-x.ravel(), kind="stable") puts the largest first, keeping order.
    # HINT divmod(place, V) is (hypothesis, word).
    log_p = np.asarray(log_p)
    sums = np.asarray(totals)[:, None] + log_p
    # WRONG sums = log_p + 0 * np.asarray(totals)[:, None]
    # WHY you forget what the hypotheses had before: ln P of all words adds up
    # WRONG sums = np.asarray(totals)[:, None] + np.exp(log_p)
    # WRONG sums = np.where(np.isfinite(log_p), sums, -np.inf)
    # WHY you add a probability to a logarithm: logarithms add, probabilities multiply
    # WRONG sums = -np.asarray(totals)[:, None] * log_p
    # WHY you multiply logarithms; they add
    order = np.argsort(-sums.ravel(), kind="stable")[:width]
    # WRONG order = np.argsort(sums.ravel(), kind="stable")[::-1][:width]
    # WHY of equal sums you take the last one first
    # WRONG each = np.argsort(-sums, axis=1, kind="stable")[:, :1].ravel()
    # WRONG order = np.arange(len(each)) * sums.shape[1] + each
    # WRONG order = order[np.argsort(-sums.ravel()[order], kind="stable")][:width]
    # WHY you let each hypothesis go on once; two of the best may have one parent
    # WRONG order = np.argsort(-sums.ravel(), kind="stable")
    # WHY you keep all, and not the best `width`
    pairs = [divmod(int(place), sums.shape[1]) for place in order]
    # WRONG pairs = [divmod(int(place), sums.shape[0]) for place in order]
    # WRONG pairs = [(min(i, sums.shape[0] - 1), w) for i, w in pairs]
    # WHY place = hypothesis * V + word: divide by V, and not by k
    found = [(i, word, float(sums[i, word])) for i, word in pairs]
    return [way for way in found if way[2] > -np.inf]
    # WRONG return found
    # WHY you take sums of -inf, which stand for what was dropped
    # END SOLUTION


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
    # BEGIN SOLUTION keep words, ln P and attention of each hypothesis
    # HINT A hypothesis: its words, its ln P, and the (t, S) attention so far.
    # HINT places = width - len(finished); stop where it is 0 or nobody is left.
    # HINT Attention of a way to go on: that of its parent, and one more row.
    # HINT After expand, state = select(state, [parents of those that go on]).
    hypotheses, finished = [([], 0.0, [])], []
    while hypotheses and len(finished) < width:
        log_p, attention, state = step([words for words, _, _ in hypotheses], state)
        log_p, attention = prune_words(log_p, 3.0), np.asarray(attention)
        # WRONG log_p, attention = ops.convert_to_tensor(log_p), np.asarray(attention)
        # WHY the words are not pruned
        totals = np.array([total for _, total, _ in hypotheses])
        ways, parents, after = expand(totals, log_p, width - len(finished)), [], []
        # WRONG ways, parents, after = expand(totals, log_p, width), [], []
        # WHY a finished translation takes a place: later there is one place less
        for parent, word, total in ways:
            words, _, looks = hypotheses[parent]
            words, looks = [*words, word], [*looks, attention[parent]]
            # WRONG words, looks = [*words, word], [*looks, attention[0]]
            # WHY the attention of a way to go on is that of ITS parent
            if word == end:
                s = float(score(total, ops.stack(looks), alpha, beta))
                finished.append((words, s))
                # WRONG finished.append((words, total))
                # WHY translations are compared by `score`, and yours by ln P
            elif len(words) < length:
                parents.append(parent)
                after.append((words, total, looks))
            # WRONG if word != end and len(words) == length:
            # WRONG     s = float(score(total, ops.stack(looks), alpha, beta))
            # WRONG     finished.append((words, s))
            # WRONG elif word != end:
            # WRONG     parents.append(parent)
            # WRONG     after.append((words, total, looks))
            # WHY you accept what has no end; at `length` words it is given up
        state, hypotheses = select(state, parents), after
        # WRONG rows = [i % len(totals) for i in range(len(after))]
        # WRONG state, hypotheses = select(state, rows), after
        # WHY hypothesis i does not come from hypothesis i: select by parents
    return max(finished, key=lambda f: f[1], default=([], -np.inf))
    # WRONG return finished[0] if finished else ([], -np.inf)
    # WHY you return what was finished first; the best by score is wanted
    # END SOLUTION


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
