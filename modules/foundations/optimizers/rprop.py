"""Rprop: every weight has its own step size, and only the gradient's sign counts.

Paper: Riedmiller and Braun, "A direct adaptive method for faster backpropagation
       learning: the RPROP algorithm", ICNN 1993.
Link:  https://doi.org/10.1109/ICNN.1993.298623 (section III)
"""

import keras
from keras import ops

from modules.foundations.optimizers.gradient_descent import (
    GradientDescent,
    check_range,
)


@keras.saving.register_keras_serializable("foundations/optimizers")
class Rprop(GradientDescent):
    """Grow the step while the gradient keeps its sign, shrink it when it flips.

        Delta_t = min(1.2 Delta_{t-1}, max_step)  if g_t g_{t-1} > 0
                  max(0.5 Delta_{t-1}, min_step)  if g_t g_{t-1} < 0
                  Delta_{t-1}                     otherwise
        theta_t = theta_{t-1} - sign(g_t) Delta_t

    What is multiplied is the step size; the size of the gradient plays no part. Where
    the sign has flipped the step was too long, and the paper takes it back:

        theta_t = theta_{t-2}, and g_t counts as 0 in the next comparison

    (Rprop+ in later papers; backtracking=False is Rprop-, which steps on regardless.)
    PyTorch's Rprop stands still where the sign has flipped; Keras has none.

    It needs the gradient of all examples. With mini-batches nine gradients of +0.1 and
    one of -0.9 should cancel; here they are nine steps against one.

    Args:
        learning_rate: float, called Delta_0: every step size at the start. It has no
            effect later.
        grow: float > 1, called eta+.
        shrink: float in (0, 1), called eta-.
        min_step, max_step: float, the limits of the step size.
        backtracking: bool, whether a step behind which the sign flips is taken back.
        **kwargs: as in GradientDescent.

    Raises:
        ValueError: grow, shrink or the limits are outside their ranges.

    Example:
        >>> theta, optimizer = keras.Variable(0.0), Rprop()
        >>> for g in (1e-9, 1e9, -1.0, -1.0):
        ...     optimizer.apply([ops.array(g)], [theta])
        ...     print(f"{float(theta):.2f}")
        -0.10
        -0.22
        -0.10
        -0.04
    """

    slots = {"step_size": 0.1, "previous": 0.0, "last_delta": 0.0}

    def __init__(
        self,
        learning_rate=0.1,
        grow=1.2,
        shrink=0.5,
        min_step=1e-6,
        max_step=50.0,
        backtracking=True,
        **kwargs,
    ):
        super().__init__(learning_rate, **kwargs)
        if not grow > 1:
            raise ValueError(f"grow must be > 1, got {grow!r}")
        if not 0 < shrink < 1:
            raise ValueError(f"shrink must be in (0, 1), got {shrink!r}")
        check_range(0, max_step, min_step=min_step)
        self.grow = grow
        self.shrink = shrink
        self.min_step = min_step
        self.max_step = max_step
        self.backtracking = backtracking
        self.slots = {**self.slots, "step_size": float(self.learning_rate)}

    def step(self, g, rate, t, step_size, previous, last_delta):
        agree = ops.sign(g) * ops.sign(previous)  # a product of both could underflow
        flipped = agree < 0
        factor = ops.where(agree > 0, self.grow, ops.where(flipped, self.shrink, 1.0))
        step_size = ops.clip(factor * step_size, self.min_step, self.max_step)
        delta = ops.sign(g) * step_size
        if self.backtracking:
            delta = ops.where(flipped, -last_delta, delta)
            g = ops.where(flipped, 0.0, g)
        return delta, {"step_size": step_size, "previous": g, "last_delta": delta}

    def get_config(self):
        names = ("grow", "shrink", "min_step", "max_step", "backtracking")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}
