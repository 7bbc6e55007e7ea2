"""Exercise: the steps of seven optimizers.

An optimizer is a rule: from the gradient, and from what it remembers, it makes a
step. You write seven such rules as functions without side effects; then they race
down a valley, and train a network.

Paper: Ruder, "An overview of gradient descent optimization algorithms", 2016.
Link:  https://arxiv.org/abs/1609.04747 (section 4)
See:   modules/foundations/optimizers/gradient_descent.py (how a rule becomes a class)
Needs: foundations/optimizers
Time:  70 minutes
Grade: python -m course grade foundations/optimizers/optimizer_steps

All but `nesterov` have the same form. They take what is remembered, then the gradient,
then numbers; they return what is remembered from now on, then delta. The caller ADDS
delta to the weights: weights + delta. All arrays have the shape of the weights, which
may be any, and every weight is treated on its own. Python floats are numbers between
the arrays. Where an optimizer exists in several forms, the statement says which is
meant, and the modules of this chapter may have another.

When your functions are right, let them race:
python -m assignments.foundations.optimizers.optimizer_steps
"""

import keras
import numpy as np
from keras import layers, ops

from modules.foundations.optimizers.gradient_descent import GradientDescent


def momentum(velocity, gradient, rate, share):
    """Take a step of the heavy ball.

    The new velocity is the share (gamma in papers, 0.9 for example) of the old one,
    plus rate times the gradient. The step is the new velocity, downhill.

    Args:
        velocity, gradient: float arrays of one shape.
        rate: float > 0.
        share: float in [0, 1).

    Returns:
        (velocity, delta). From velocity 0 with gradient 1, rate 0.1 and share 0.9,
        two steps lead from 0 to -0.1 and to -0.29.
    """
    velocity, gradient = np.array(velocity), np.array(gradient)
    for place in np.ndindex(velocity.shape):
        velocity[place] = share * velocity[place] + rate * gradient[place]
    return velocity, 0 - velocity


def nesterov(weights, velocity, gradient_of, rate, share):
    """Take a step of Nesterov's accelerated gradient, in the form of the paper.

    As `momentum`, but the gradient is that of the point to which the share of the old
    velocity alone would lead. It is the weights themselves that then move, by the new
    velocity.

    Args:
        weights, velocity: float arrays of one shape.
        gradient_of: function from weights to the gradient there; call it once.
        rate: float > 0.
        share: float in [0, 1).

    Returns:
        (weights, velocity), both after the step.
    """
    weights, velocity = np.array(weights), np.array(velocity)
    slope = np.array(gradient_of(weights - share * velocity))
    after = weights - share * velocity - rate * slope  # the paper's two lines in one
    return after, weights - after


def rprop(sizes, previous, gradient, grow, shrink, low, high):
    """Take a step of Rprop, without going back.

    Every weight has a step size of its own. Where the gradient has the same sign as in
    the step before, the size is multiplied by grow; where the sign has flipped, by
    shrink; where either gradient is 0 it stays. Then it is limited to [low, high].
    The step has that new size, against the sign of the gradient, also where the sign
    has flipped. (The paper of 1993 goes back to where it was there, and so does the
    module.) Where the gradient is 0 there is no step.

    Args:
        sizes: float array > 0, the step sizes so far.
        previous: float array, the gradient of the step before.
        gradient: float array.
        grow, shrink, low, high: floats, for example 1.2, 0.5, 1e-6 and 50.0.

    Returns:
        (sizes, previous, delta), previous for the next call.
    """
    sizes, previous = np.array(sizes), np.array(previous)
    gradient = np.array(gradient)
    delta = np.zeros_like(gradient)
    for place in np.ndindex(sizes.shape):
        now, before = gradient[place], previous[place]
        if (now > 0 and before > 0) or (now < 0 and before < 0):
            sizes[place] *= grow
        elif now != 0 and before != 0:
            sizes[place] *= shrink
        sizes[place] = min(max(sizes[place], low), high)
        if now != 0:
            delta[place] = -sizes[place] if now > 0 else sizes[place]
    return sizes, gradient, delta


def rmsprop(mean, mean_square, gradient, rate, rho, epsilon):
    """Take a step of centred RMSProp (Graves 2013, arXiv 1308.0850, section 4.2).

    Average the gradient, and the square of the gradient: each average keeps the share
    rho of what it was. Mean square minus squared mean is the gradient's variance. The
    step is rate times the gradient over the root of variance plus epsilon: epsilon
    stands under the root. All averages are the new ones.

    (Hinton's RMSProp, the module, keeps the mean square only and divides by its root.)

    Args:
        mean, mean_square, gradient: float arrays of one shape.
        rate, epsilon: float > 0.
        rho: float in [0, 1).

    Returns:
        (mean, mean_square, delta).
    """
    mean, mean_square = np.array(mean), np.array(mean_square)
    gradient = np.array(gradient)
    mean += (1 - rho) * (gradient - mean)
    mean_square += (1 - rho) * (gradient**2 - mean_square)
    return (
        mean,
        mean_square,
        -rate * gradient * (mean_square - mean**2 + epsilon) ** -0.5,
    )


def adadelta(mean_square, mean_square_step, gradient, rho, epsilon):
    """Take a step of Adadelta.

    Average the squared gradient, keeping the share rho. The step is the gradient times
    RMS(steps) / RMS(gradients), where RMS is the root of an average plus epsilon:
    epsilon stands under both roots. For the gradients the average is the new one, for
    the steps the one so far. Then average the squared step. There is no rate.

    Args:
        mean_square: float array, the average of squared gradients so far.
        mean_square_step: float array, the average of squared steps so far.
        gradient: float array.
        rho: float in [0, 1).
        epsilon: float > 0.

    Returns:
        (mean_square, mean_square_step, delta).
    """
    gradient = np.array(gradient, "float64")
    pair = np.stack([np.array(mean_square), np.array(mean_square_step)])
    pair[0] = rho * pair[0] + (1 - rho) * gradient**2
    delta = -gradient * np.sqrt((pair[1] + epsilon) / (pair[0] + epsilon))
    pair[1] = rho * pair[1] + (1 - rho) * delta**2
    return pair[0], pair[1], delta


