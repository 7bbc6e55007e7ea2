"""Receptive field: how far seven convolutions see, plain, dilated, and with holes.

The context module with its rates 1, 1, 2, 4, 8, 16, 1; the same seven convolutions
without dilation; and with a rate of 8 throughout. All have the same number of weights,
drawn at random. The figure shows how much one value in the middle changes with each
place of the input: the size of the gradient, a mean over 20 draws.

Paper: Yu and Koltun, "Multi-Scale Context Aggregation by Dilated Convolutions",
       ICLR 2016
"""

from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from course.bar import Bar
from course.figures import panels, save
from modules.vision.segmentation.dilated_context import (
    RATES,
    context_module,
    receptive_fields,
)

FIGURE = Path(__file__).parents[1] / "figures" / "receptive_field.png"
CASES = {"plain": (1,) * 7, "dilated": RATES, "equal rates of 8": (8,) * 7}
SIDE, CHANNELS, DRAWS = 121, 4, 20
MIDDLE = SIDE // 2


def slopes(rates, seed):
    """Return |d y_middle / d x| at every place, (SIDE, SIDE), for random weights."""
    rng = np.random.default_rng(seed)
    inputs = keras.Input((SIDE, SIDE, CHANNELS))
    model = keras.Model(inputs, context_module(inputs, rates))
    for weight in model.trainable_weights:
        if len(weight.shape) == 4:  # He: sizes stay as they are
            deviation = np.sqrt(2 / np.prod(weight.shape[:3]))
            weight.assign(rng.normal(scale=deviation, size=weight.shape))
    x = tf.Variable(rng.normal(size=(1, SIDE, SIDE, CHANNELS)).astype("float32"))
    with tf.GradientTape() as tape:
        y = tf.reduce_sum(model(x)[0, MIDDLE, MIDDLE])
    return np.abs(tape.gradient(y, x).numpy()[0]).sum(axis=-1), model.count_params()


def half_width(size):
    """Return the side of the least square around the middle with half of the sum."""
    for radius in range(MIDDLE + 1):
        rows = slice(MIDDLE - radius, MIDDLE + radius + 1)
        if size[rows, rows].sum() >= size.sum() / 2:
            return 2 * radius + 1
    raise AssertionError("the square of all is all")


def main(out=FIGURE):
    figure, axes = panels(1, 3, size=(3.9, 3.9))
    bar = Bar(DRAWS * len(CASES))
    for axis, (name, rates) in zip(axes[0], CASES.items(), strict=True):
        size = np.zeros((SIDE, SIDE))
        for seed in range(DRAWS):
            found, weights = slopes(rates, seed)
            size += found / DRAWS
            bar.step()
        field, seen = receptive_fields(rates)[-1], int((size > 0).sum())
        half = half_width(size)
        share = f"{seen:,} of {field**2:,} places"
        print(f"{name}: {weights} weights, {share}, half in {half} x {half}")
        with np.errstate(divide="ignore"):
            shades = np.log10(size / size.max())
        look = {"cmap": "inferno", "vmin": -4, "vmax": 0, "interpolation": "nearest"}
        shown = axis.imshow(np.maximum(shades, -4), **look)
        edge = MIDDLE - field / 2, MIDDLE + field / 2
        axis.plot(
            *np.array([[0, 0, 1, 1, 0], [0, 1, 1, 0, 0]]) * field + edge[0], "w--"
        )
        axis.set(xticks=[], yticks=[], title=f"{name}: {field} x {field}\n{share}")
        axis.grid(False)
    bar = figure.colorbar(shown, ax=axes, shrink=0.8)
    bar.set_label("gradient, as a power of 10")
    save(figure, out)


if __name__ == "__main__":
    main()
