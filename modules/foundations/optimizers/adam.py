"""Adam: momentum over RMSProp, both averages corrected for their start at zero.

Paper: Kingma and Ba, "Adam: A Method for Stochastic Optimization", ICLR 2015.
Link:  https://arxiv.org/abs/1412.6980 (sections 2 and 3, algorithm 1)
"""

import keras
from keras import ops

from modules.foundations.optimizers.gradient_descent import (
    GradientDescent,
    check_range,
)


@keras.saving.register_keras_serializable("foundations/optimizers")
class Adam(GradientDescent):
    """Step by the mean of the gradient over the root of its mean square.

        m_t = beta_1 m_{t-1} + (1 - beta_1) g_t
        v_t = beta_2 v_{t-1} + (1 - beta_2) g_t^2
        m_hat = m_t / (1 - beta_1^t)        v_hat = v_t / (1 - beta_2^t)
        theta_t = theta_{t-1} - alpha m_hat / (sqrt(v_hat) + epsilon)

    m and v start at zero; what the divisors correct is that the first averages are
    too small. With a constant gradient every step is alpha sign(g), from the first.

    Keras's Adam computes the paper's faster form (end of section 2), with epsilon on
    the root of the uncorrected v. Its epsilon, the paper's epsilon-hat, is therefore
    ours times sqrt(1 - beta_2^t): in the first step 1e-7 there is 3.2e-6 here.

    Args:
        learning_rate: float or schedule, called alpha.
        beta_1: float in [0, 1), the share of the mean that stays.
        beta_2: float in [0, 1), the share of the mean square that stays.
        epsilon: float >= 0.
        **kwargs: as in GradientDescent.

    Raises:
        ValueError: beta_1, beta_2 or epsilon is outside its range.

    Example:
        >>> theta, optimizer = keras.Variable([0.0, 0.0]), Adam(0.01)
        >>> for _ in range(2):
        ...     optimizer.apply([ops.array([100.0, -0.2])], [theta])
        ...     print(ops.round(theta, 4).numpy())
        [-0.01  0.01]
        [-0.02  0.02]
    """

    slots = {"mean": 0.0, "mean_square": 0.0}

    def __init__(
        self, learning_rate=0.001, beta_1=0.9, beta_2=0.999, epsilon=1e-8, **kwargs
    ):
        super().__init__(learning_rate, **kwargs)
        check_range(0, 1, beta_1=beta_1, beta_2=beta_2)
        check_range(0, float("inf"), epsilon=epsilon)
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon

    def step(self, g, rate, t, mean, mean_square):
        m, v = self.moments(g, mean, mean_square)
        m_hat = m / (1 - self.beta_1**t)
        return rate * self.scaled(m_hat, v, t), {"mean": m, "mean_square": v}

    def moments(self, g, m, v):
        """Return both averages after the gradient g."""
        m = self.beta_1 * m + (1 - self.beta_1) * g
        v = self.beta_2 * v + (1 - self.beta_2) * ops.square(g)
        return m, v

    def scaled(self, m_hat, v, t):
        """Return m_hat over the root of the corrected v."""
        v_hat = v / (1 - self.beta_2**t)
        return m_hat / (ops.sqrt(v_hat) + self.epsilon)

    def get_config(self):
        names = ("beta_1", "beta_2", "epsilon")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}
