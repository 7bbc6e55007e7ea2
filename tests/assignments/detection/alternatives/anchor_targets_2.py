"""TensorFlow throughout; the loss over the rows that count."""

import keras
import tensorflow as tf
from keras import layers, ops

from modules.detection.boxes import convert, iou

STRIDE = 8
SCALES, RATIOS = (12.0, 24.0), (0.5, 1.0, 2.0)


def anchors(height, width, stride, scales, ratios):
    scale = tf.repeat(tf.constant([float(s) for s in scales]), len(ratios))
    root = tf.sqrt(tf.tile(tf.constant([float(r) for r in ratios]), [len(scales)]))
    x = (tf.range(float(width)) + 0.5)[None, :, None] * stride
    y = (tf.range(float(height)) + 0.5)[:, None, None] * stride
    zero = tf.zeros([height, width, len(scale)])
    return tf.stack([zero + x, zero + y, zero + scale / root, zero + scale * root], -1)


def encode(boxes, anchors):
    (place, size), (place_a, size_a) = tf.split(boxes, 2, -1), tf.split(anchors, 2, -1)
    return tf.concat([(place - place_a) / size_a, tf.math.log(size / size_a)], -1)


def decode(deltas, anchors):
    shift, grow = tf.split(deltas, 2, -1)
    place, size = tf.split(anchors, 2, -1)
    return tf.concat([place + shift * size, size * tf.exp(grow)], -1)


def label(overlaps, high, low):
    most = tf.reduce_max(overlaps, 1)
    labels = tf.cast(most >= high, tf.int32) - tf.cast(
        (most >= low) & (most < high), tf.int32
    )
    objects = tf.argmax(overlaps, 1, tf.int32)
    best = tf.argmax(overlaps, 0, tf.int32)[:, None]
    labels = tf.tensor_scatter_nd_update(labels, best, tf.ones(len(best), tf.int32))
    objects = tf.tensor_scatter_nd_update(objects, best, tf.range(len(best)))
    return labels, objects


def loss(logits, deltas, labels, targets):
    counted, positive = labels >= 0, labels == 1
    truth = tf.cast(labels[counted] == 1, tf.float32)
    logs = tf.nn.sigmoid_cross_entropy_with_logits(truth, logits[counted])
    e = tf.abs(tf.boolean_mask(deltas, positive) - tf.boolean_mask(targets, positive))
    smooth = tf.where(e < 1, e * e / 2, e - 0.5)
    count = tf.maximum(tf.reduce_sum(tf.cast(counted, tf.float32)), 1)
    return (tf.reduce_sum(logs) + tf.reduce_sum(smooth)) / count


def prepare(boxes, height, width):
    """Return what a network is to say of one image, from your functions; given.

    Args:
        boxes: (N, 4) float: x, y, w, h of its objects.
        height, width: int, of the map.

    Returns:
        (A, 5) float: label and t_x, t_y, t_w, t_h of every anchor.
    """
    grid = ops.reshape(anchors(height, width, STRIDE, SCALES, RATIOS), (-1, 4))
    corners = [convert(b, "center_xywh") for b in (grid, boxes)]
    labels, objects = label(iou(*corners), 0.6, 0.3)
    targets = encode(ops.take(boxes, objects, axis=0), grid)
    labels = ops.cast(labels, "float32")[:, None]
    return ops.concatenate([labels, targets], axis=-1)


def cost(y, answers):
    """Return your loss of a batch of answers, (B, A, 5); given: a loss for Keras."""
    y, answers = ops.reshape(y, (-1, 5)), ops.reshape(answers, (-1, 5))
    labels = ops.cast(y[:, 0], "int32")
    return loss(answers[:, 0], answers[:, 1:], labels, y[:, 1:])


def network(channels):
    """Return a small region proposal network with your loss; given."""
    x = images = keras.Input((None, None, channels))
    for filters in (16, 32, 32):  # strides 2, 4, 8
        x = layers.Conv2D(filters, 3, 2, padding="same", activation="relu")(x)
    x = layers.Conv2D(len(SCALES) * len(RATIOS) * 5, 3, padding="same")(x)
    model = keras.Model(images, layers.Reshape((-1, 5))(x), name="proposer")
    model.compile(keras.optimizers.Adam(0.01), cost, run_eagerly=True)
    return model
