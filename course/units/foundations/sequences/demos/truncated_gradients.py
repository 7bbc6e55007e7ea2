"""Which inputs a loss reaches: full and truncated backpropagation through time.

Each row is the loss of one step, each column an input; bright is a large gradient, in
powers of ten; white is none at all.
Truncation cuts the gradient every k steps and carries the state over, so the outputs
of the three networks are the same to the last bit.

Paper: Williams and Peng, "An Efficient Gradient-Based Algorithm for On-Line Training of
       Recurrent Network Trajectories", 1990
"""

from pathlib import Path

import numpy as np
import tensorflow as tf
from keras import layers, ops

from course.bar import Bar
from course.figures import panels, save, table
from modules.foundations.sequences.lstm import LSTMCell
from modules.foundations.sequences.truncated_bptt import TruncatedCell

FIGURE = Path(__file__).parents[1] / "figures" / "truncated_gradients.png"
STEPS, UNITS = 20, 16


def noise(*shape):
    return np.random.default_rng(0).normal(size=shape).astype("float32")


def gradients(layer):
    """Return y and (STEPS, STEPS) norms: row t is the gradient of y_t in each input."""
    x = tf.constant(noise(1, STEPS, 4))
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(x)
        y = layer(x)
        loss = ops.sum(noise(UNITS) * y[0], axis=-1)  # (STEPS,)
    slopes = tape.jacobian(loss, x, experimental_use_pfor=False)  # (T, 1, T, D)
    return y, np.linalg.norm(slopes[:, 0], axis=-1)


def main(out=FIGURE):
    cell = LSTMCell(UNITS, forget_bias=2.0)
    cell.build((None, 4))
    cell.set_weights([0.4 * noise(*w.shape) for w in cell.weights[:2]] + [cell.bias])
    figure, [axes] = panels(1, 3, size=(4.2, 3.6))
    bar, ticks = Bar(3), [t if t % 5 == 0 else "" for t in range(STEPS)]
    whole, full = gradients(layers.RNN(cell, return_sequences=True))
    for axis, k in zip(axes, (STEPS, 10, 5), strict=True):
        y, norms = gradients(layers.RNN(TruncatedCell(cell, k), return_sequences=True))
        assert np.array_equal(y, whole), "truncation changed an output"
        reached = norms > 0
        back = (reached.sum(axis=1) - 1).mean()
        share = norms.sum() / full.sum()
        print(
            f"k = {k}: a loss reaches back {back:.1f} steps on average and keeps "
            f"{100 * share:.0f} % of its gradient; the outputs are the same"
        )
        shades = np.log10(np.where(reached, norms, np.nan))
        title = "full, log10" if k == STEPS else f"cut every {k} steps, log10"
        labels = ticks, ticks, "input at step", "loss of step"
        table(axis, shades, *labels, title, vmin=-2, vmax=0)
        bar.step()
    save(figure, out)


if __name__ == "__main__":
    main()
