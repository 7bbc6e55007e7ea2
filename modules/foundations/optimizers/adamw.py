"""AdamW: shrink the weights beside the gradient step, not through it.

Paper: Loshchilov and Hutter, "Decoupled Weight Decay Regularization", ICLR 2019.
Link:  https://arxiv.org/abs/1711.05101 (section 2, algorithm 2)
"""

import keras
from keras import ops

from modules.foundations.optimizers.adam import Adam
from modules.foundations.optimizers.gradient_descent import check_range


@keras.saving.register_keras_serializable("foundations/optimizers")
class AdamW(Adam):
    """Adam that also takes the share lambda off every weight.

        theta_t = theta_{t-1} - eta_t (alpha m_hat / (sqrt(v_hat) + epsilon)
                                       + lambda theta_{t-1})

    An L2 penalty lambda theta in the gradient is another thing: Adam divides it by
    the root of v, so weights with large gradients are hardly shrunk. Here all weights
    shrink by the same share, and the averages see the gradient of the loss alone.

    lambda is not multiplied by alpha; eta_t, a schedule between 0 and 1, multiplies
    both. Keras and PyTorch take off learning_rate * weight_decay, so theirs is our
    weight_decay divided by alpha, and changing their learning rate changes the decay.
    The paper gives no default; its appendix B.1 divides lambda by the root of the
    number of steps. The default here is PyTorch's, 0.01 times 0.001.

    Keras's `exclude_from_weight_decay` names variables that are not to shrink; biases
    and the scales of normalizations are the usual ones.

    Args:
        learning_rate: float, called alpha.
        weight_decay: float in [0, 1), called lambda.
        beta_1, beta_2, epsilon: as in Adam.
        schedule: keras.optimizers.schedules.LearningRateSchedule for eta_t, or None
            for 1.
        **kwargs: as in GradientDescent.

    Raises:
        ValueError: an argument is outside its range.

    Example:
        >>> theta = keras.Variable([4.0, -2.0])
        >>> AdamW(weight_decay=0.25).apply([ops.array([0.0, 0.0])], [theta])
        >>> print(theta.numpy())
        [ 3.  -1.5]
    """

    def __init__(
        self,
        learning_rate=0.001,
        weight_decay=1e-5,
        beta_1=0.9,
        beta_2=0.999,
        epsilon=1e-8,
        schedule=None,
        **kwargs,
    ):
        check_range(0, 1, weight_decay=weight_decay)
        super().__init__(learning_rate, beta_1, beta_2, epsilon, **kwargs)
        self.weight_decay = weight_decay
        if isinstance(schedule, dict):  # from a config
            schedule = keras.optimizers.schedules.deserialize(schedule)
        self.schedule = schedule

    def _apply_weight_decay(self, variables):
        """Leave out Keras's decay, learning_rate * weight_decay."""

    def update_step(self, gradient, variable, learning_rate):
        eta = 1.0 if self.schedule is None else self.schedule(self.iterations)
        eta = ops.cast(eta, variable.dtype)
        decay = self.weight_decay if self._use_weight_decay(variable) else 0.0
        self.assign_sub(variable, eta * decay * variable)
        rate = eta * ops.cast(learning_rate, variable.dtype)
        super().update_step(gradient, variable, rate)  # does not look at the variable

    def get_config(self):
        schedule = self.schedule and keras.optimizers.schedules.serialize(self.schedule)
        return {**super().get_config(), "schedule": schedule}
