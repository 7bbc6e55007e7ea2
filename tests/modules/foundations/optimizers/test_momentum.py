import keras
import numpy as np
import pytest

from course.checks import assert_same_path, check_optimizer, path
from modules.foundations.optimizers.gradient_descent import GradientDescent
from modules.foundations.optimizers.momentum import Momentum


def test_optimizer():
    check_optimizer(lambda: Momentum(0.1, momentum=0.8), slots=1)


def test_equals_keras():
    assert_same_path(Momentum(0.1), keras.optimizers.SGD(0.1, momentum=0.9))


def test_equals_keras_when_the_rate_changes():
    rate = keras.optimizers.schedules.ExponentialDecay(0.1, 10, 0.5)
    assert_same_path(Momentum(rate), keras.optimizers.SGD(rate, momentum=0.9))


def test_two_steps_by_hand():
    np.testing.assert_allclose(path(Momentum(0.1), [1.0, 1.0]), [-0.1, -0.29])


def test_without_momentum_it_is_gradient_descent():
    assert_same_path(Momentum(0.1, momentum=0.0), GradientDescent(0.1), tolerance=0)


def test_steps_along_a_constant_gradient_grow_to_their_limit():
    places = path(Momentum(0.01, momentum=0.9), np.full((200, 1), 3.0))
    steps = -np.diff(places[:, 0])
    assert (np.diff(steps[:50]) > 0).all()
    np.testing.assert_allclose(steps[-1], 0.01 * 3 / (1 - 0.9), rtol=1e-4)


@pytest.mark.parametrize("momentum", [-0.1, 1.0])
def test_rejects_momentum(momentum):
    with pytest.raises(ValueError, match=f"momentum must be .*, got {momentum}"):
        Momentum(momentum=momentum)
