"""Exercise: masks over whole spans of words (SpanBERT).

BERT hides single tokens. Is the middle of "New York City" hidden, the model has only to
copy what its neighbours give away. SpanBERT hides whole words that stand side by side,
and decides once for each span whether it becomes [MASK], random tokens, or stays. You
write the law of the lengths, choose the spans, corrupt them, and take the loss; then a
small BERT of the course learns from it.

Paper: Joshi et al., "SpanBERT: Improving Pre-training by Representing and Predicting
       Spans", TACL 2020.
Link:  https://arxiv.org/abs/1907.10529 (section 3.1, figure 2)
Paper: Devlin et al., "BERT", NAACL 2019 (the shares of 80, 10 and 10 %).
Link:  https://arxiv.org/abs/1810.04805 (section 3.1)
See:   modules/nlp/language_models/bert.py
Needs: nlp/language_models (masked language model)
Time:  50 minutes
Grade: python -m course grade nlp/language_models/span_masking

All functions but the last are about ONE sentence of T tokens, and may use NumPy. Noise
is an argument: your functions draw nothing themselves, so that new noise gives a new
mask whenever the sentence is read again. Token 0 is padding.

When they are right, see what is hidden, and a model that learns:
python -m course demo nlp/language_models/span_masking
"""

import keras
import numpy as np
from keras import layers, ops

from modules.nlp.language_models.bert import Bert

CLS, SEP, MASK = 1, 2, 3


def length_law(p, longest):
    """Return the probability of each length of a span, in words: 1 to longest.

    The geometric law, p (1 - p)^(l - 1), TRUNCATED: longer spans are not drawn at all,
    and what is left is divided by its sum, so that it sums to 1. With p = 0.2 and
    longest = 10 the mean length is 3.797.

    Args:
        p: float in (0, 1).
        longest: int >= 1.

    Returns:
        (longest,) float.
    """
    # BEGIN SOLUTION the geometric law at 1 to longest, made to sum to 1
    # HINT The lengths: np.arange(1, longest + 1).
    # HINT Divide by the sum: what lies beyond is shared out in proportion.
    lengths = np.arange(1, longest + 1)
    law = float(p) * (1 - float(p)) ** (lengths - 1)
    # WRONG law = (1 - float(p)) * float(p) ** (lengths - 1)
    # WHY you exchange p and 1 - p: with p = 0.2 nearly all your spans are one word
    # WRONG law = float(p) * (1 - float(p)) * lengths
    # WHY the power is missing: each word more makes a span less likely by 1 - p
    return law / law.sum()
    # WRONG return law
    # WHY your probabilities do not sum to 1: what lies beyond the longest length is cut
    # WHY off, and the rest must be divided by its sum
    # WRONG return np.append(law[:-1], 1 - law[:-1].sum())
    # WHY you give all longer spans the longest length, as min(l, 10) does: the mean is
    # WHY then 4.463; a truncated law does not draw them
    # WRONG return np.full(len(law), 1 / len(law))
    # WHY your lengths are all equally likely
    # END SOLUTION


def draw_lengths(law, noise):
    """Return a length for each uniform number, by inverting the sum of the law.

    The length is the smallest l with law_1 + ... + law_l > u, and at most the longest.

    Args:
        law: (L,) float, sums to 1.
        noise: (N,) float in [0, 1), called u.

    Returns:
        (N,) int, from 1 to L.
    """
    # BEGIN SOLUTION count the sums that u has passed
    # HINT np.cumsum(law) has the sums. Which of them are not above u?
    # HINT Lengths begin with 1; no sum passed is length 1.
    law, noise = np.asarray(law, "float64"), np.asarray(noise)
    passed = np.cumsum(law) <= noise[:, None]  # (N, L)
    # WRONG passed = law <= noise[:, None]
    # WHY you compare with the probabilities; u passes their SUMS
    return np.minimum(1 + passed.sum(axis=1), len(law))
    # WRONG return np.minimum(passed.sum(axis=1), len(law))
    # WHY your lengths begin with 0; a u below law_1 is a span of one word
    # WRONG return np.minimum(len(law) - passed.sum(axis=1), len(law))
    # WHY you count the sums that are still ahead, so long spans are the likely ones
    # WRONG return 1 + np.floor(noise * len(law)).astype(int)
    # WHY you draw all lengths equally often; the law is not used
    # END SOLUTION


def token_budget(words, rate):
    """Return how many tokens may be selected: a share of those that belong to words.

    Rounded down, but at least 1 if there is a word.

    Args:
        words: (T,) int, the word that each token belongs to, counted from 0; -1 for
            [CLS], [SEP] and padding. Pieces of one word share its number.
        rate: float in (0, 1), 0.15 in the paper.

    Returns:
        int.
    """
    # BEGIN SOLUTION count the tokens of words, take the share
    # HINT Which entries of words are not special?
    # HINT int(...) rounds down; max(1, ...) sees to the rest.
    tokens = int((np.asarray(words) >= 0).sum())
    # WRONG tokens = len(words)
    # WHY you count [CLS], [SEP] and padding; the share is of tokens that can be chosen
    # WRONG tokens = int(np.asarray(words).max()) + 1
    # WHY you count words; the budget is of tokens, of which a word may have several
    return max(min(tokens, 1), int(float(rate) * tokens + 1e-6))
    # WRONG return int(float(rate) * tokens + 1e-6)
    # WHY short sentences get no mask at all: at least one token is allowed
    # END SOLUTION


