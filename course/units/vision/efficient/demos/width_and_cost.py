"""What accuracy costs: convolutions whole and in two halves, at four widths.

A small MobileNet learns digits at the widths 1/4, 1/2, 3/4 and 1, and so does a network
of the same shape in which every separable block is one ordinary 3x3 convolution. The
figure has the error on unseen digits against multiply-adds, one run for each.

Paper: Howard et al., "MobileNets", 2017 (sections 3.3 and 4, figure 4)
"""

from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from course.bar import Bar
from course.data.load import load
from course.figures import BLUE, ORANGE, panels, save
from modules.vision.classification.residual_parts import Conv, classifier
from modules.vision.efficient.depthwise_separable import separable_block
from modules.vision.efficient.multiply_adds import multiply_adds
from modules.vision.efficient.separable_parts import conv, norm_relu6

FIGURE = Path(__file__).parents[1] / "figures" / "width_and_cost.png"
WIDTHS, EPOCHS = (0.25, 0.5, 0.75, 1.0), 6
BLOCKS = ((32, 1), (64, 2), (64, 1))  # filters, strides


def network(alpha, separable):
    inputs = keras.Input((8, 8, 1))
    x = norm_relu6(conv(inputs, Conv(int(32 * alpha), 3), "stem"), "stem")
    for i, (filters, strides) in enumerate(BLOCKS, 1):
        filters, name = int(filters * alpha), f"block{i}"
        if separable:
            x = separable_block(x, filters, strides, name)
        else:
            x = norm_relu6(conv(x, Conv(filters, 3, strides), name), name)
    return classifier(inputs, x, 10, "digits")


def data(split):
    x, y = load("course_digits", split, as_supervised=True, batch_size=-1)
    return np.asarray(x, "float32") / 255, np.asarray(y)


def train(alpha, separable, learned, unseen, bar):
    """Return the multiply-adds of a network, its weights, and its error in %."""
    keras.utils.set_random_seed(0)
    model = network(alpha, separable)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(0.005), loss, jit_compile=False)
    model.fit(*learned, 64, EPOCHS, verbose=0, callbacks=[bar])
    x, y = unseen
    error = 100 * (np.asarray(model(x)).argmax(axis=1) != y).mean()
    return multiply_adds(model), model.count_params(), error


def main(out=FIGURE):
    tf.config.experimental.enable_op_determinism()
    learned, unseen = data("train"), data("test")
    bar = Bar(2 * len(WIDTHS) * EPOCHS)
    figure, [[axis]] = panels(1, 1, size=(5.4, 3.8))
    kinds = {"whole": (False, ORANGE, "s--"), "separable": (True, BLUE, "o-")}
    for name, (separable, colour, look) in kinds.items():
        found = []
        for alpha in WIDTHS:
            cost, weights, error = train(alpha, separable, learned, unseen, bar)
            found.append((cost, error))
            print(
                f"{name}, width {alpha:g}: {cost:,} multiply-adds, "
                f"{weights:,} weights, error {error:.1f} %"
            )
        axis.plot(*np.transpose(found), look, color=colour, label=name)
        for (cost, error), alpha in zip(found, WIDTHS, strict=True):
            offset = (6, 4) if separable else (-6, -16)
            place = {"xytext": offset, "textcoords": "offset points"}
            axis.annotate(f"{alpha:g}", (cost, error), color=colour, **place)
    axis.set(
        xscale="log", yscale="log", ylim=(0.2, 30), xlabel="multiply-adds for one digit"
    )
    axis.set(ylabel="error on unseen digits, %", title="width and cost")
    axis.legend()
    save(figure, out)


if __name__ == "__main__":
    main()
