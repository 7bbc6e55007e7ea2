"""Nesterov's accelerated gradient: look where the momentum leads, then correct.

Paper: Nesterov, "A method for solving the convex programming problem with convergence
       rate O(1/k^2)", Soviet Mathematics Doklady 27, 1983; in these letters Sutskever,
       Martens, Dahl and Hinton, "On the importance of initialization and momentum in
       deep learning", ICML 2013.
Link:  https://proceedings.mlr.press/v28/sutskever13.html (section 2, equations 3, 4)
"""

import keras

from modules.foundations.optimizers.momentum import Momentum


@keras.saving.register_keras_serializable("foundations/optimizers")
class Nesterov(Momentum):
    """Evaluate the gradient where the velocity is about to lead, not where we stand.

        v_t = gamma v_{t-1} + eta grad J(theta_{t-1} - gamma v_{t-1})
        theta_t = theta_{t-1} - v_t

    Keras computes gradients at the variables, so the variables hold the look-ahead
    points phi_t = theta_t - gamma v_t, as in Keras's SGD(nesterov=True). Put into the
    lines above, with g_t = grad J(phi_{t-1}):

        phi_t = phi_{t-1} - (gamma v_t + eta g_t)

    `position` gives theta_t back. At the start v = 0 and the two are the same.
    Nesterov's paper lets gamma grow with t; here it is constant, as in practice.
    The method is accelerated, not adaptive: all weights share one eta.

    Args:
        learning_rate: float or schedule, called eta.
        momentum: float in [0, 1), called gamma.
        **kwargs: as in GradientDescent.

    Raises:
        ValueError: momentum is outside its range.

    Example:
        >>> theta, optimizer = keras.Variable(1.0), Nesterov(0.1)
        >>> for _ in range(2):
        ...     optimizer.apply([keras.ops.array(1.0)], [theta])
        ...     print(f"{float(theta):.3f} {float(optimizer.position(theta)):.3f}")
        0.810 0.900
        0.539 0.710
    """

    def step(self, g, rate, t, velocity):
        velocity = self.momentum * velocity + rate * g
        return self.momentum * velocity + rate * g, {"velocity": velocity}

    def position(self, variable):
        """Return theta of the paper for a variable, which holds the look-ahead."""
        velocity = self.state[self._get_variable_index(variable)]["velocity"]
        return variable + self.momentum * velocity
