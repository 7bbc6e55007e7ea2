"""Why scores are divided by the root of d_k: a softmax of large scores cannot learn.

Queries and keys are standard normal, so the variance of their dot product is the width
d_k. The wider they are, the more one key gets everything, and the less gradient comes
back through the softmax. Divided by the root of d_k nothing depends on the width.
Divided by the root of the model's width, here that of 8 heads, scores hardly differ.

Paper: Vaswani et al., "Attention Is All You Need", NeurIPS 2017 (section 3.2.1)
"""

from pathlib import Path

import numpy as np

from course.bar import Bar
from course.figures import curves, panels, save
from modules.foundations.learning.softmax import softmax_jacobian
from modules.nlp.translation.scaled_dot_product import attention_weights

FIGURE = Path(__file__).parents[1] / "figures" / "scaled_dot_product.png"
WIDTHS = (1, 4, 16, 64, 256, 1024)
QUERIES, KEYS, HEADS = 2000, 16, 8
SCALES = {"q · k": 0, "q · k / √d_k": 1, "q · k / √(8 d_k)": HEADS}


def measure(width, rng):
    """Return for each scale the variance of scores, largest weight and slope."""
    q = rng.normal(size=(QUERIES, 1, width)).astype("float32")
    k = rng.normal(size=(QUERIES, KEYS, width)).astype("float32")
    found = []
    for times in SCALES.values():
        scale = (times * width) ** -0.5 if times else 1.0
        scores = scale * np.einsum("btd,bsd->bts", q, k)
        weights = np.asarray(attention_weights(q, k, scale=scale))[:, 0]
        slopes = np.asarray(softmax_jacobian(weights))
        size = np.sqrt((slopes**2).sum(axis=(1, 2)))  # of the Jacobian
        found.append((scores.var(), weights.max(axis=-1).mean(), size.mean()))
    return found


def main(out=FIGURE):
    rng, bar, found = np.random.default_rng(0), Bar(len(WIDTHS)), []
    for width in WIDTHS:
        found.append(measure(width, rng))
        bar.step()
    for name, values in zip(SCALES, found[WIDTHS.index(64)], strict=True):
        variance, most, slope = values
        print(
            f"d_k = 64, {name}: variance {variance:.2f}, largest of {KEYS} weights "
            f"{most:.2f}, slope of the softmax {slope:.2f}"
        )
    found = np.array(found).transpose(2, 1, 0)  # (quantity, scale, width)
    figure, [axes] = panels(1, 3, size=(3.8, 3.4))
    titles = ("variance of scores", f"largest of {KEYS} weights", "slope of softmax")
    for axis, title, values in zip(axes, titles, found, strict=True):
        lines = dict(zip(SCALES, values, strict=True))
        log = title.startswith("variance")
        curves(axis, WIDTHS, lines, "width of queries and keys", None, title, log)
        axis.set_xscale("log", base=4)
        axis.set_xticks(WIDTHS, WIDTHS)
    for axis in axes[1:]:
        axis.set_ylim(0)
    save(figure, out)


if __name__ == "__main__":
    main()
