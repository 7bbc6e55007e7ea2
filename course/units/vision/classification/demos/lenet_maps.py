"""LeNet-5 learns to read digits: what its first filters are, and what they let through.

LeNet-5 is trained for a few epochs on 4,000 real digits of MNIST, in a frame of two
pixels as in the paper. The figure shows an unseen digit in each row, and beside it the
six maps of C1, whose filters stand above them.

Paper: LeCun et al., "Gradient-Based Learning Applied to Document Recognition", 1998
       (section II.B, figure 2)
"""

from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from course.bar import Bar
from course.data.load import load
from course.figures import image, panels, save
from modules.vision.classification.lenet import lenet5

FIGURE = Path(__file__).parents[1] / "figures" / "lenet_maps.png"
EPOCHS = 6
DIGITS = (7, 2, 4)


def digits(split):
    """Return images in a frame of two pixels, from -0.1 to 1.175, and labels."""
    x, y = load("course_mnist5k", split, as_supervised=True, batch_size=-1)
    x = np.pad(np.asarray(x), [(0, 0), (2, 2), (2, 2), (0, 0)])
    return x / 255 * 1.275 - 0.1, np.asarray(y)  # the paper's: mean 0, variance 1


def draw(model, x, out):
    kernels = model.get_layer("C1").kernel.numpy()  # (5, 5, 1, 6)
    maps = keras.Model(model.input, model.get_layer("C1").output)(x).numpy()
    figure, axes = panels(1 + len(x), 7, size=(1.05, 1.05))
    image(axes[0, 0], np.ones((5, 5)))
    most = np.abs(kernels).max()
    for c in range(6):
        image(axes[0, c + 1], kernels[..., 0, c], low=-most, high=most)
        for row in range(len(x)):
            image(axes[row + 1, c + 1], maps[row, ..., c], low=-1, high=1)
    for row in range(len(x)):
        image(axes[row + 1, 0], x[row], low=-0.1, high=1.175)
    names = ("filters", *("maps" for _ in x))
    for line, name in zip(axes, names, strict=True):
        line[0].set_ylabel(name, rotation=0, ha="right", va="center", labelpad=8)
    save(figure, out)


def main(out=FIGURE):
    tf.config.experimental.enable_op_determinism()
    keras.utils.set_random_seed(0)
    (x, y), (x_test, y_test) = digits("train"), digits("test")
    model = lenet5()
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.SGD(0.02, momentum=0.9), loss, metrics=["accuracy"])
    model.fit(x, y, 32, EPOCHS, verbose=0, callbacks=[Bar(EPOCHS)])
    _, accuracy = model.evaluate(x_test, y_test, 250, verbose=0)
    print(
        f"LeNet-5 of {model.count_params():,} weights, {EPOCHS} epochs: "
        f"{100 * (1 - accuracy):.1f} % errors on 1,000 unseen digits"
    )
    first = [int(np.flatnonzero(y_test == digit)[0]) for digit in DIGITS]
    draw(model, x_test[first], out)


if __name__ == "__main__":
    main()
