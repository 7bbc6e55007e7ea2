"""Momentum, the heavy ball: keep going where the last steps went.

Paper: Polyak, "Some methods of speeding up the convergence of iteration methods",
       USSR Computational Mathematics and Mathematical Physics 4, 1964.
Link:  https://doi.org/10.1016/0041-5553(64)90137-5 (section 2); in these letters:
       https://arxiv.org/abs/1609.04747 (section 4.1)
"""

import keras

from modules.foundations.optimizers.gradient_descent import (
    GradientDescent,
    check_range,
)


@keras.saving.register_keras_serializable("foundations/optimizers")
class Momentum(GradientDescent):
    """Step by a velocity that remembers the gradients so far.

        v_t = gamma v_{t-1} + eta g_t
        theta_t = theta_{t-1} - v_t

    With a constant gradient the steps grow to eta g / (1 - gamma), ten times gradient
    descent's for gamma = 0.9. With gamma = 0 it is gradient descent.

    Keras's SGD(momentum=gamma) keeps -v: the same variables at every step, also when
    eta changes. PyTorch's SGD keeps v = gamma v + g and steps by eta v: the same only
    while eta is constant, since there a new eta also acts on old gradients.

    Args:
        learning_rate: float or schedule, called eta.
        momentum: float in [0, 1), called gamma.
        **kwargs: as in GradientDescent.

    Raises:
        ValueError: momentum is outside its range.

    Example:
        >>> theta, optimizer = keras.Variable(0.0), Momentum(0.1)
        >>> for _ in range(2):
        ...     optimizer.apply([keras.ops.array(1.0)], [theta])
        ...     print(f"{float(theta):.2f}")
        -0.10
        -0.29
    """

    slots = {"velocity": 0.0}

    def __init__(self, learning_rate=0.01, momentum=0.9, **kwargs):
        super().__init__(learning_rate, **kwargs)
        check_range(0, 1, momentum=momentum)
        self.momentum = momentum

    def step(self, g, rate, t, velocity):
        velocity = self.momentum * velocity + rate * g
        return velocity, {"velocity": velocity}

    def get_config(self):
        return {**super().get_config(), "momentum": self.momentum}
