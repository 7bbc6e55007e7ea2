import keras
import numpy as np

from course.checks import assert_same_path, check_optimizer, path
from modules.foundations.optimizers.gradient_descent import GradientDescent
from modules.foundations.optimizers.nesterov import Nesterov

CURVATURE = np.array([1.0, 7.0])


def gradient(theta):
    """Return the gradient of a bowl that is not a quadratic."""
    return CURVATURE * theta + np.sin(theta)


def test_optimizer():
    check_optimizer(lambda: Nesterov(0.1, momentum=0.8), slots=1)


def test_equals_keras():
    theirs = keras.optimizers.SGD(0.1, momentum=0.9, nesterov=True)
    assert_same_path(Nesterov(0.1), theirs)


def test_two_steps_by_hand():
    got = path(Nesterov(0.1), [1.0, 1.0], start=1.0)
    np.testing.assert_allclose(got, [0.81, 0.539], rtol=1e-6)


def test_position_is_the_paper_s_variable():
    """The paper's two lines, with the gradient at the look-ahead point, in float64."""
    eta, gamma = 0.05, 0.9
    theta, v = np.array([2.0, -1.0]), np.zeros(2)
    variable, optimizer = keras.Variable(theta), Nesterov(eta, gamma)
    for _ in range(20):
        v = gamma * v + eta * gradient(theta - gamma * v)
        theta = theta - v
        optimizer.apply([gradient(variable.numpy())], [variable])
        np.testing.assert_allclose(optimizer.position(variable), theta, atol=1e-5)
        np.testing.assert_allclose(variable, theta - gamma * v, atol=1e-5)


def test_without_momentum_it_is_gradient_descent():
    assert_same_path(Nesterov(0.1, momentum=0.0), GradientDescent(0.1), tolerance=0)
