"""Label smoothing keeps logits finite: the gap stops where the formula says.

The same small perceptron learns the same digits twice, with plain targets and with
smoothed ones. After every epoch the figure has the mean gap between the right logit and
the average of the others, on the training set, and how probable the right class is said
to be.

Paper: Szegedy et al., "Rethinking the Inception Architecture for Computer Vision",
       CVPR 2016 (section 7)
"""

from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from course.bar import Bar
from course.data.load import load
from course.figures import BLACK, curves, panels, save
from modules.foundations.learning.multilayer_perceptron import mlp
from modules.vision.classification.label_smoothing import (
    SmoothedCrossEntropy,
    logit_gap,
)

FIGURE = Path(__file__).parents[1] / "figures" / "logit_gap.png"
EPSILON, EPOCHS = 0.1, 60


class Watch(keras.callbacks.Callback):
    """Note the mean gap and the mean probability of the right class, each epoch."""

    def __init__(self, x, y):
        super().__init__()
        self.x, self.y, self.gaps, self.sure = x, y, [], []

    def on_epoch_end(self, epoch, logs=None):
        logits = np.asarray(self.model(self.x))
        right = logits[np.arange(len(self.y)), self.y]
        others = (logits.sum(axis=1) - right) / (logits.shape[1] - 1)
        log_p = right - np.logaddexp.reduce(logits, axis=1)
        self.gaps.append((right - others).mean())
        self.sure.append(np.exp(log_p).mean())


def run(epsilon, x, y, bar):
    keras.utils.set_random_seed(0)
    model, watch = mlp((64,)), Watch(x, y)
    model.compile(keras.optimizers.Adam(0.003), SmoothedCrossEntropy(epsilon))
    model.fit(x, y, 64, EPOCHS, verbose=0, callbacks=[bar, watch])
    return watch


def main(out=FIGURE):
    tf.config.experimental.enable_op_determinism()
    x, y = load("course_digits", "train", as_supervised=True, batch_size=-1)
    x, y = np.asarray(x, "float32") / 255, np.asarray(y)
    bar, gaps, sure = Bar(2 * EPOCHS), {}, {}
    for name, epsilon in {"plain": 0.0, "smoothed": EPSILON}.items():
        watch = run(epsilon, x, y, bar)
        gaps[name], sure[name] = watch.gaps, watch.sure
        middle = EPOCHS // 2
        print(
            f"{name}: gap {watch.gaps[middle - 1]:.2f} after {middle} epochs, "
            f"{watch.gaps[-1]:.2f} after {EPOCHS}; right class {watch.sure[-1]:.4f}"
        )
    best = logit_gap(10, EPSILON)
    print(f"the loss is smallest at a gap of {best:.2f}")
    figure, [[left, right]] = panels(1, 2)
    epochs = np.arange(1, EPOCHS + 1)
    curves(left, epochs, gaps, "epoch", "right logit minus others", "logits")
    left.axhline(best, color=BLACK, linewidth=1)
    place = {"xytext": (0, -14), "textcoords": "offset points", "ha": "right"}
    left.annotate(f"ln 91 = {best:.2f}", (EPOCHS, best), **place)
    curves(right, epochs, sure, "epoch", "of the right class", "probability")
    save(figure, out)


if __name__ == "__main__":
    main()
