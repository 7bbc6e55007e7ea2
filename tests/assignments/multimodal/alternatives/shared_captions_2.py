"""logsumexp written out, TensorFlow's functions, loops over labels."""

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops

from modules.multimodal.clip import CLIP


def scores(images, texts, log_scale):
    images = images / tf.sqrt(tf.reduce_sum(tf.square(images), 1, keepdims=True))
    texts = texts / tf.sqrt(tf.reduce_sum(tf.square(texts), 1, keepdims=True))
    scale = tf.clip_by_value(tf.exp(log_scale), 0.0, 100.0)
    return scale * tf.linalg.matmul(images, texts, transpose_b=True)


def loss(s, image_labels, text_labels):
    fits = ops.equal(ops.expand_dims(image_labels, 1), ops.expand_dims(text_labels, 0))
    total = 0.0
    for axis in (1, 0):
        most = ops.max(s, axis=axis, keepdims=True)
        log_sum = ops.log(ops.sum(ops.exp(s - most), axis=axis, keepdims=True)) + most
        costs = ops.where(fits, log_sum - s, 0.0)
        count = ops.cast(ops.count_nonzero(fits, axis=axis), s.dtype)
        total = total + ops.mean(ops.sum(costs, axis=axis) / count) / 2
    return total


def class_vectors(prompts):
    found = []
    for sentences in np.asarray(prompts):
        sentences = sentences / np.linalg.norm(sentences, axis=1)[:, None]
        mean = sentences.mean(axis=0)
        found.append(mean / np.linalg.norm(mean))
    return np.stack(found)


def recall(s, image_labels, text_labels, k):
    s, image_labels, text_labels = map(np.asarray, (s, image_labels, text_labels))
    rank = (-s).argsort(axis=1).argsort(axis=1)
    return np.mean(((rank < k) & (image_labels[:, None] == text_labels)).any(axis=1))


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
