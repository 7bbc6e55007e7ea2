"""How far back a gradient reaches: plain network, LSTM and GRU, before any training.

The last state is differentiated with respect to the input of every step. In a plain
network each step back multiplies by the same matrix, so the gradient shrinks or grows
at an exponential rate; in an LSTM it is mostly the forget gate that multiplies.

Papers: Bengio, Simard and Frasconi, "Learning Long-Term Dependencies with Gradient
        Descent is Difficult", 1994; Gers et al., "Learning to Forget", 2000
"""

from functools import partial
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from course.bar import Bar
from course.figures import curves, panels, save
from modules.foundations.sequences.gru import GRU
from modules.foundations.sequences.lstm import LSTM
from modules.foundations.sequences.recurrent import SimpleRNN

FIGURE = Path(__file__).parents[1] / "figures" / "gradient_distance.png"
STEPS, UNITS, BATCH = 60, 32, 16
X = np.random.default_rng(0).normal(size=(BATCH, STEPS, 8)).astype("float32")


def plain(scale):
    """Return a plain network whose recurrent matrix is orthogonal, times scale."""
    layer = SimpleRNN(UNITS)
    layer.build(X.shape)
    layer.cell.kernel.assign(0.1 * layer.cell.kernel)  # so that tanh is nearly linear
    layer.cell.recurrent_kernel.assign(scale * layer.cell.recurrent_kernel)
    return layer


def reach(layer):
    """Return (STEPS,) norms of the gradient, by distance from the last step."""
    x = tf.constant(X)
    noise = np.random.default_rng(1).normal(size=(BATCH, UNITS)).astype("float32")
    with tf.GradientTape() as tape:
        tape.watch(x)
        loss = tf.reduce_sum(noise * layer(x))
    slopes = np.linalg.norm(tape.gradient(loss, x), axis=(0, 2))
    return slopes[::-1]


def main(out=FIGURE):
    scaled = {f"W scaled by {s}": partial(plain, s) for s in (0.8, 1.0, 1.1)}
    kinds = {
        "plain": partial(SimpleRNN, UNITS),
        "GRU": partial(GRU, UNITS),
        **{
            f"LSTM, forget bias {bias}": partial(LSTM, UNITS, forget_bias=bias)
            for bias in (0, 1, 4)
        },
    }
    panel = {"plain networks, small inputs": scaled, "plain and gated": kinds}
    figure, [axes] = panels(1, 2, size=(4.2, 3.4))
    bar = Bar(len(scaled) + len(kinds))
    for axis, (title, makers) in zip(axes, panel.items(), strict=True):
        lines = {}
        for name, make in makers.items():
            keras.utils.set_random_seed(0)
            slopes = reach(make())
            lines[name] = slopes / slopes[0]
            print(
                f"{name}: {lines[name][50]:.1e} of the gradient is left after 50 steps"
            )
            bar.step()
        shown = np.arange(0, STEPS, 5)
        points = {name: values[shown] for name, values in lines.items()}
        labels = "steps back from the last", "gradient, relative"
        curves(axis, shown, points, *labels, title, log=True)
        axis.set_ylim(1e-14, 10)
    save(figure, out)


if __name__ == "__main__":
    main()
