"""A wide network learns wrong labels by heart; dropout keeps it from that.

Two perceptrons of two wide hidden layers learn the same 500 digits, of which a fifth
have a label drawn at random. One has dropout behind each hidden layer. The figures show
the loss on these digits, measured without dropout, and on 300 unseen ones whose labels
are right.

Paper: Srivastava, Hinton, Krizhevsky, Sutskever and Salakhutdinov, "Dropout: A Simple
       Way to Prevent Neural Networks from Overfitting", JMLR 2014 (sections 6 and 7)
"""

from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from course.bar import Bar
from course.data.load import load
from course.figures import curves, panels, save
from modules.foundations.learning.dropout import Dropout
from modules.foundations.learning.multilayer_perceptron import mlp

FIGURE = Path(__file__).parents[1] / "figures" / "dropout_overfitting.png"
EXAMPLES, WRONG, EPOCHS, RATE = 500, 0.2, 40, 0.5


class Evaluate(keras.callbacks.Callback):
    """Measure both losses without dropout after every epoch."""

    def __init__(self, learned, unseen):
        super().__init__()
        self.data, self.losses = (learned, unseen), []

    def on_epoch_end(self, epoch, logs=None):
        pairs = [(self.model(x), y) for x, y in self.data]
        self.losses.append([float(self.model.loss(y, z)) for z, y in pairs])


def train(between, learned, unseen, bar):
    """Return losses (EPOCHS, 2) on learned and unseen digits, and the accuracy in %."""
    keras.utils.set_random_seed(0)
    model = mlp((256, 256), between=between)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(1e-3), loss)
    evaluate = Evaluate(learned, unseen)
    model.fit(*learned, 20, EPOCHS, verbose=0, callbacks=[evaluate, bar])
    right = np.argmax(model(unseen[0]), axis=1) == unseen[1]
    return np.array(evaluate.losses), 100 * right.mean()


def digits(split):
    x, y = load("course_digits", split, as_supervised=True, batch_size=-1)
    return np.asarray(x, "float32") / 255, np.array(y)


def with_wrong_labels(x, y, rng):
    """Return the first digits, with the labels of a share of them drawn at random."""
    x, y = x[:EXAMPLES], y[:EXAMPLES]
    drawn = rng.random(EXAMPLES) < WRONG
    return x, np.where(drawn, rng.integers(10, size=EXAMPLES), y)


def draw(found, out):
    figure, axes = panels(1, 2, sharey=True)
    epochs = np.arange(1, EPOCHS + 1)
    for axis, (name, losses) in zip(axes[0], found.items(), strict=True):
        lines = {"on what it learns": losses[:, 0], "on unseen": losses[:, 1]}
        curves(axis, epochs, lines, "epoch", "loss", name)
        axis.set_ylim(0, 2)
    save(figure, out)


def main(out=FIGURE):
    tf.config.experimental.enable_op_determinism()
    learned = with_wrong_labels(*digits("train"), np.random.default_rng(0))
    unseen = digits("test")
    found, bar = {}, Bar(2 * EPOCHS)
    for name, between in {
        "without dropout": None,
        f"with dropout of {RATE}": lambda x: Dropout(RATE)(x),
    }.items():
        losses, accuracy = train(between, learned, unseen, bar)
        found[name] = losses
        print(
            f"{name}: loss {losses[-1, 0]:.2f} on learned and {losses[-1, 1]:.2f} on "
            f"unseen digits, of which {accuracy:.1f} % are right"
        )
    draw(found, out)


if __name__ == "__main__":
    main()
