"""Span masking with plain Python: lists, sets and loops."""

import keras
import numpy as np
from keras import layers, ops

from modules.nlp.language_models.bert import Bert

CLS, SEP, MASK = 1, 2, 3


def length_law(p, longest):
    p = float(p)
    law = [(1 - p) ** l for l in range(int(longest))]  # noqa: E741
    return np.array([x / sum(law) for x in law])


def draw_lengths(law, noise):
    found = []
    for u in noise:
        length, total = 1, float(law[0])
        while total <= float(u) and length < len(law):
            total += float(law[length])
            length += 1
        found.append(length)
    return np.array(found)


def token_budget(words, rate):
    tokens = len([w for w in words if int(w) != -1])
    if not tokens:
        return 0
    return max(1, int(tokens * float(rate) + 1e-6))


def choose_spans(words, starts, lengths, budget):
    words = [int(w) for w in words]
    pieces = {w: words.count(w) for w in words if w >= 0}
    owner, left, number = {}, int(budget), 0
    for start, length in zip(starts, lengths, strict=True):
        mine = range(int(start), int(start) + int(length))
        if any(w not in pieces or w in owner for w in mine):
            continue
        cost = sum(pieces[w] for w in mine)
        if cost <= left:
            left -= cost
            owner |= dict.fromkeys(mine, number)
            number += 1
    return np.array([owner.get(w, -1) for w in words])


def corrupt(tokens, spans, noise, random_tokens):
    read, labels = [], []
    for place, (token, span) in enumerate(zip(tokens, spans, strict=True)):
        token, span = int(token), int(span)
        labels.append(token if span >= 0 else 0)
        u = float(noise[span]) if span >= 0 else 1.0
        if u < 0.8:
            token = MASK
        elif u < 0.9:
            token = int(random_tokens[place])
        read.append(token)
    return np.array(read), np.array(labels)


def masked_loss(logits, labels):
    log_p = ops.log_softmax(logits, axis=-1)
    right = ops.one_hot(labels, ops.shape(logits)[-1]) * ops.cast(
        labels[..., None] > 0, log_p.dtype
    )
    return -ops.sum(right * log_p) / ops.maximum(1.0, ops.sum(right))


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