def adam(m, v, gradient, t, rate, beta_1, beta_2, epsilon):
    """Take a step of Adam, by algorithm 1 of its paper.

    m averages the gradient and keeps the share beta_1; v averages its square and keeps
    beta_2. Both began at zero, so they are too small: divide m by 1 - beta_1^t and v by
    1 - beta_2^t. The step is rate times the corrected m over (root of corrected v, plus
    epsilon). What is handed on is not corrected.

    Args:
        m, v, gradient: float arrays of one shape.
        t: 1 in the first step, 2 in the second. In training it is a float tensor.
        rate, epsilon: float > 0.
        beta_1, beta_2: float in [0, 1).

    Returns:
        (m, v, delta). In the first step delta is nearly -rate * sign(gradient).
    """
    m, v, gradient, t = np.array(m), np.array(v), np.array(gradient), float(t)
    m = np.average([m, gradient], axis=0, weights=[beta_1, 1 - beta_1])
    v = np.average([v, gradient**2], axis=0, weights=[beta_2, 1 - beta_2])
    root = np.sqrt(v / (1 - beta_2**t))
    return m, v, -rate / (1 - beta_1**t) * m / (root + epsilon)


def nadam(m, v, gradient, t, rate, beta_1, beta_2, epsilon):
    """Take a step of Nadam with a constant beta_1 (no schedule of the momentum).

    m, v and the corrected v are Adam's. In place of the corrected m stands

        beta_1 * m / (1 - beta_1^(t+1)) + (1 - beta_1) * gradient / (1 - beta_1^t)

    with the new m: the mean as the next step will see it, with this gradient in the
    place of the next one. (Keras and the module let the momentum follow a schedule.)

    Args:
        m, v, gradient, t, rate, beta_1, beta_2, epsilon: as in adam.

    Returns:
        (m, v, delta).
    """
    t, gradient = float(t), np.array(gradient)
    m, v, _ = adam(m, v, gradient, t, rate, beta_1, beta_2, epsilon)
    m_hat = np.sum(
        [
            beta_1 * m / (1 - beta_1 ** (t + 1)),
            (1 - beta_1) * gradient / (1 - beta_1**t),
        ],
        axis=0,
    )
    return m, v, -rate * m_hat / (np.sqrt(v / (1 - beta_2**t)) + epsilon)


BETAS = {"beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-8}
SIZES = {"grow": 1.2, "shrink": 0.5, "low": 1e-6, "high": 50.0}
RULES = {  # name: the rule, what it remembers at the start, its numbers, takes it t?
    "momentum": (momentum, [0.0], {"rate": 0.02, "share": 0.9}, False),
    "rprop": (rprop, [0.1, 0.0], SIZES, False),
    "rmsprop": (rmsprop, [0.0] * 2, {"rate": 0.02, "rho": 0.9, "epsilon": 1e-3}, False),
    "adadelta": (adadelta, [0.0] * 2, {"rho": 0.95, "epsilon": 1e-4}, False),
    "adam": (adam, [0.0] * 2, {"rate": 0.05, **BETAS}, True),
    "nadam": (nadam, [0.0] * 2, {"rate": 0.05, **BETAS}, True),
}


class YourOptimizer(GradientDescent):
    """One of your rules as a Keras optimizer; given.

    Args:
        name: a key of RULES.
    """

    def __init__(self, name):
        super().__init__(name=name)
        self.rule, start, self.numbers, self.timed = RULES[name]
        self.slots = {f"slot{i}": value for i, value in enumerate(start)}

    def step(self, g, rate, t, **state):
        kept = [state[name] for name in self.slots]
        clock = [t] if self.timed else []
        *kept, delta = self.rule(*kept, g, *clock, **self.numbers)
        return -delta, dict(zip(self.slots, kept, strict=True))


def network(name):
    """Return a small network that one of your rules will train; given."""
    inputs = keras.Input((6,))
    x = layers.Dense(8, "tanh", kernel_initializer="orthogonal")(inputs)
    model = keras.Model(inputs, layers.Dense(3)(x))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(YourOptimizer(name), loss, run_eagerly=True)
    return model


CURVATURE = (1.0, 50.0)


def race(name, goal=1e-3, limit=2000):
    """Return how many steps a rule takes down a narrow valley; given.

    The valley is x^2 / 2 + 50 y^2 / 2, from (5, 1) to where it is below the goal.
    """
    curvature = ops.convert_to_tensor(CURVATURE)
    weights, velocity = ops.convert_to_tensor([5.0, 1.0]), ops.zeros(2)
    rule, start, numbers, timed = RULES["momentum" if name == "nesterov" else name]
    state = [value * ops.ones(2) for value in start]
    for t in range(1, limit + 1):
        if name == "nesterov":
            slope = (weights, velocity, lambda place: curvature * place)
            weights, velocity = nesterov(*slope, **numbers)
        else:
            clock = [t] if timed else []
            *state, delta = rule(*state, curvature * weights, *clock, **numbers)
            weights = weights + delta
        if float(ops.sum(curvature * ops.square(weights)) / 2) < goal:
            return t
    return None


if __name__ == "__main__":
    for contestant in ("nesterov", *RULES):
        steps = race(contestant)
        print(f"{contestant:9} {steps or 'more than 2000'} steps")
