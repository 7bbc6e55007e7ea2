"""TensorFlow for the gradients, sorted NumPy arrays for the rest."""

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops

from modules.detection.non_maximum_suppression import non_maximum_suppression


def areas(boxes1, boxes2):
    a = tf.expand_dims(tf.convert_to_tensor(boxes1), 1)
    b = tf.expand_dims(tf.convert_to_tensor(boxes2), 0)
    low, high = tf.maximum(a[..., :2], b[..., :2]), tf.minimum(a[..., 2:], b[..., 2:])
    shared = tf.reduce_prod(tf.nn.relu(high - low), -1)
    low, high = tf.minimum(a[..., :2], b[..., :2]), tf.maximum(a[..., 2:], b[..., 2:])
    either = tf.reduce_prod(a[..., 2:] - a[..., :2], -1)
    either += tf.reduce_prod(b[..., 2:] - b[..., :2], -1)
    return shared, either - shared, tf.reduce_prod(high - low, -1)


def generalized_iou(boxes1, boxes2):
    shared, either, hull = areas(boxes1, boxes2)
    return tf.math.divide(shared, either) - tf.math.divide(hull - either, hull)


def soft_suppress(overlaps, scores, classes, sigma):
    alike = np.asarray(classes)[:, None] == np.asarray(classes)
    factors = np.exp(-(np.asarray(overlaps) ** 2) * alike / float(sigma))
    scores, final = np.array(scores), np.zeros(len(factors), "float32")
    for _ in factors:
        best = np.nanargmax(scores)
        final[best], scores[best] = scores[best], np.nan
        scores = scores * factors[best]
    return final


def found(scores, overlaps, threshold):
    overlaps, hits = np.array(overlaps), np.zeros(len(scores), "bool")
    for i in np.argsort(np.asarray(scores))[::-1]:
        most = np.argmax(overlaps[i])
        if overlaps[i, most] >= threshold:
            hits[i] = True
            overlaps[:, most] = -np.inf
    return hits


def average_precision(scores, hits, truths):
    right = np.asarray(hits)[np.argsort(np.asarray(scores))[::-1]].cumsum()
    recall = np.concatenate([[0], right / truths])
    precision = right / (1 + np.arange(len(right)))
    area = 0
    for i, value in enumerate(precision):
        area += (recall[i + 1] - recall[i]) * max(value, *precision[i:])
    return area


def crowd(scores, boxes, objects, sigma):
    intersection, union, _ = areas(boxes, objects)
    overlaps = ops.convert_to_numpy(intersection / union)
    intersection, union, _ = areas(boxes, boxes)
    one_class = ops.zeros(len(boxes), "int32")
    soft = soft_suppress(intersection / union, scores, one_class, sigma)
    kept = non_maximum_suppression(
        boxes, scores, max_output=len(boxes), iou_threshold=0.3
    )
    scores, soft, kept = (ops.convert_to_numpy(a) for a in (scores, soft, kept))
    kept = kept[kept >= 0]
    runs = {
        "raw": (scores, overlaps),
        "hard": (scores[kept], overlaps[kept]),
        "soft": (soft, overlaps),
    }
    return {
        name: average_precision(sure, found(sure, table, 0.5), len(objects))
        for name, (sure, table) in runs.items()
    }


def apart(y, boxes):
    return 1 - ops.diagonal(generalized_iou(boxes, y))


def regressor(count):
    start = keras.initializers.Constant([0.0, 0.0, 0.1, 0.1])
    inputs = keras.Input((1,), dtype="int32")
    boxes = layers.Embedding(count, 4, embeddings_initializer=start)(inputs)
    model = keras.Model(inputs, layers.Flatten()(boxes))
    model.compile(keras.optimizers.Adam(0.05), apart, run_eagerly=True)
    return model
