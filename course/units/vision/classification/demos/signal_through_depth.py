"""First weights decide whether a signal reaches layer 30, and whether a network learns.

A ReLU network of thirty dense layers starts from three variances of its weights:
Xavier's 1/n, He's 2/n, and 3/n. Left: the second moment of the activations behind each
layer, before any training, as the mean over twenty networks. Right: how the training
loss of such a network falls on small digits, with the first two.

Paper: He, Zhang, Ren and Sun, "Delving Deep into Rectifiers", ICCV 2015 (section 2.2,
       figure 3)
"""

from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from course.bar import Bar
from course.data.load import load
from course.figures import curves, panels, save
from modules.vision.classification.he_initialization import gain

FIGURE = Path(__file__).parents[1] / "figures" / "signal_through_depth.png"
DEPTH, WIDTH, NETWORKS, EPOCHS = 30, 256, 20, 6
VARIANCES = {"Xavier, 1/n": 1, "He, 2/n": 2, "too large, 3/n": 3}  # times n


def moments():
    """Return the second moment behind each layer over that of the input, by name.

    A factor of the weights is a factor of what a ReLU network gives, so that one run
    with variance 1/n tells all.
    """
    found = np.zeros((NETWORKS, DEPTH))
    for network in range(NETWORKS):
        rng = np.random.default_rng(network)
        start = x = rng.standard_normal((8, WIDTH), "float32")
        for layer in range(DEPTH):
            w = rng.standard_normal((WIDTH, WIDTH), "float32") / WIDTH**0.5
            x = np.maximum(x @ w, 0)
            found[network, layer] = np.mean(x**2) / np.mean(start**2)
    layers_before = np.arange(1, DEPTH + 1)
    return {
        name: found.mean(axis=0) * float(share) ** layers_before
        for name, share in VARIANCES.items()
    }


def losses(share, x, y, bar):
    """Return the training loss of each epoch."""
    keras.utils.set_random_seed(0)
    start = keras.initializers.VarianceScaling(share, distribution="normal")
    h = inputs = keras.Input((64,))
    for _ in range(DEPTH - 1):
        h = layers.Dense(64, "relu", kernel_initializer=start)(h)
    model = keras.Model(inputs, layers.Dense(10, kernel_initializer=start)(h))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.SGD(0.01, momentum=0.9), loss)
    return model.fit(x, y, 64, EPOCHS, verbose=0, callbacks=[bar]).history["loss"]


def main(out=FIGURE):
    tf.config.experimental.enable_op_determinism()
    x, y = load("course_digits", "train", as_supervised=True, batch_size=-1)
    x, y = np.reshape(x, (-1, 64)) / 255.0, np.asarray(y)
    x = (x - x.mean()) / x.std()  # second moment 1
    signals, fits, bar = moments(), {}, Bar(2 * EPOCHS)
    for name, share in VARIANCES.items():
        print(
            f"{name}: gain {gain(share / WIDTH, WIDTH):.1f} a layer, second moment x "
            f"{signals[name][-1]:.2g} behind layer {DEPTH}"
        )
    for name in list(VARIANCES)[:2]:  # with the third the loss is no number
        fits[name] = losses(VARIANCES[name], x, y, bar)
        print(f"{name}: the loss ends at {fits[name][-1]:.2f}")
    figure, [[left, right]] = panels(1, 2)
    depth = np.arange(1, DEPTH + 1)
    curves(left, depth, signals, "layer", "second moment", "before training", log=True)
    epochs = np.arange(1, EPOCHS + 1)
    curves(right, epochs, fits, "epoch", "training loss", "training")
    save(figure, out)


if __name__ == "__main__":
    main()
