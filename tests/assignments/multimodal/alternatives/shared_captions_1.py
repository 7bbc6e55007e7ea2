"""Plain sums and cross-entropy with soft targets; NumPy where no gradient is needed."""

import keras
import numpy as np
from keras import layers, ops

from modules.multimodal.clip import CLIP


def unit(x):
    return x * ops.rsqrt(ops.sum(x * x, axis=-1, keepdims=True))


def scores(images, texts, log_scale):
    cosines = ops.einsum("nd,md->nm", unit(images), unit(texts))
    return cosines * ops.exp(ops.minimum(log_scale, float(np.log(100.0))))


def choice(s, fits):
    """Return the cross-entropy of each row with uniform targets over what fits."""
    targets = fits / ops.sum(fits, axis=-1, keepdims=True)
    return ops.categorical_crossentropy(targets, s, from_logits=True)


def loss(s, image_labels, text_labels):
    fits = ops.cast(image_labels[:, None] == text_labels[None, :], "float32")
    first = choice(s, fits)
    second = choice(ops.transpose(s), ops.transpose(fits))
    return 0.5 * ops.mean(first) + 0.5 * ops.mean(second)


def class_vectors(prompts):
    return unit(ops.sum(unit(prompts), axis=1))


def recall(s, image_labels, text_labels, k):
    s, image_labels, text_labels = map(np.asarray, (s, image_labels, text_labels))
    hits = 0
    for row, label in zip(s, image_labels, strict=True):
        best = np.argsort(-row)[:k]
        hits += label in text_labels[best]
    return hits / len(s)


class Matcher(CLIP):
    def scores(self, images, texts):
        return scores(images, texts, self.log_scale)

    def compute_loss(
        self, x=None, y=None, y_pred=None, sample_weight=None, training=True
    ):
        image_labels, text_labels = (ops.reshape(labels, (-1,)) for labels in y)
        return loss(y_pred, image_labels, text_labels)


def matcher(side, words, length):
    keras.utils.set_random_seed(0)
    x = keras.Input((side, side, 3))
    images = keras.Model(x, layers.Dense(32, "relu")(layers.Flatten()(x)))
    t = keras.Input((length,), dtype="int32")
    v = layers.Embedding(words, 32)(t)
    texts = keras.Model(t, layers.GlobalAveragePooling1D()(v))
    model = Matcher(images, texts, dim=16)
    model.compile(keras.optimizers.Adam(0.01))
    return model
