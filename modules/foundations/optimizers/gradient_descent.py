"""Gradient descent: go against the gradient; and the frame of all optimizers here.

Paper: Robbins and Monro, "A Stochastic Approximation Method", Annals of Mathematical
       Statistics 22, 1951; Ruder, "An overview of gradient descent optimization
       algorithms", 2016.
Link:  https://arxiv.org/abs/1609.04747 (sections 2 and 4)
"""

import keras
from keras import ops
from keras.initializers import Constant


@keras.saving.register_keras_serializable("foundations/optimizers")
class GradientDescent(keras.optimizers.Optimizer):
    """Take a step of eta times the gradient, downhill.

        theta <- theta - eta g

    The other optimizers of the chapter derive from this class. `slots` names what one
    of them keeps for every variable, and `step` is its rule:

        delta, state = step(g, eta, t, **state)
        theta <- theta - delta

    Keras's SGD is this with momentum 0.

    Args:
        learning_rate: float, schedule or callable, called eta in most papers.
        **kwargs: what every Keras optimizer takes: name, clipnorm, use_ema, ...

    Example:
        >>> theta = keras.Variable([1.0, -2.0])
        >>> GradientDescent(0.5).apply([ops.array([2.0, 2.0])], [theta])
        >>> print(theta.numpy())
        [ 0. -3.]
    """

    slots = {}  # name: the value at the start

    def __init__(self, learning_rate=0.01, **kwargs):
        super().__init__(learning_rate, **kwargs)

    def step(self, g, rate, t):
        """Return how far to go, and the state to keep; a pure function of tensors.

        Args:
            g: gradient of one variable, in the variable's dtype.
            rate: scalar, the learning rate of this step.
            t: float scalar, 1 in the first step.
            **state: one tensor for every name in `slots`.

        Returns:
            delta, which is subtracted, and a dict with the new state.
        """
        return rate * g, {}

    def build(self, variables):
        if self.built:
            return
        super().build(variables)
        self.state = [
            {
                name: self.add_variable_from_reference(v, name, Constant(value))
                for name, value in self.slots.items()
            }
            for v in variables
        ]

    def update_step(self, gradient, variable, learning_rate):
        g = ops.cast(gradient, variable.dtype)
        g = ops.add(ops.zeros_like(variable), g)  # an embedding's is sparse
        rate = ops.cast(learning_rate, variable.dtype)
        t = ops.cast(self.iterations + 1, variable.dtype)
        kept = self.state[self._get_variable_index(variable)]
        state = {name: ops.convert_to_tensor(value) for name, value in kept.items()}
        delta, state = self.step(g, rate, t, **state)
        for name, value in state.items():
            self.assign(kept[name], value)
        self.assign_sub(variable, delta)


def check_range(low, high, **values):
    """Raise ValueError unless low <= value < high for each named value."""
    for name, value in values.items():
        if not low <= value < high:
            raise ValueError(f"{name} must be in [{low}, {high}), got {value!r}")