def choose_spans(words, starts, lengths, budget):
    """Return which span each token belongs to.

    The proposals are tried in their order: `lengths[i]` words from word `starts[i]` on.
    One is left out, and the next one tried, if

    - it runs beyond the last word,
    - one of its words is in a span already, or
    - with it more than `budget` TOKENS would be selected.

    A span holds its words whole, with all their pieces. Spans are numbered from 0 in
    the order in which they are accepted.

    Args:
        words: (T,) int, as in `token_budget`. Specials stand at the ends only.
        starts: (N,) int, each the number of a word.
        lengths: (N,) int >= 1, in words.
        budget: int.

    Returns:
        (T,) int: the number of the span, -1 for tokens that are not selected.
    """
    # BEGIN SOLUTION try each proposal, keep those that fit
    # HINT Tokens of a proposal: words >= start, and words < start + length.
    # HINT A proposal that does not fit is left out with `continue`, not `break`.
    # HINT Tokens selected so far are those whose span is not -1.
    words, proposals = np.asarray(words), zip(starts, lengths, strict=True)
    spans, number = np.full(len(words), -1), 0
    for start, length in proposals:
        start, length = int(start), int(length)
        inside = (words >= start) & (words < start + length)
        # WRONG inside = np.arange(len(words)) - start
        # WRONG inside = (inside >= 0) & (inside < length) & (words >= 0)
        # WHY you count tokens; starts and lengths are words, and a word is taken whole
        # WRONG inside = (words >= start) & (words <= start + length)
        # WHY your spans are one word too long
        if start + length > words.max() + 1:
            continue
        # WRONG pass
        # WHY a span that runs beyond the last word is left out; you cut it instead,
        # WHY which makes long spans rarer than the law says
        if (spans[inside] >= 0).any():
            continue
        # WRONG pass
        # WHY your spans overlap: a proposal that meets a selected word is left out
        if (spans >= 0).sum() + inside.sum() > budget:
            continue
            # WRONG break
            # WHY you stop at the first proposal that is too large; a smaller one
            # WHY behind it may still fit
        # WRONG if len(set(words[spans >= 0])) + length > budget:
        # WRONG     continue
        # WHY you compare words with the budget; it is of tokens
        # WRONG if (spans >= 0).sum() >= budget:
        # WRONG     continue
        # WHY you look at the budget before adding the span and not after, so that the
        # WHY last span may exceed it
        spans[inside], number = number, number + 1
    return spans
    # WRONG return np.minimum(spans, 0)
    # WHY all your tokens are of one span: each accepted proposal has its own number
    # END SOLUTION


def corrupt(tokens, spans, noise, random_tokens):
    """Return what the model reads, and what it shall say.

    For span s the number noise[s] decides, once for ALL its tokens: below 0.8 each
    becomes MASK, from 0.8 to 0.9 each becomes its own random token, from 0.9 on all
    stay. The labels are the true tokens of ALL spans, and 0 elsewhere.

    Args:
        tokens: (T,) int.
        spans: (T,) int, from `choose_spans`.
        noise: (T,) float in [0, 1); only as many as there are spans are used.
        random_tokens: (T,) int, one for each place.

    Returns:
        (read, labels), (T,) int each.
    """
    # BEGIN SOLUTION one decision a span, then labels
    # HINT noise[spans] is a number for each token, equal within a span.
    # HINT Where spans is -1 that number means nothing: look at `spans >= 0` too.
    # HINT np.where twice: masked or not; if not, random or kept.
    tokens, spans, noise = (np.asarray(a) for a in (tokens, spans, noise))
    u, selected = noise[spans], spans >= 0
    # WRONG u, selected = noise, spans >= 0
    # WHY you decide for each token on its own; SpanBERT decides once for a span
    # WRONG u, selected = noise[spans] * 0, spans >= 0
    # WHY everything selected becomes [MASK], which the model never meets in use: 10 %
    # WHY become random tokens, and 10 % stay
    other = np.where(u < 0.9, np.asarray(random_tokens), tokens)
    # WRONG other = tokens
    # WHY you have no random tokens: they are 10 % of the spans
    # WRONG other = np.asarray(random_tokens)
    # WHY every span that is not masked becomes random; half of those stay as they are
    # WRONG other = np.where(u < 0.9, np.asarray(random_tokens)[0], tokens)
    # WHY all places get the same random token; each has its own
    read = np.where(selected, np.where(u < 0.8, MASK, other), tokens)
    # WRONG read = np.where(selected, np.where(u < 0.1, MASK, other), tokens)
    # WHY your shares are turned round: 80 % of the spans become [MASK]
    # WRONG read = np.where(u < 0.8, MASK, other)
    # WHY you change tokens that are not selected
    return read, np.where(selected, tokens, 0)
    # WRONG return read, tokens
    # WHY every token is a label; only selected ones are asked for
    # WRONG return read, np.where(read == MASK, tokens, 0)
    # WHY you ask only for what became [MASK]; random and kept tokens are asked for too,
    # WHY else the model could trust every token that it sees
    # WRONG return read, np.where(selected, read, 0)
    # WHY your labels are what the model reads; they are the tokens that stood there
    # END SOLUTION


