"""Batch normalization keeps activations alive through depth, and the network learns.

Two networks of twelve convolutions differ in one thing: behind each convolution stands
a batch normalization, or not. Their weights start too small by half. The first figures
show the values that enter the ReLUs, layer by layer, before any training; the last one
how the training loss falls.

Paper: Ioffe and Szegedy, "Batch Normalization: Accelerating Deep Network Training by
       Reducing Internal Covariate Shift", ICML 2015 (section 4.1, figure 1)
"""

from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from course.bar import Bar
from course.data.load import load
from course.figures import bands, curves, panels, save
from modules.vision.classification.batch_norm import BatchNorm

FIGURE = Path(__file__).parents[1] / "figures" / "batch_norm_activations.png"
DEPTH, FILTERS, EPOCHS = 12, 16, 6
SHARE = 0.5  # of the standard deviation that keeps activations in scale


def network(normalized):
    """Return (classifier, model of the values that enter each ReLU)."""
    small = keras.initializers.VarianceScaling(2 * SHARE**2)
    x = inputs = keras.Input((8, 8, 1))
    entering = []
    for _ in range(DEPTH):
        x = layers.Conv2D(FILTERS, 3, padding="same", kernel_initializer=small)(x)
        x = BatchNorm(momentum=0.9)(x) if normalized else x
        entering.append(x)
        x = layers.ReLU()(x)
    logits = layers.Dense(10)(layers.GlobalAveragePooling2D()(x))
    return keras.Model(inputs, logits), keras.Model(inputs, entering)


def spreads(probe, x):
    """Return the 5, 25, 50, 75, 95 % quantiles of each layer's values: (5, DEPTH)."""
    layers_of_values = probe(x, training=True)  # statistics of this very batch
    levels = (5, 25, 50, 75, 95)
    return np.stack([np.percentile(v, levels) for v in layers_of_values], axis=1)


def run(normalized, x, y, bar):
    """Return the quantiles before training, and the loss of each epoch."""
    keras.utils.set_random_seed(0)
    model, probe = network(normalized)
    before = spreads(probe, x[:256])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.SGD(0.1, momentum=0.9), loss)
    history = model.fit(x, y, 64, EPOCHS, verbose=0, callbacks=[bar]).history
    return before, history["loss"]


def draw(found, out):
    figure, [axes] = panels(1, 3, size=(4.0, 3.6))
    depth = np.arange(1, DEPTH + 1)
    for axis, (name, (quantiles, _)) in zip(axes, found.items(), strict=False):
        bands(axis, depth, quantiles, "layer", "value entering the ReLU", name)
        axis.set_ylim(-3.2, 3.2)
        axis.legend(loc="upper right")
    losses = {name: losses for name, (_, losses) in found.items()}
    epochs = np.arange(1, EPOCHS + 1)
    curves(axes[-1], epochs, losses, "epoch", "training loss", "training")
    axes[-1].set_ylim(bottom=0)
    save(figure, out)


def main(out=FIGURE):
    tf.config.experimental.enable_op_determinism()
    x, y = load("course_digits", "train", as_supervised=True, batch_size=-1)
    x, y = np.asarray(x, "float32") / 255 - 0.5, np.asarray(y)
    found, bar = {}, Bar(2 * EPOCHS)
    for name, normalized in {"without": False, "with": True}.items():
        name = f"{name} batch normalization"
        quantiles, losses = found[name] = run(normalized, x, y, bar)
        width = quantiles[4] - quantiles[0]  # 5 to 95 %
        print(
            f"{name}: 90 % of the values span {width[0]:.2g} in layer 1 and "
            f"{width[-1]:.2g} in layer {DEPTH}; the loss ends at {losses[-1]:.2f}"
        )
    draw(found, out)


if __name__ == "__main__":
    main()
