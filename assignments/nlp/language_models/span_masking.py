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
    # TODO: the geometric law at 1 to longest, made to sum to 1
    raise NotImplementedError


def draw_lengths(law, noise):
    """Return a length for each uniform number, by inverting the sum of the law.

    The length is the smallest l with law_1 + ... + law_l > u, and at most the longest.

    Args:
        law: (L,) float, sums to 1.
        noise: (N,) float in [0, 1), called u.

    Returns:
        (N,) int, from 1 to L.
    """
    # TODO: count the sums that u has passed
    raise NotImplementedError


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
    # TODO: count the tokens of words, take the share
    raise NotImplementedError


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
    # TODO: try each proposal, keep those that fit
    raise NotImplementedError


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
    # TODO: one decision a span, then labels
    raise NotImplementedError


def masked_loss(logits, labels):
    """Return the mean of -ln p(label) over the places that have a label; 0 if none has.

    Use keras.ops and not NumPy, since gradients must flow through.

    Args:
        logits: (B, T, K) float.
        labels: (B, T) int, 0 where nothing is asked.

    Returns:
        float, without axes.
    """
    # TODO: losses of all places, the mean over those that count
    raise NotImplementedError


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
