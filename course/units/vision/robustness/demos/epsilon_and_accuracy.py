"""A network under attack, before and after adversarial training.

The same small convolutional network learns 4,000 digits twice: as usual, and with half
of its loss from images that were attacked at each step. The figure shows how many
unseen digits each names rightly as epsilon grows, with random signs of the same size
for comparison, and what one digit looks like after an attack at the epsilon of the
training.

Paper: Goodfellow, Shlens and Szegedy, "Explaining and Harnessing Adversarial Examples",
       ICLR 2015 (sections 4 and 6)
"""

from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from course.bar import Bar
from course.data.load import load
from course.figures import curves, image, panels, save
from modules.vision.robustness.adversarial_training import AdversarialTraining
from modules.vision.robustness.fgsm import fgsm, sign_step

FIGURE = Path(__file__).parents[1] / "figures" / "epsilon_and_accuracy.png"
EPOCHS, TRAINED_AT = 10, 0.25
EPSILONS = np.array([0, 0.02, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3])
SHOWN = 4  # a digit of the figure
PLAIN, NOISE, HARD = "usual training", "the same, random signs", "adversarial training"


def data(split):
    x, y = load("course_mnist5k", split, as_supervised=True, batch_size=-1)
    return np.asarray(x, "float32") / 255, np.asarray(y)


def network():
    keras.utils.set_random_seed(0)
    return keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(16, 5, 2, activation="relu"),
            layers.Conv2D(32, 5, 2, activation="relu"),
            layers.Flatten(),
            layers.Dense(64, "relu"),
            layers.Dense(10),
        ]
    )


def train(alpha, x, y, bar):
    """Return a network; with alpha = 1 the training is the usual one."""
    model = AdversarialTraining(network(), TRAINED_AT, alpha)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(2e-3), loss, jit_compile=False)
    model.fit(x, y, 64, EPOCHS, verbose=0, callbacks=[bar])
    return model.network


def accuracy(model, x, y):
    return 100 * (np.asarray(model(x)).argmax(axis=1) == y).mean()


def measure(plain, hard, x, y, bar):
    """Return the accuracy in % at each epsilon, one line a kind of attack."""
    lines = {PLAIN: [], NOISE: [], HARD: []}
    noise = np.random.default_rng(0).normal(size=x.shape)
    for epsilon in EPSILONS:
        lines[PLAIN].append(accuracy(plain, fgsm(plain, x, y, epsilon), y))
        lines[NOISE].append(accuracy(plain, sign_step(x, noise, epsilon), y))
        lines[HARD].append(accuracy(hard, fgsm(hard, x, y, epsilon), y))
        bar.step()
    return lines


def draw(lines, models, x, y, out):
    figure, [axes] = panels(1, 3, size=(3.7, 3.4), width_ratios=[1.4, 1, 1])
    curves(axes[0], EPSILONS, lines, "epsilon", "accuracy on unseen digits, %")
    axes[0].set_ylim(0, 105)
    axes[0].legend(loc="lower left", fontsize=9)
    for axis, (name, model) in zip(axes[1:], models.items(), strict=True):
        attacked = fgsm(model, x[SHOWN : SHOWN + 1], y[SHOWN : SHOWN + 1], TRAINED_AT)
        said = np.asarray(model(attacked)).argmax()
        image(axis, attacked[0], f"{name} training,\nnamed {said}")
    save(figure, out)


def main(out=FIGURE):
    tf.config.experimental.enable_op_determinism()
    (x, y), unseen = data("train"), data("test")
    bar = Bar(2 * EPOCHS + len(EPSILONS))
    plain, hard = (train(alpha, x, y, bar) for alpha in (1.0, 0.5))
    lines = measure(plain, hard, *unseen, bar)
    print("epsilon", *(f"{e:6g}" for e in EPSILONS))
    for name, line in lines.items():
        print(*(f"{right:6.1f}" for right in line), name)
    draw(lines, {"usual": plain, "adversarial": hard}, *unseen, out)


if __name__ == "__main__":
    main()
