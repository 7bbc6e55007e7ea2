"""Why classifiers learn from cross-entropy, and from logits.

Two classes, and the lead z of the right one's score. The left figure shows three
losses: cross-entropy from logits, cross-entropy from probabilities as Keras computes it
in float32, and the squared error behind a softmax. The right one shows what gradient
descent goes by, their slopes.

Paper: Bridle, "Probabilistic Interpretation of Feedforward Classification Network
       Outputs, with Relationships to Statistical Pattern Recognition", 1990
"""

from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from course.figures import curves, panels, save
from modules.foundations.learning.losses import cross_entropy_from_logits, squared_error
from modules.foundations.learning.softmax import softmax

FIGURE = Path(__file__).parents[1] / "figures" / "loss_slopes.png"
LOSSES = {
    "cross-entropy, logits": cross_entropy_from_logits,
    "cross-entropy, clipped": lambda y, z: keras.losses.categorical_crossentropy(
        y, softmax(z)
    ),
    "squared error": lambda y, z: squared_error(y, softmax(z)),
}


def value_and_slope(loss, lead):
    """Return a loss, and its derivative in the lead, at each lead."""
    lead = tf.constant(lead, "float32")
    with tf.GradientTape() as tape:
        tape.watch(lead)
        z = tf.stack([lead, tf.zeros_like(lead)], axis=-1)  # (N, 2)
        y = tf.one_hot(tf.zeros_like(lead, "int32"), 2)
        values = loss(y, z)
    return values.numpy(), tape.gradient(values, lead).numpy()


def main(out=FIGURE):
    lead = np.linspace(-25, 5, 301)
    values, slopes = {}, {}
    for name, loss in LOSSES.items():
        values[name], slopes[name] = value_and_slope(loss, lead)
        print(
            f"{name}: at a lead of {lead[0]:.0f} the loss is {values[name][0]:.3g} and "
            f"its slope {slopes[name][0]:.2g}"
        )
    figure, [[left, right]] = panels(1, 2)
    curves(left, lead, values, "lead of the right class", "loss")
    curves(right, lead, slopes, "lead of the right class", "slope of the loss")
    save(figure, out)


if __name__ == "__main__":
    main()
