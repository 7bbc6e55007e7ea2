"""Nine optimizers in two narrow valleys, and how many steps each takes.

One valley is straight: a quadratic 50 times as steep across as along, laid along an
axis or turned by 30 degrees. The other is Rosenbrock's, which bends. Every optimizer
runs with 13 learning rates at once and shows its best (Rprop and Adadelta with their
own). Counted are the steps after which it stays within 0.01 of the minimum.

Paper: Ruder, "An overview of gradient descent optimization algorithms", 2016
       (section 4.10, figures 3 and 4)
"""

from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from course.bar import Bar
from course.figures import COLOURS, DASHES, panels, save
from modules.foundations.optimizers.adadelta import Adadelta
from modules.foundations.optimizers.adagrad import AdaGrad
from modules.foundations.optimizers.adam import Adam
from modules.foundations.optimizers.gradient_descent import GradientDescent
from modules.foundations.optimizers.momentum import Momentum
from modules.foundations.optimizers.nadam import Nadam
from modules.foundations.optimizers.nesterov import Nesterov
from modules.foundations.optimizers.rmsprop import RMSProp
from modules.foundations.optimizers.rprop import Rprop

FIGURE = Path(__file__).parents[1] / "figures" / "optimizer_paths.png"
LIMIT, GOAL = 10_000, 0.01
RATES = [c * 10.0**e for e in (-4, -3, -2, -1) for c in (1, 2, 5)] + [1.0]
DRAWN = [GradientDescent, Momentum, Nesterov, AdaGrad, Adam]
OTHERS = [Rprop, RMSProp, Adadelta, Nadam]


def rotation(degrees):
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return np.array([[c, -s], [s, c]], "float32")


def quadratic(turn):
    """Return x'Ax / 2 with curvatures 1 and 50 along the columns of a rotation."""
    a = turn @ np.diag(np.float32([1, 50])) @ turn.T
    return lambda p: ops.sum((p @ a) * p, axis=-1) / 2


def rosenbrock(p):
    x, y = p[..., 0], p[..., 1]
    return (1 - x) ** 2 + 100 * (y - x**2) ** 2


TURN, START = rotation(30), np.float32([-4, 1])
VALLEYS = {  # name: function, start, minimum
    "straight": (quadratic(rotation(0)), TURN.T @ START, (0.0, 0.0)),
    "turned": (quadratic(TURN), START, (0.0, 0.0)),
    "Rosenbrock": (rosenbrock, np.float32([-1.2, 1.0]), (1.0, 1.0)),
}
FRAMES = {  # name: title, what the panel shows
    "turned": ("quadratic, turned by 30 degrees", (-4.5, 1.5, -6.2, 1.5)),
    "Rosenbrock": ("Rosenbrock's valley", (-1.5, 1.5, -1.4, 1.8)),
}


def run(cls, function, start):
    """Return the rates and the paths that an optimizer takes with them: (T, R, 2)."""
    rates = [cls().get_config()["learning_rate"]]
    rates = rates if cls in (Rprop, Adadelta) else RATES
    optimizer = cls()
    points = keras.Variable(np.tile(start, (len(rates), 1)))  # one a rate
    optimizer.build([points])

    @tf.function(jit_compile=True)
    def descend():
        places = tf.TensorArray("float32", LIMIT, element_shape=points.shape)
        for t in tf.range(LIMIT):
            with tf.GradientTape() as tape:
                value = ops.sum(function(points.value))
            gradient = tape.gradient(value, points.value)
            optimizer.update_step(gradient, points, ops.array(rates)[:, None])
            optimizer.iterations.assign_add(1)
            places = places.write(t, points.value)
        return places.stack()

    return rates, np.concatenate([np.tile(start, (1, len(rates), 1)), descend()])


def best(rates, paths, minimum):
    """Return the steps, the rate and the path that stays at the minimum first."""
    distance = np.linalg.norm(paths - np.array(minimum), axis=-1)  # (T + 1, R)
    outside = ~(distance < GOAL)  # also where it is not finite
    steps = len(outside) - np.argmax(outside[::-1], axis=0)
    closest = np.where(np.isfinite(distance[-1]), distance[-1], np.inf)
    choice = np.lexsort((closest, steps))[0]
    return int(steps[choice]), rates[choice], paths[:, choice]


def panel(axis, name, found):
    """Draw the contours of a valley and the paths of some optimizers."""
    function, start, minimum = VALLEYS[name]
    title, box = FRAMES[name]
    x, y = np.meshgrid(np.linspace(*box[:2], 200), np.linspace(*box[2:], 200))
    height = function(ops.array(np.stack([x, y], -1), "float32"))
    look = {
        "colors": ["#F7F7F7", "#EDEDED", "#E2E2E2", "#D8D8D8", "#CECECE", "#C4C4C4"]
    }
    axis.contourf(x, y, height, [0, 1, 10, 100, 1e5], antialiased=False, **look)
    for i, cls in enumerate(DRAWN):
        steps, _, path = found[name, cls]
        said = f"{steps:,}" if steps <= LIMIT else f"over {LIMIT:,}"
        look = {"color": COLOURS[i], "linestyle": DASHES[i % 4], "linewidth": 1.5}
        axis.plot(*path[: steps + 1].T, **look, label=f"{cls.__name__}: {said} steps")
    axis.plot(*minimum, "k*", markersize=11)
    axis.plot(*start, "ko", markersize=5)
    axis.set(xlim=box[:2], ylim=box[2:], title=title)
    axis.grid(False)
    axis.legend(fontsize=9, loc="lower left", borderaxespad=0.1)


def main(out=FIGURE):
    classes = [*DRAWN, *OTHERS]
    found, bar = {}, Bar(len(VALLEYS) * len(classes))
    for cls in classes:
        said = []
        for name, (function, start, minimum) in VALLEYS.items():
            steps, rate, path = best(*run(cls, function, start), minimum)
            found[name, cls] = steps, rate, path
            count = f"{steps:5}" if steps <= LIMIT else f"over {LIMIT}"
            said.append(f"{name} {count} (rate {rate:g})")
            bar.step()
        print(f"{cls.__name__:15} steps: {', '.join(said)}", flush=True)
    figure, [axes] = panels(1, 2, size=(4.1, 3.5))
    for axis, name in zip(axes, FRAMES, strict=True):
        panel(axis, name, found)
    save(figure, out)


if __name__ == "__main__":
    main()
