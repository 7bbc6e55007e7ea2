"""What activations hand on, and what their slopes let back.

Sigmoid, tanh, ReLU and leaky ReLU, and their slopes, taken by automatic
differentiation. A gradient that goes back through ten units is multiplied by ten such
slopes; the sigmoid's are at most 1/4.

Paper: Maas, Hannun and Ng, "Rectifier Nonlinearities Improve Neural Network Acoustic
       Models", ICML 2013 workshop (section 2)
"""

from pathlib import Path

import numpy as np
import tensorflow as tf

from course.figures import curves, panels, save
from modules.foundations.learning.activations import leaky_relu, relu, sigmoid, tanh

FIGURE = Path(__file__).parents[1] / "figures" / "activation_slopes.png"
SHOWN = {"sigmoid": sigmoid, "tanh": tanh, "ReLU": relu, "leaky ReLU": leaky_relu}


def value_and_slope(function, z):
    """Return the function and its derivative at every z."""
    z = tf.constant(z)
    with tf.GradientTape() as tape:
        tape.watch(z)
        y = function(z)
    return y.numpy(), tape.gradient(y, z).numpy()


def main(out=FIGURE):
    z = np.linspace(-4, 4, 401)
    values, slopes = {}, {}
    for name, function in SHOWN.items():
        values[name], slopes[name] = value_and_slope(function, z)
        ends = slopes[name][[0, -1]]
        print(
            f"{name}: slope at most {slopes[name].max():.3g}, {ends[0]:.2g} at -4 and "
            f"{ends[1]:.2g} at 4"
        )
    figure, [[left, right]] = panels(1, 2)
    curves(left, z, values, "z", "activation")
    left.set_ylim(-1.2, 2.2)
    curves(right, z, slopes, "z", "slope")
    save(figure, out)


if __name__ == "__main__":
    main()
