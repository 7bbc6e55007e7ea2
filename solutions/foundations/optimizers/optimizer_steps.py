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
    # BEGIN SOLUTION let the velocity remember the gradients
    # HINT The velocity points uphill, as gradients do; delta points downhill.
    # HINT velocity = share * velocity + rate * gradient
    velocity = share * velocity + rate * gradient
    # WRONG velocity = share * velocity - rate * gradient
    # WHY your velocity turns against the gradient and delta turns it again, so you
    # WHY climb: one of the two signs is too many
    # WRONG velocity = share * velocity + (1 - share) * rate * gradient
    # WHY you take an average of the gradients; in this form the new gradient counts in
    # WHY full, so that steps can grow to rate / (1 - share)
    # WRONG velocity = share * (velocity + rate * gradient)
    # WHY you weigh the new gradient by the share too; only the old velocity fades
    # WRONG velocity = share * velocity + gradient
    # WHY the rate is missing in your velocity
    return velocity, -velocity
    # WRONG return velocity, velocity
    # WHY your delta points uphill: it is added to the weights, so it needs a minus
    # WRONG return velocity, -rate * velocity
    # WHY you multiply by the rate twice: it is in the velocity already
    # END SOLUTION


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
    # BEGIN SOLUTION look ahead, then step from where you are
    # HINT Where would you be after the step if the gradient were zero?
    # HINT Only gradient_of sees the point ahead, weights - share * velocity.
    # HINT Then velocity as in `momentum`, and weights - velocity.
    ahead = weights - share * velocity
    # WRONG ahead = weights
    # WHY you take the gradient where you stand, which is plain momentum; Nesterov
    # WHY evaluates it at the point ahead
    # WRONG ahead = weights + share * velocity
    # WHY you look behind: the velocity is subtracted from the weights, also to look
    # WHY ahead
    # WRONG ahead = weights - velocity
    # WHY you look too far ahead: only the share of the velocity stays in the next step
    velocity = share * velocity + rate * gradient_of(ahead)
    # WRONG velocity = velocity + rate * gradient_of(ahead)
    # WHY your old velocity does not fade: it is multiplied by the share
    return weights - velocity, velocity
    # WRONG return ahead - velocity, velocity
    # WHY you step from the point ahead, so the old velocity counts twice; it serves
    # WHY for the gradient only
    # WRONG return weights - share * velocity, velocity
    # WHY your step is the share of the new velocity; it is all of it
    # END SOLUTION


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
    # BEGIN SOLUTION compare signs, change the sizes, step by size and sign
    # HINT The sign of gradient * previous tells the three cases apart.
    # HINT ops.where(agree > 0, grow, ops.where(agree < 0, shrink, 1.0))
    # HINT Then ops.clip the sizes; delta is -ops.sign(gradient) * sizes.
    agree = ops.sign(gradient) * ops.sign(previous)
    # WRONG agree = ops.ones_like(gradient)
    # WHY your sizes always grow: you do not look whether the sign has flipped
    # WRONG agree = -ops.sign(gradient) * ops.sign(previous)
    # WHY you shrink where the sign is kept and grow where it flips: the other way round
    factor = ops.where(agree > 0, grow, ops.where(agree < 0, shrink, 1.0))
    # WRONG factor = ops.where(agree > 0, grow, shrink)
    # WHY you shrink where a gradient is 0; there the size stays as it is
    # WRONG factor = ops.where(agree > 0, grow, 1.0)
    # WHY your sizes never shrink where the sign flips
    sizes = ops.clip(factor * sizes, low, high)
    # WRONG sizes = factor * sizes
    # WHY your sizes leave the interval from low to high
    # WRONG return sizes, gradient, -factor * gradient
    # WHY you multiply the gradient by a factor; it is the step size of the weight that
    # WHY is multiplied, and of the gradient only the sign counts
    return sizes, gradient, -ops.sign(gradient) * sizes
    # WRONG return sizes, gradient, -gradient * sizes
    # WHY you step in proportion to the gradient; only its sign counts
    # WRONG return sizes, gradient, -sizes
    # WHY you step down whatever the gradient's sign is
    # WRONG return sizes, gradient, -ops.sign(gradient) * sizes / factor
    # WHY you step by the old sizes; they are changed before the step
    # WRONG return sizes, previous, -ops.sign(gradient) * sizes
    # WHY you hand on the old gradient; in the next call `previous` must be this one
    # END SOLUTION


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
    # BEGIN SOLUTION two averages, their variance, one division
    # HINT The new mean is rho * mean + (1 - rho) * gradient.
    # HINT variance = mean_square - ops.square(mean)
    # HINT delta = -rate * gradient / ops.sqrt(variance + epsilon)
    mean = rho * mean + (1 - rho) * gradient
    # WRONG mean = (1 - rho) * mean + rho * gradient
    # WHY you swap the shares in the mean: rho is the share of the old average
    mean_square = rho * mean_square + (1 - rho) * ops.square(gradient)
    # WRONG mean_square = rho * mean_square + (1 - rho) * gradient
    # WHY your mean square averages the gradient itself; it averages the squares
    # WRONG mean_square = mean_square + ops.square(gradient)
    # WHY you add the squares up as AdaGrad does; RMSProp forgets old ones
    # WRONG mean_square = rho * mean_square + (1 - rho) * ops.square(gradient - mean)
    # WHY you average squared deviations; here the variance comes from two averages
    variance = mean_square - ops.square(mean)
    # WRONG variance = mean_square
    # WHY you divide by the mean square, which is Hinton's form; this one is centred:
    # WHY the squared mean is taken off
    # WRONG variance = mean_square - mean
    # WHY you take off the mean; it must be squared first
    return mean, mean_square, -rate * gradient / ops.sqrt(variance + epsilon)
    # WRONG return mean, mean_square, -rate * gradient / (ops.sqrt(variance) + epsilon)
    # WHY you add epsilon to the root; here it stands under it
    # WRONG return mean, mean_square, -rate * gradient / (variance + epsilon)
    # WHY you divide by the variance: the root is missing, so the step depends on the
    # WHY gradient's scale
    # WRONG return mean, mean_square, -rate * mean / ops.sqrt(variance + epsilon)
    # WHY you step along the mean; RMSProp steps along the gradient
    # END SOLUTION


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
    # BEGIN SOLUTION average, step by the quotient of the roots, average the step
    # HINT The step needs RMS(steps) before the step is known: so it is the old one.
    # HINT RMS(steps) is ops.sqrt(mean_square_step + epsilon).
    # HINT At the end mean_square_step is averaged with ops.square(delta).
    mean_square = rho * mean_square + (1 - rho) * ops.square(gradient)
    # WRONG pass
    # WHY your average of squared gradients stays as it was; it takes in the new
    # WHY gradient first
    # WRONG mean_square = mean_square + ops.square(gradient)
    # WHY you add the squares up as AdaGrad does; Adadelta averages them
    above, below = mean_square_step + epsilon, mean_square + epsilon
    # WRONG above, below = mean_square_step, mean_square + epsilon
    # WHY epsilon is missing above: then the first step, and every other one, is zero
    # WRONG above, below = mean_square + epsilon, mean_square_step + epsilon
    # WHY your quotient is upside down: the steps belong above, the gradients below
    # WRONG above, below = 1.0, mean_square + epsilon
    # WHY you divide by the gradients' RMS only; the RMS of the steps takes the place
    # WHY of a rate
    delta = -ops.sqrt(above) / ops.sqrt(below) * gradient
    # WRONG delta = -above / below * gradient
    # WHY the roots are missing
    squared = ops.square(delta)
    # WRONG squared = ops.square(gradient)
    # WHY you average the squared gradient a second time; the second average is that of
    # WHY the squared steps
    return mean_square, rho * mean_square_step + (1 - rho) * squared, delta
    # WRONG return mean_square, mean_square_step, delta
    # WHY your average of squared steps never changes
    # END SOLUTION


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
    # BEGIN SOLUTION average, correct, divide
    # HINT beta_1**t works for numbers and for tensors.
    # HINT m_hat = m / (1 - beta_1**t), and v_hat in the same way with beta_2.
    # HINT delta = -rate * m_hat / (ops.sqrt(v_hat) + epsilon)
    m = beta_1 * m + (1 - beta_1) * gradient
    # WRONG m = beta_2 * m + (1 - beta_2) * gradient
    # WHY your mean keeps the share beta_2; that is the mean square's
    # WRONG m = beta_1 * m + gradient
    # WHY the new gradient counts in full in your m; in Adam it counts 1 - beta_1
    v = beta_2 * v + (1 - beta_2) * ops.square(gradient)
    # WRONG v = beta_1 * v + (1 - beta_1) * ops.square(gradient)
    # WHY your mean square keeps the share beta_1; that is the mean's
    # WRONG v = beta_2 * v + (1 - beta_2) * gradient
    # WHY your v averages the gradient; it averages its square
    m_hat, v_hat = m / (1 - beta_1**t), v / (1 - beta_2**t)
    # WRONG m_hat, v_hat = m, v
    # WHY the correction for the start at zero is missing in both averages
    # WRONG m_hat, v_hat = m, v / (1 - beta_2**t)
    # WHY the correction for the start at zero is missing in m
    # WRONG m_hat, v_hat = m / (1 - beta_1**t), v
    # WHY the correction for the start at zero is missing in v
    # WRONG m_hat, v_hat = m / (1 - beta_1 ** (t + 1)), v / (1 - beta_2 ** (t + 1))
    # WHY you count one step too many: t is 1 in the first step already
    # WRONG m_hat, v_hat = m / (1 - beta_1), v / (1 - beta_2)
    # WHY you correct by the first step's divisor in every step: the betas must be
    # WHY raised to the power t
    return m, v, -rate * m_hat / (ops.sqrt(v_hat) + epsilon)
    # WRONG return m, v, -rate * m_hat / ops.sqrt(v_hat + epsilon)
    # WHY epsilon stands under your root; in algorithm 1 it is added to the root
    # WRONG return m, v, -rate * m_hat / (v_hat + epsilon)
    # WHY the root of v is missing
    # WRONG root = ops.sqrt(v) + epsilon
    # WRONG return m, v, -rate * m_hat * (1 - beta_2**t) ** 0.5 / root
    # WHY your epsilon is added to the root of the uncorrected v, as in Keras; in
    # WHY algorithm 1 it is added to the root of the corrected one
    # WRONG return m_hat, v_hat, -rate * m_hat / (ops.sqrt(v_hat) + epsilon)
    # WHY you hand on the corrected averages, and the next step corrects them again
    # END SOLUTION


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
    # BEGIN SOLUTION as adam, with another mean above the root
    # HINT Only one line differs from your adam.
    # HINT The exponent of the first divisor is t + 1, of the second t.
    m = beta_1 * m + (1 - beta_1) * gradient
    v = beta_2 * v + (1 - beta_2) * ops.square(gradient)
    ahead = beta_1 * m / (1 - beta_1 ** (t + 1))
    # WRONG ahead = beta_1 * m / (1 - beta_1**t)
    # WHY both of your divisors have the exponent t; the one under m looks a step ahead
    # WRONG ahead = m / (1 - beta_1 ** (t + 1))
    # WHY beta_1 is missing before m: the two parts are weighed beta_1 and 1 - beta_1
    now = (1 - beta_1) * gradient / (1 - beta_1**t)
    # WRONG now = (1 - beta_1) * gradient
    # WHY the part with the gradient is not corrected: it too is divided, by
    # WHY 1 - beta_1^t
    # WRONG now = gradient / (1 - beta_1**t)
    # WHY your gradient counts in full; its weight is 1 - beta_1
    # WRONG now = 0.0
    # WHY the part with the present gradient is missing: this does not look ahead
    # WRONG ahead, now = m / (1 - beta_1**t), 0.0
    # WHY this is adam: the look ahead, which is all that is new here, is missing
    m_hat, v_hat = ahead + now, v / (1 - beta_2**t)
    # WRONG m_hat, v_hat = ahead + now, v
    # WHY the correction for the start at zero is missing in v
    return m, v, -rate * m_hat / (ops.sqrt(v_hat) + epsilon)
    # WRONG return m_hat, v, -rate * m_hat / (ops.sqrt(v_hat) + epsilon)
    # WHY you hand on the mean that looks ahead; the next step needs m itself
    # END SOLUTION


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
