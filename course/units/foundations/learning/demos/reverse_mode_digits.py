"""A network learns digits with a hundred lines of NumPy, exactly as it does in Keras.

A perceptron of one hidden layer descends along gradients of the tape in reverse_mode,
and the same perceptron in Keras from the same weights. The left figure shows both
losses, the middle one how far they are apart. The right one checks the gradient against
central differences for steps of many sizes: a large step is not local, and jumps over
kinks of the ReLUs; a small one is lost in rounding.

Paper: Rumelhart, Hinton and Williams, "Learning representations by back-propagating
       errors", Nature 1986
"""

from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from course.bar import Bar
from course.data.load import load
from course.figures import curves, panels, save
from modules.foundations.learning.multilayer_perceptron import mlp
from modules.foundations.learning.reverse_mode import (
    Array,
    add,
    gradients,
    matmul,
    relu,
    softmax_cross_entropy,
)

FIGURE = Path(__file__).parents[1] / "figures" / "reverse_mode_digits.png"
EPOCHS, RATE = 150, 0.5
STEPS = 10.0 ** np.arange(-12, 1)  # of the central differences


def loss_of(weights, x, y):
    """Return the mean loss of the perceptron as an Array; weights are Arrays too."""
    w1, b1, w2, b2 = weights
    hidden = relu(add(matmul(Array(x), w1), b1))
    return softmax_cross_entropy(add(matmul(hidden, w2), b2), y)


def descend(weights, x, y, bar):
    """Return the loss of every epoch; each is one step on all digits."""
    losses = []
    for _ in range(EPOCHS):
        sources = [Array(w) for w in weights]
        loss = loss_of(sources, x, y)
        found = gradients(loss, sources)
        weights = [w - RATE * g for w, g in zip(weights, found, strict=True)]
        losses.append(float(loss.value))
        bar.step()
    return np.array(losses)


def check(weights, x, y, rng):
    """Return how far central differences are from the gradient, for every step."""
    along = [rng.normal(size=w.shape) for w in weights]
    sources = [Array(w) for w in weights]
    found = gradients(loss_of(sources, x, y), sources)
    slope = sum((g * u).sum() for g, u in zip(found, along, strict=True))

    def value(h):
        moved = [Array(w + h * u) for w, u in zip(weights, along, strict=True)]
        return loss_of(moved, x, y).value

    central = np.array([(value(h) - value(-h)) / (2 * h) for h in STEPS])
    return np.abs(central / slope - 1)


def draw(ours, theirs, errors, out):
    figure, [axes] = panels(1, 3, size=(4.0, 3.4))
    epochs = np.arange(1, EPOCHS + 1)
    lines = {"the tape": ours, "Keras": theirs}
    curves(axes[0], epochs, lines, "step", "training loss", "Two implementations")
    axes[0].set_ylim(bottom=0)
    apart = {"": np.maximum(np.abs(ours - theirs), 1e-9)}
    title = "agree to rounding"
    curves(axes[1], epochs, apart, "step", "difference of the losses", title, log=True)
    title = "Check by (f(h) − f(−h)) / 2h"
    curves(axes[2], STEPS, {"": errors}, "h", "relative error", title, log=True)
    axes[2].set_xscale("log")
    save(figure, out)


def main(out=FIGURE):
    tf.config.experimental.enable_op_determinism()
    keras.utils.set_random_seed(0)
    x, y = load("course_digits", "train", as_supervised=True, batch_size=-1)
    x, y = np.reshape(x, (-1, 64)) / 255.0, np.eye(10)[np.asarray(y)]
    bar = Bar(2 * EPOCHS)
    model = mlp((32,), num_classes=10, input_shape=(64,))
    start = [w.astype("float64") for w in model.get_weights()]
    ours = descend(start, x, y, bar)
    loss = keras.losses.CategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.SGD(RATE), loss)
    options = {"verbose": 0, "shuffle": False, "callbacks": [bar]}
    fitted = model.fit(x, y, len(x), EPOCHS, **options)
    theirs = np.array(fitted.history["loss"])
    errors = check(start, x[:20], y[:20], np.random.default_rng(0))
    print(f"loss of the tape: {ours[0]:.3f} to {ours[-1]:.3f} in {EPOCHS} steps")
    print(f"Keras is never further away than {np.abs(ours - theirs).max():.0e}")
    best = STEPS[errors.argmin()]
    print(f"central differences agree best, to {errors.min():.0e}, for h = {best:.0e}")
    draw(ours, theirs, errors, out)


if __name__ == "__main__":
    main()
