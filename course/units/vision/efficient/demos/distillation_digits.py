"""A student of few examples, with a teacher and without.

A convolutional teacher learns from 4,000 digits. A perceptron then gets 200 of them,
three times: with their labels, with the teacher's soft targets as well, and with soft
targets alone where none of its images is a 3. The figure shows the accuracy on unseen
digits after every epoch, and what the teacher says of one image.

Paper: Hinton, Vinyals and Dean, "Distilling the Knowledge in a Neural Network", 2015
       (sections 3 and 6)
"""

from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from course.bar import Bar
from course.data.load import load
from course.figures import COLOURS, curves, panels, save
from modules.foundations.learning.multilayer_perceptron import mlp
from modules.foundations.learning.softmax import softmax
from modules.vision.efficient.distillation import Distiller

FIGURE = Path(__file__).parents[1] / "figures" / "distillation_digits.png"
EXAMPLES, EPOCHS, TEACHER_EPOCHS, T = 200, 60, 6, 4.0
HARD = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
SETTINGS = {  # alpha, and whether there are threes
    "labels": (0.0, True),
    "labels and teacher": (0.9, True),
    "teacher, no image of a 3": (1.0, False),
}


def data(split):
    x, y = load("course_mnist5k", split, as_supervised=True, batch_size=-1)
    return np.asarray(x, "float32") / 255, np.asarray(y)


def train_teacher(x, y, bar):
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(16, 5, 2, activation="relu"),
            layers.Conv2D(32, 5, 2, activation="relu"),
            layers.Flatten(),
            layers.Dropout(0.5),
            layers.Dense(10),
        ]
    )
    model.compile(keras.optimizers.Adam(0.003), HARD, jit_compile=False)
    model.fit(x, y, 64, TEACHER_EPOCHS, verbose=0, callbacks=[bar])
    return model


class Watch(keras.callbacks.Callback):
    """Note the accuracy on unseen digits after each epoch, in %."""

    def __init__(self, x, y):
        super().__init__()
        self.x, self.y, self.accuracy = x, y, []

    def on_epoch_end(self, epoch, logs=None):
        self.accuracy.append(accuracy(self.model, self.x, self.y))


def accuracy(model, x, y):
    return 100 * (np.asarray(model(x)).argmax(axis=1) == y).mean()


def train_student(teacher, alpha, learned, unseen, bar):
    keras.utils.set_random_seed(1)
    model = Distiller(mlp((64,), input_shape=(28, 28, 1)), teacher, T, alpha)
    hard = HARD if alpha < 1 else None
    model.compile(keras.optimizers.Adam(0.003), hard, jit_compile=False)
    watch = Watch(*unseen)
    model.fit(*learned, 20, EPOCHS, verbose=0, callbacks=[bar, watch])
    return model, watch.accuracy


def draw(lines, probabilities, digit, out):
    figure, [[left, right]] = panels(1, 2)
    epochs = np.arange(1, EPOCHS + 1)
    title = f"students of {EXAMPLES} digits"
    curves(left, epochs, lines, "epoch", "accuracy on unseen digits, %", title)
    left.set_ylim(60, 95)
    for i, (name, p) in enumerate(probabilities.items()):
        places = np.arange(10) + 0.4 * i - 0.2
        right.bar(places, p, 0.4, color=COLOURS[i], label=name)
    right.set(yscale="log", ylim=(1e-6, 2), xticks=range(10), xlabel="class")
    right.set(ylabel="probability", title=f"what the teacher says of a {digit}")
    right.legend()
    save(figure, out)


def main(out=FIGURE):
    tf.config.experimental.enable_op_determinism()
    (x, y), unseen = data("train"), data("test")
    bar = Bar(TEACHER_EPOCHS + len(SETTINGS) * EPOCHS)
    teacher = train_teacher(x, y, bar)
    print(f"teacher: {accuracy(teacher, *unseen):.1f} % of unseen digits")
    x, y = x[:EXAMPLES], y[:EXAMPLES]
    lines, threes = {}, unseen[0][unseen[1] == 3]
    for name, (alpha, all_digits) in SETTINGS.items():
        kept = np.full(len(y), True) if all_digits else y != 3
        learned = x[kept], y[kept]
        model, lines[name] = train_student(teacher, alpha, learned, unseen, bar)
        right = accuracy(model, threes, 3)
        print(f"{name}: {lines[name][-1]:.1f} %; of the digits 3 {right:.1f} %")
    shown = np.flatnonzero(y == 2)[0]
    logits = teacher(x[shown : shown + 1])
    said = {f"T = {t:g}": np.asarray(softmax(logits, t))[0] for t in (1.0, T)}
    draw(lines, said, y[shown], out)


if __name__ == "__main__":
    main()
