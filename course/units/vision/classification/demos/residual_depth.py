"""Degradation: deeper plain networks train worse, deeper residual networks do not.

Plain and residual networks of growing depth learn the same small digits, with the
same convolutions, batch normalization, optimizer and number of epochs; only the
shortcut differs, and it has no weights. All errors are on the TRAINING set: this is
not overfitting. Five epochs show how fast each trains, as in the first part of the
curves of the paper's figures 4 and 6, not where it ends.

Paper: He, Zhang, Ren and Sun, "Deep Residual Learning for Image Recognition",
       CVPR 2016 (section 4.2, figure 6)
"""

from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from course.bar import Bar
from course.data.load import load
from course.figures import curves, panels, save
from modules.vision.classification.residual import residual_block
from modules.vision.classification.residual_parts import (
    Conv,
    basic,
    classifier,
    conv,
    norm_relu,
    units,
)

FIGURE = Path(__file__).parents[1] / "figures" / "residual_depth.png"
DEPTHS = (6, 10, 18, 26)  # 4n + 2: a stem, two stages of n blocks, a classifier
EPOCHS = 5


def plain_block(x, convs, name):
    """Return F(x): the convolutions of a residual block without its shortcut."""
    for i, spec in enumerate(convs, 1):
        x = norm_relu(conv(x, spec, f"{name}_conv{i}"), f"{name}_{i}")
    return x


def residual(x, convs, name):
    return residual_block(x, convs, shortcut="A", name=name)


def network(block, depth):
    """Return a network of that many layers with weights, for images of 8x8 pixels."""
    n = (depth - 2) // 4
    inputs = keras.Input((8, 8, 1))
    x = norm_relu(conv(inputs, Conv(8, 3), "stem"), "stem")
    for convs, name in units(basic, filters=(8, 16), blocks=(n, n)):
        x = block(x, convs, name=name)
    return classifier(inputs, x, num_classes=10, name=f"{block.__name__}_{depth}")


def train(block, depth, x, y, bar):
    """Return the training loss of every epoch and the error in the last, in %."""
    keras.utils.set_random_seed(0)
    model = network(block, depth)
    model.compile(
        keras.optimizers.SGD(0.05, momentum=0.9),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    history = model.fit(x, y, 64, EPOCHS, verbose=0, callbacks=[bar]).history
    error = 100 * (1 - history["accuracy"][-1])
    print(f"{model.name}: {error:.1f} % training error in epoch {EPOCHS}", flush=True)
    return history["loss"], error


def draw(losses, errors, out):
    figure, [[left, right]] = panels(1, 2)
    title = "Deeper plain networks train worse"
    curves(left, DEPTHS, errors, "layers", "training error (%)", title)
    left.set_xticks(DEPTHS)
    left.set_ylim(bottom=0)
    title = f"Both with {DEPTHS[-1]} layers"
    curves(right, np.arange(1, EPOCHS + 1), losses, "epoch", "training loss", title)
    right.set_ylim(bottom=0)
    save(figure, out)


def main(out=FIGURE):
    tf.config.experimental.enable_op_determinism()
    x, y = load("course_digits", "train", as_supervised=True, batch_size=-1)
    x, y = np.asarray(x, "float32") / 255, np.asarray(y)
    losses, errors, bar = {}, {}, Bar(2 * len(DEPTHS) * EPOCHS)
    for name, block in [("plain", plain_block), ("residual", residual)]:
        runs = [train(block, depth, x, y, bar) for depth in DEPTHS]
        losses[name] = runs[-1][0]
        errors[name] = [error for _, error in runs]
    for name, values in errors.items():
        said = " ".join(f"{e:.1f}" for e in values)
        print(f"training error in %, {name}, {DEPTHS} layers: {said}")
    draw(losses, errors, out)


if __name__ == "__main__":
    main()
