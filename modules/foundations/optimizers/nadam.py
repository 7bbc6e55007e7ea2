"""Nadam: Adam whose momentum looks one step ahead, as Nesterov's does.

Paper: Dozat, "Incorporating Nesterov Momentum into Adam", ICLR 2016, workshop track.
Link:  https://openreview.net/forum?id=OM0jvwB8jIp57ZJjtNEZ (section 3)
"""

import keras

from modules.foundations.optimizers.adam import Adam


@keras.saving.register_keras_serializable("foundations/optimizers")
class Nadam(Adam):
    """Use the mean as it will be in the next step, with the present gradient in it.

        m_hat = mu_{t+1} m_t / (1 - mu_1 ... mu_{t+1})
                + (1 - mu_t) g_t / (1 - mu_1 ... mu_t)
        theta_t = theta_{t-1} - alpha m_hat / (sqrt(v_hat) + epsilon)

    m, v and v_hat are Adam's. The momentum follows a schedule that rises from about
    beta_1 / 2 to beta_1:

        mu_t = beta_1 (1 - 0.96^(psi t) / 2)

    psi = 0.004 is that of PyTorch and of Keras 2: half of the way takes 4,245 steps.
    Keras 3 has no choice but psi = 1, where half of the way takes 17 steps; with
    psi = 1 this class equals its Nadam. With psi = inf, mu_t = beta_1 at once and

        m_hat = beta_1 m_t / (1 - beta_1^(t+1)) + (1 - beta_1) g_t / (1 - beta_1^t)

    which is the form of many textbooks. Those are three different optimizers: say
    which one you mean. With beta_1 = 0 all are RMSProp with a corrected average.

    Args:
        learning_rate: float or schedule, called alpha.
        beta_1, beta_2, epsilon: as in Adam.
        momentum_decay: float >= 0, called psi: the speed of the schedule.
        **kwargs: as in GradientDescent.

    Raises:
        ValueError: an argument is outside its range.

    Example:
        >>> theta = keras.Variable(1.0)
        >>> Nadam(0.1, momentum_decay=float("inf")).apply(
        ...     [keras.ops.array(3.0)], [theta]
        ... )
        >>> print(f"{float(theta):.4f}")  # 1 - 0.1 (0.09 / 0.19 + 0.1 / 0.1)
        0.8526
    """

    def __init__(
        self,
        learning_rate=0.002,
        beta_1=0.9,
        beta_2=0.999,
        epsilon=1e-8,
        momentum_decay=0.004,
        **kwargs,
    ):
        super().__init__(learning_rate, beta_1, beta_2, epsilon, **kwargs)
        if not momentum_decay >= 0:
            raise ValueError(f"momentum_decay must be >= 0, got {momentum_decay!r}")
        self.momentum_decay = momentum_decay

    def build(self, variables):
        if self.built:
            return
        super().build(variables)
        for v, kept in zip(variables, self.state, strict=True):
            kept["product"] = self.add_variable((), "ones", v.dtype, name="product")

    def momentum(self, t):
        """Return mu_t."""
        return self.beta_1 * (1 - 0.5 * 0.96 ** (self.momentum_decay * t))

    def step(self, g, rate, t, mean, mean_square, product):
        m, v = self.moments(g, mean, mean_square)
        now, ahead = self.momentum(t), self.momentum(t + 1)
        product = product * now
        m_hat = ahead * m / (1 - product * ahead) + (1 - now) * g / (1 - product)
        state = {"mean": m, "mean_square": v, "product": product}
        return rate * self.scaled(m_hat, v, t), state

    def get_config(self):
        return {**super().get_config(), "momentum_decay": self.momentum_decay}
