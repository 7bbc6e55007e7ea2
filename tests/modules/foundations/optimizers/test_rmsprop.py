import keras
import numpy as np
import pytest

from course.checks import assert_same_path, check_optimizer, path
from modules.foundations.optimizers.rmsprop import RMSProp


def test_optimizer():
    check_optimizer(lambda: RMSProp(0.02, rho=0.8, epsilon=1e-3), slots=1)


def test_equals_keras():
    assert_same_path(RMSProp(), keras.optimizers.RMSprop())
    other = {"learning_rate": 0.1, "rho": 0.5, "epsilon": 1e-4}
    assert_same_path(RMSProp(**other), keras.optimizers.RMSprop(**other))


def test_first_step_is_longer_than_the_rate():
    got = path(RMSProp(0.1), [[50.0, -2.0]])
    np.testing.assert_allclose(got, [[-0.3162278, 0.3162278]], rtol=1e-5)


def test_it_forgets():
    """A burst at the start, a hundred steps later."""
    gradients = np.ones((150, 2))
    gradients[0, 1] = 1000
    places = path(RMSProp(0.1), gradients)
    steps = np.diff(places, axis=0)
    assert abs(steps[5, 1]) < 0.01 * abs(steps[5, 0])
    np.testing.assert_allclose(steps[-1], -0.1, rtol=1e-2)


def test_mini_batches_that_should_cancel_nearly_do():
    """Nine gradients of +0.1 and one of -0.9, again and again, for 150 steps."""
    gradients = np.tile(9 * [0.1] + [-0.9], 15)
    drift = path(RMSProp(0.01, rho=0.99), gradients)
    last = drift[-10:] - drift[-20:-10]  # over a whole round
    one_way = path(RMSProp(0.01, rho=0.99), np.abs(gradients))
    assert np.abs(last).max() < 0.05 * abs(one_way[-1] - one_way[-11])


@pytest.mark.parametrize("wrong", [{"rho": 1.0}, {"epsilon": -1e-3}])
def test_rejects(wrong):
    [(name, value)] = wrong.items()
    with pytest.raises(ValueError, match=f"{name} must be .*, got {value}"):
        RMSProp(**wrong)
