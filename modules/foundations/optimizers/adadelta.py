"""Adadelta: measure each step in units of the steps before it.

Paper: Zeiler, "ADADELTA: An Adaptive Learning Rate Method", 2012.
Link:  https://arxiv.org/abs/1212.5701 (section 3, algorithm 1)
"""

import keras
from keras import ops

from modules.foundations.optimizers.gradient_descent import (
    GradientDescent,
    check_range,
)


@keras.saving.register_keras_serializable("foundations/optimizers")
class Adadelta(GradientDescent):
    """Let the size of past steps take the place of the learning rate.

        E[g^2]_t = rho E[g^2]_{t-1} + (1 - rho) g_t^2
        dx_t = - RMS[dx]_{t-1} / RMS[g]_t g_t    with    RMS[z] = sqrt(E[z^2] + epsilon)
        E[dx^2]_t = rho E[dx^2]_{t-1} + (1 - rho) dx_t^2
        x_{t+1} = x_t + dx_t

    A gradient has the units of 1 / x (of the loss per x), a step must have those of
    x. The quotient g / RMS[g] has none, and RMS[dx] supplies them.

    E[dx^2] starts at 0, so epsilon alone decides how long the first steps are: about
    sqrt(epsilon / (1 - rho)). Scaling the gradient changes nothing as long as it is
    much larger than sqrt(epsilon); with epsilon = 0 nothing would ever move.

    The paper has no learning rate; learning_rate = 1.0 is the paper's algorithm.
    Keras's Adadelta equals this class with the same numbers, but its defaults are a
    learning rate of 0.001, a thousandth of the paper's steps, and epsilon = 1e-7.

    Args:
        learning_rate: float or schedule, a factor on dx.
        rho: float in [0, 1), the share of the averages that stays.
        epsilon: float > 0.
        **kwargs: as in GradientDescent.

    Raises:
        ValueError: rho or epsilon is outside its range.

    Example:
        >>> theta = keras.Variable([0.0, 0.0])
        >>> Adadelta(rho=0.96).apply([ops.array([5.0, -0.2])], [theta])
        >>> print(ops.round(theta, 4).numpy())
        [-0.005  0.005]
    """

    slots = {"mean_square": 0.0, "mean_square_step": 0.0}

    def __init__(self, learning_rate=1.0, rho=0.95, epsilon=1e-6, **kwargs):
        super().__init__(learning_rate, **kwargs)
        check_range(0, 1, rho=rho)
        if not epsilon > 0:
            raise ValueError(f"epsilon must be > 0, got {epsilon!r}")
        self.rho = rho
        self.epsilon = epsilon

    def step(self, g, rate, t, mean_square, mean_square_step):
        mean_square = self._average(mean_square, g)
        step = self._rms(mean_square_step) / self._rms(mean_square) * g
        kept = self._average(mean_square_step, step)
        return rate * step, {"mean_square": mean_square, "mean_square_step": kept}

    def _average(self, mean_square, z):
        return self.rho * mean_square + (1 - self.rho) * ops.square(z)

    def _rms(self, mean_square):
        return ops.sqrt(mean_square + self.epsilon)

    def get_config(self):
        return {**super().get_config(), "rho": self.rho, "epsilon": self.epsilon}
