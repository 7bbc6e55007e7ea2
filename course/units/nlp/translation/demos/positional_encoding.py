"""Sinusoids: the waves that tell positions apart, and what their dot products know.

Each pair of channels is a point that goes round a circle, fast in the first pair and
hardly at all in the last. The dot product of two positions depends on how far apart
they are, not on where they stand.

Paper: Vaswani et al., "Attention Is All You Need", NeurIPS 2017 (section 3.5)
"""

from pathlib import Path

import numpy as np

from course.bar import Bar
from course.figures import curves, panels, save, table
from modules.nlp.translation.positional_encoding import sinusoids

FIGURE = Path(__file__).parents[1] / "figures" / "positional_encoding.png"
CHANNELS, LENGTH = 64, 100
REACH = 40  # to the left and to the right


def main(out=FIGURE):
    bar = Bar(1)
    waves = np.asarray(sinusoids(np.arange(2 * LENGTH), CHANNELS), "float64")
    distance = np.arange(-REACH, REACH + 1)
    lines = {f"p = {p}": waves[p + distance] @ waves[p] for p in (50, 100, 150)}
    bar.step()
    most = np.max([np.ptp(values) for values in zip(*lines.values(), strict=True)])
    near = lines["p = 50"][REACH + 1] / lines["p = 50"][REACH]
    print(f"squared length of every encoding: {(waves**2).sum(axis=1).mean():.4f}")
    print(f"dot product one step away, of that with itself: {100 * near:.1f} %")
    print(f"largest difference between p = 50, 100 and 150: {most:.0e}")
    figure, [[left, right]] = panels(1, 2, size=(5.2, 3.8))
    table(left, waves[:LENGTH], [], [], "channel", "position p", "PE(p)")
    left.set_xticks(*[range(0, CHANNELS, 16)] * 2)
    left.set_yticks(*[range(0, LENGTH, 20)] * 2)
    title = "dot product of two positions"
    curves(right, distance, lines, "distance k", "PE(p + k) · PE(p)", title)
    save(figure, out)


if __name__ == "__main__":
    main()
