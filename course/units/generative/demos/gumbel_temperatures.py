"""Soft draws of four classes at three temperatures, and what they are on average.

The same noise is used at every temperature, so the largest entry of a draw stays where
it is. The numbers are the mean entropy of a draw, and how far the mean draw is from the
probabilities: it is right only as the temperature goes to 0.

Paper: Jang, Gu and Poole, "Categorical Reparameterization with Gumbel-Softmax", ICLR
       2017 (figure 1)
"""

from pathlib import Path

import numpy as np
from keras import ops

from course.bar import Bar
from course.figures import BLUE, ORANGE, panels, save
from modules.generative.gumbel_softmax import gumbel_noise, gumbel_softmax

FIGURE = Path(__file__).parents[1] / "figures" / "gumbel_temperatures.png"
P = np.array([0.1, 0.2, 0.3, 0.4], "float32")
TEMPERATURES, COUNT, SHOWN = (0.1, 1.0, 10.0), 20_000, 3


def draw(found, out):
    figure, axes = panels(len(found), SHOWN + 1, size=(2.2, 1.8), sharey=True)
    for line, (temperature, y) in zip(axes, found.items(), strict=True):
        for i, axis in enumerate(line):
            mean = i == SHOWN
            axis.bar(range(4), y.mean(axis=0) if mean else y[i], color=BLUE)
            if mean:
                axis.plot(range(4), P, "o", color=ORANGE, label="probability")
            axis.set(ylim=(0, 1.05), xticks=range(4))
        line[0].set_ylabel(f"temperature {temperature:g}")
    for axis, name in zip(axes[0], ["a draw"] * SHOWN + ["their mean"], strict=True):
        axis.set_title(name)
    axes[0, -1].legend(fontsize=9)
    save(figure, out)


def main(out=FIGURE):
    bar, found = Bar(len(TEMPERATURES)), {}
    uniform = np.random.default_rng(7).uniform(size=(COUNT, 4)).astype("float32")
    for temperature in TEMPERATURES:
        y = gumbel_softmax(np.log(P), gumbel_noise(uniform), temperature)
        found[temperature] = y = ops.convert_to_numpy(y)
        entropy = -np.sum(y * np.log(y + 1e-30), axis=1).mean() / np.log(2)
        away = np.abs(y.mean(axis=0) - P).max()
        share = np.bincount(y.argmax(axis=1), minlength=4) / COUNT
        said = " ".join(f"{s:.2f}" for s in share)
        print(
            f"temperature {temperature:g}: {entropy:.2f} bits in a draw, whose mean is "
            f"off by {away:.2f}; the largest entry comes in shares of {said}"
        )
        bar.step()
    draw(found, out)


if __name__ == "__main__":
    main()
