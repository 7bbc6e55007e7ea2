"""RMSProp: divide each weight's step by the recent size of its gradient.

Source: Tieleman and Hinton, "Lecture 6e: rmsprop: Divide the gradient by a running
        average of its recent magnitude", Neural Networks for Machine Learning,
        Coursera 2012 (https://www.cs.toronto.edu/~tijmen/csc321/slides/)
"""

import keras
from keras import ops

from modules.foundations.optimizers.gradient_descent import (
    GradientDescent,
    check_range,
)


@keras.saving.register_keras_serializable("foundations/optimizers")
class RMSProp(GradientDescent):
    """Forget old gradients, which AdaGrad never does.

        s_t = rho s_{t-1} + (1 - rho) g_t^2
        theta_t = theta_{t-1} - eta g_t / sqrt(s_t + epsilon)

    Rprop divides by the size of the present gradient, which differs from one
    mini-batch to the next; here the divisor is nearly the same for batches that
    follow each other, so that gradients of opposite sign can cancel.

    s starts at 0 and is not corrected: the first step is eta / sqrt(1 - rho), 3.16
    times the learning rate. The slides have no epsilon; here it stands under the root,
    as in Keras's RMSprop, which equals this class with the same numbers. PyTorch adds
    it to the root, and has 0.99 for rho.

    Args:
        learning_rate: float or schedule, called eta.
        rho: float in [0, 1), the share of the average that stays.
        epsilon: float >= 0.
        **kwargs: as in GradientDescent.

    Raises:
        ValueError: rho or epsilon is outside its range.

    Example:
        >>> theta = keras.Variable([0.0, 0.0])
        >>> RMSProp(0.1).apply([ops.array([5.0, -0.2])], [theta])
        >>> print(ops.round(theta, 4).numpy())
        [-0.3162  0.3162]
    """

    slots = {"mean_square": 0.0}

    def __init__(self, learning_rate=0.001, rho=0.9, epsilon=1e-7, **kwargs):
        super().__init__(learning_rate, **kwargs)
        check_range(0, 1, rho=rho)
        check_range(0, float("inf"), epsilon=epsilon)
        self.rho = rho
        self.epsilon = epsilon

    def step(self, g, rate, t, mean_square):
        s = self.rho * mean_square + (1 - self.rho) * ops.square(g)
        return rate * g / ops.sqrt(s + self.epsilon), {"mean_square": s}

    def get_config(self):
        return {**super().get_config(), "rho": self.rho, "epsilon": self.epsilon}
