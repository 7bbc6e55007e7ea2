"""AdaGrad: divide each weight's step by the length of its gradients so far.

Paper: Duchi, Hazan and Singer, "Adaptive Subgradient Methods for Online Learning and
       Stochastic Optimization", JMLR 12, 2011.
Link:  https://jmlr.org/papers/v12/duchi11a.html (section 1.1, figure 1, diagonal form)
"""

import keras
from keras import ops

from modules.foundations.optimizers.gradient_descent import (
    GradientDescent,
    check_range,
)


@keras.saving.register_keras_serializable("foundations/optimizers")
class AdaGrad(GradientDescent):
    """Give rare features long steps and frequent ones short steps.

        G_t = G_{t-1} + g_t^2
        theta_t = theta_{t-1} - eta g_t / (delta + sqrt(G_t))

    The first step is eta sign(g). The sum only grows: with a constant gradient step t
    is eta / sqrt(t), and a long training comes to rest wherever it is.

    The paper tunes eta, and adds delta to the root, as here. Keras's Adagrad starts
    the sum at 0.1 and adds its epsilon under the root: with delta = 0 and a sum that
    starts at 0.1 + epsilon the two are equal.

    Args:
        learning_rate: float or schedule, called eta.
        epsilon: float >= 0, called delta.
        **kwargs: as in GradientDescent.

    Raises:
        ValueError: epsilon is negative.

    Example:
        >>> theta, optimizer = keras.Variable([0.0, 0.0]), AdaGrad(1.0)
        >>> for _ in range(2):
        ...     optimizer.apply([ops.array([5.0, -0.2])], [theta])
        ...     print(ops.round(theta, 3).numpy())
        [-1.  1.]
        [-1.707  1.707]
    """

    slots = {"total": 0.0}

    def __init__(self, learning_rate=0.01, epsilon=1e-10, **kwargs):
        super().__init__(learning_rate, **kwargs)
        check_range(0, float("inf"), epsilon=epsilon)
        self.epsilon = epsilon

    def step(self, g, rate, t, total):
        total = total + ops.square(g)
        return rate * g / (self.epsilon + ops.sqrt(total)), {"total": total}

    def get_config(self):
        return {**super().get_config(), "epsilon": self.epsilon}