def masked_loss(logits, labels):
    """Return the mean of -ln p(label) over the places that have a label; 0 if none has.

    Use keras.ops and not NumPy, since gradients must flow through.

    Args:
        logits: (B, T, K) float.
        labels: (B, T) int, 0 where nothing is asked.

    Returns:
        float, without axes.
    """
    # BEGIN SOLUTION losses of all places, the mean over those that count
    # HINT ops.sparse_categorical_crossentropy(…, from_logits=True) gives (B, T).
    # HINT Multiply by 1 where labels != 0 and 0 elsewhere, and sum.
    # HINT Divide by the number of labels, or by 1 if there are none.
    losses = ops.sparse_categorical_crossentropy(labels, logits, from_logits=True)
    asked = ops.cast(ops.not_equal(labels, 0), losses.dtype)
    # WRONG asked = ops.ones_like(losses)
    # WHY places without a label count too, as if token 0 were the answer
    return ops.sum(losses * asked) / ops.maximum(ops.sum(asked), 1)
    # WRONG return ops.mean(losses * asked)
    # WHY you divide by all places; the mean is over those that have a label
    # WRONG return ops.sum(losses * asked)
    # WHY you return the sum, which grows with the batch; divide by the number of labels
    # WRONG mine = ops.sum(losses * asked, 1) / ops.maximum(ops.sum(asked, 1), 1)
    # WRONG return ops.mean(mine)
    # WHY you average each sentence first, so words of sentences with few labels count
    # WHY more; the mean is over labels
    # END SOLUTION


class MaskedModel(keras.Model):
    """A small BERT that learns with your loss; given."""

    def __init__(self, vocabulary_size, length):
        super().__init__()
        sizes = {"num_layers": 1, "num_heads": 2, "hidden_dim": 16, "rate": 0.0}
        self.bert = Bert(vocabulary_size, length, epsilon=1e-6, **sizes)
        self.words = layers.Dense(vocabulary_size)

    def call(self, tokens):
        every, pooled = self.bert([tokens, ops.zeros_like(tokens)])
        return self.words(every + 0 * pooled[:, None])  # all weights get a gradient

    def compute_loss(
        self, x=None, y=None, y_pred=None, sample_weight=None, training=True
    ):
        return masked_loss(y_pred, ops.cast(y, "int32"))


def masked(sentences, words, seed, rate=0.15, p=0.2, longest=10):
    """Return (read, labels) of sentences, all your functions at work; given."""
    rng, found = np.random.default_rng(seed), []
    law, size = length_law(p, longest), int(np.max(sentences)) + 1
    for tokens, places in zip(np.asarray(sentences), np.asarray(words), strict=True):
        starts = rng.permutation(int(places.max()) + 1)
        lengths = draw_lengths(law, rng.random(len(starts)))
        spans = choose_spans(places, starts, lengths, token_budget(places, rate))
        others = rng.integers(MASK + 1, size, size=len(tokens))
        found.append(corrupt(tokens, spans, rng.random(len(tokens)), others))
    return [np.array(side, "int32") for side in zip(*found, strict=True)]


def model(vocabulary_size, length):
    """Return a compiled model; given."""
    keras.utils.set_random_seed(0)
    made = MaskedModel(vocabulary_size, length)
    made.compile(keras.optimizers.Adam(0.03), run_eagerly=True)
    return made


if __name__ == "__main__":
    law = length_law(0.2, 10)
    print(f"mean length of a span: {np.arange(1, 11) @ law:.3f} words")
    text = "the king who is proud of his old palace sang a ballad with all his dogs ."
    names = ["", "[CLS]", "[SEP]", "[MASK]", *sorted(set(text.split()))]
    tokens = np.array([CLS, *map(names.index, text.split()), SEP])
    words = np.array([-1, *range(len(tokens) - 2), -1])
    for epoch in range(3):
        read, _ = masked(tokens[None], words[None], epoch, rate=0.3)
        print(f"epoch {epoch}:", " ".join(names[t] for t in read[0]))
    learner = model(len(names), len(tokens))
    for steps in range(0, 31, 10):
        read, labels = masked([tokens] * 64, [words] * 64, 0)
        print(f"{steps:4} steps: loss {learner.evaluate(read, labels, 64, 0):.2f}")
        for seed in range(steps + 1, steps + 11):
            learner.train_on_batch(*masked([tokens] * 64, [words] * 64, seed))
