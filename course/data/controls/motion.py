"""course_motion: no frame tells the class, nor do all without order; motion does."""

import keras
import numpy as np
from keras import layers
from sklearn.ensemble import RandomForestClassifier

from course.data.load import load

FRAME = "middle frame alone, CNN, accuracy in % (chance 12.5)"
BAG = "all frames without their order, CNN and mean, accuracy in % (chance 12.5)"
FORM = "how much rows and columns vary, whatever the order, accuracy in % (best 50)"
MOTION = "3-D convolutions, accuracy in % (chance 12.5)"
BOUNDS = {FRAME: (6, 20), BAG: (8, 24), FORM: (30, 50), MOTION: (65, 100)}


def data(split):
    """Return videos, (N, 8, 32, 32, 1) float, grey and centred, and labels (N,)."""
    examples = load("course_motion", split, batch_size=-1)
    grey = np.asarray(examples["video"], "float32").mean(axis=-1, keepdims=True) / 255
    return grey - grey.mean(axis=(1, 2, 3, 4), keepdims=True), examples["label"]


def frame_network(frames):
    """Return a network that looks at frames one by one and averages what it sees."""
    x = inputs = keras.Input((frames, 32, 32, 1))
    for filters in (16, 32, 32):
        # a kernel of one frame: no frame sees another
        x = layers.Conv3D(filters, (1, 3, 3), (1, 2, 2), "same", activation="relu")(x)
    x = layers.Dense(32, activation="relu")(layers.Reshape((frames, -1))(x))
    return keras.Model(inputs, layers.Dense(8)(layers.GlobalAveragePooling1D()(x)))


def motion_network():
    x = inputs = keras.Input((8, 32, 32, 1))
    for filters, strides in ((16, (1, 2, 2)), (32, (1, 2, 2)), (32, 2)):
        x = layers.Conv3D(filters, 3, strides, "same", use_bias=False)(x)
        x = layers.ReLU()(layers.BatchNormalization(momentum=0.8)(x))
    x = layers.Dense(64, activation="relu")(layers.Flatten()(x))
    return keras.Model(inputs, layers.Dense(8)(x))


def form(x):
    """Return (N, F): how far brightness varies in time, along x and along y.

    The order of frames is lost: left and right give the same. What is left of the
    eight classes is four pairs of twins.
    """
    change = np.abs(x - x.mean(axis=1, keepdims=True))[..., 0].mean(axis=1)  # (N, H, W)
    profiles = [x[..., 0].mean(axis=axis).std(axis=1) for axis in (2, 3)]  # (N, 32)
    sums = [np.sort(p, axis=1)[:, ::4] for p in profiles]
    total = change.mean(axis=(1, 2))[:, None]
    ratio = [p.sum(axis=1, keepdims=True) / total for p in profiles]
    return np.concatenate([*sums, *ratio, total], axis=1)


def by_form(train, test):
    forest = RandomForestClassifier(200, min_samples_leaf=3, random_state=0)
    forest.fit(form(train[0]), train[1])
    return 100 * forest.score(form(test[0]), test[1])


def accuracy(model, train, test, epochs):
    """Train, and return the accuracy on unseen clips in %."""
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(2e-3), loss, metrics=["accuracy"])
    model.fit(*train, batch_size=64, epochs=epochs, verbose=0)
    return 100 * model.evaluate(*test, verbose=0)[1]


def measure():
    train, test = data("train"), data("test")
    middle = [(x[:, 3:4], y) for x, y in (train, test)]
    return {
        FRAME: accuracy(frame_network(1), *middle, epochs=6),
        BAG: accuracy(frame_network(8), train, test, epochs=3),
        FORM: by_form(train, test),
        MOTION: accuracy(motion_network(), train, test, epochs=10),
    }
