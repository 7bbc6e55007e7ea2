"""Squeeze-and-excitation's gates by class: alike in early blocks, not in late ones.

A small SE-ResNet learns digits of 8x8 pixels. Then every test image is sent through
it, and the gates of the first and of the last block are averaged over the images of
each class. A column of the figure is a channel, a row is a class.

Paper: Hu, Shen and Sun, "Squeeze-and-Excitation Networks", CVPR 2018 (the role of
       excitation)
"""

from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from course.bar import Bar
from course.data.load import load
from course.figures import panels, save, table
from modules.vision.classification.residual import residual_block
from modules.vision.classification.residual_parts import (
    Conv,
    basic,
    classifier,
    conv,
    norm_relu,
    units,
)
from modules.vision.classification.squeeze_excite import SqueezeExcite

FIGURE = Path(__file__).parents[1] / "figures" / "excitation_gates.png"
EPOCHS = 8


def network():
    """Return an SE-ResNet of three stages with two basic blocks each."""
    inputs = keras.Input((8, 8, 1))
    x = norm_relu(conv(inputs, Conv(16, 3), "stem"), "stem")
    for convs, name in units(basic, filters=(16, 32, 64), blocks=(2, 2, 2)):
        gate = SqueezeExcite(ratio=4, name=f"{name}_gate")
        x = residual_block(x, convs, gate=gate, name=name)
    return classifier(inputs, x, num_classes=10, name="se_resnet")


def gates(model, name, x):
    """Return the gates that a squeeze-and-excitation layer gives each image: (B, C)."""
    layer = model.get_layer(name)
    means = keras.Model(model.input, ops.mean(layer.input, axis=(1, 2)))(x)
    return np.asarray(layer.expand(layer.reduce(means)))


def by_class(values, labels):
    """Return the mean of values over the examples of each class: (10, C)."""
    return np.stack([values[labels == k].mean(axis=0) for k in range(10)])


def spread(means):
    """Return how much a channel's gate differs between classes, averaged, in %."""
    return 100 * (means.std(axis=0) / means.mean(axis=0)).mean()


def data(split):
    x, y = load("course_digits", split, as_supervised=True, batch_size=-1)
    return np.asarray(x, "float32") / 255, np.asarray(y)


def draw(found, out):
    figure, [axes] = panels(1, 2, size=(5.2, 3.6))
    for axis, (name, means) in zip(axes, found.items(), strict=True):
        title = f"{name} block: {spread(means):.0f} % spread between classes"
        names = (range(10), [], "channel", "digit", title)
        table(axis, means, *names, vmin=0, vmax=1)
    save(figure, out)


def main(out=FIGURE):
    tf.config.experimental.enable_op_determinism()
    keras.utils.set_random_seed(0)
    x, y = data("train")
    model = network()
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(2e-3), loss, metrics=["accuracy"])
    model.fit(x, y, 64, EPOCHS, verbose=0, callbacks=[Bar(EPOCHS)])
    x, y = data("test")
    accuracy = model.evaluate(x, y, verbose=0)[1]
    blocks = {"first": "stage1_block1_gate", "last": "stage3_block2_gate"}
    found = {k: by_class(gates(model, name, x), y) for k, name in blocks.items()}
    print(f"accuracy on unseen digits: {100 * accuracy:.1f} %")
    for name, means in found.items():
        print(f"{name} block: gates differ between classes by {spread(means):.1f} %")
    draw(found, out)


if __name__ == "__main__":
    main()
