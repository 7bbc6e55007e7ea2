"""Span masking with keras.ops and TensorFlow: cumulative sums, gathers, segments."""

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops

from modules.nlp.language_models.bert import Bert

CLS, SEP, MASK = 1, 2, 3


def length_law(p, longest):
    lengths = ops.arange(1, longest + 1, dtype="float32")
    return ops.softmax(lengths * ops.log(1 - ops.cast(p, "float32")))


def draw_lengths(law, noise):
    edges = tf.cumsum(tf.cast(law, tf.float32))[:-1]
    return 1 + tf.searchsorted(edges, tf.cast(noise, tf.float32), side="right")


def token_budget(words, rate):
    tokens = int(ops.sum(ops.cast(ops.greater_equal(words, 0), "int32")))
    return 0 if tokens == 0 else max(1, int(np.floor(tokens * float(rate) + 1e-6)))


def choose_spans(words, starts, lengths, budget):
    words = tf.cast(words, tf.int32)
    count = tf.reduce_max(words) + 1
    size = tf.math.unsorted_segment_sum(tf.ones_like(words), words, count)
    owner = -np.ones(int(count), int)
    sums = np.concatenate([[0], np.cumsum(size.numpy())])
    used, number = 0, 0
    for start, length in zip(np.array(starts), np.array(lengths), strict=True):
        end = start + length
        if end < len(sums) and owner[start:end].max() < 0:
            cost = sums[end] - sums[start]
            if used + cost <= int(budget):
                owner[start:end], used, number = number, used + cost, number + 1
    found = ops.take(ops.array(owner), ops.maximum(words, 0))
    return ops.where(words >= 0, ops.cast(found, "int32"), -1)


def corrupt(tokens, spans, noise, random_tokens):
    tokens, spans = ops.cast(tokens, "int32"), ops.cast(spans, "int32")
    inside = spans >= 0
    u = ops.where(inside, ops.take(noise, ops.maximum(spans, 0)), 1.0)
    read = ops.where(u < 0.9, ops.cast(random_tokens, "int32"), tokens)
    read = ops.where(u < 0.8, MASK, read)
    return read, ops.cast(inside, "int32") * tokens


def masked_loss(logits, labels):
    places = tf.where(tf.not_equal(labels, 0))
    z, y = tf.gather_nd(logits, places), tf.gather_nd(labels, places)
    losses = tf.nn.sparse_softmax_cross_entropy_with_logits(y, z)
    return tf.math.divide_no_nan(tf.reduce_sum(losses), tf.cast(tf.size(y), z.dtype))


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
