import keras
import numpy as np
import pytest

from course.checks import assert_same_path, check_optimizer, path
from modules.foundations.optimizers.adadelta import Adadelta

NOISE = np.random.default_rng(0).normal(size=(30, 4))


def test_optimizer():
    check_optimizer(lambda: Adadelta(0.5, rho=0.9, epsilon=1e-3), slots=2)


def test_equals_keras():
    same = {"rho": 0.95, "epsilon": 1e-6}
    assert_same_path(Adadelta(), keras.optimizers.Adadelta(1.0, **same))
    other = {"learning_rate": 0.5, "rho": 0.5, "epsilon": 1e-3}
    assert_same_path(Adadelta(**other), keras.optimizers.Adadelta(**other))


def test_first_step_by_hand():
    """Both averages after g = 2: E[g^2] = 0.05 x 4, dx = -sqrt(1e-6 / 0.200001) 2."""
    got = path(Adadelta(), [2.0])
    np.testing.assert_allclose(got, -np.sqrt(1e-6 / 0.200001) * 2, rtol=1e-5)


def test_epsilon_decides_the_first_steps():
    steps = [path(Adadelta(epsilon=e), [1.0])[0] for e in (1e-6, 1e-8)]
    np.testing.assert_allclose(steps, -np.sqrt([1e-6 / 0.05, 1e-8 / 0.05]), rtol=1e-4)


def test_scale_of_large_gradients_plays_no_part():
    """Relative to sqrt(epsilon) = 1e-3: 1 against 100, and 1e-4 against 1e-2."""
    large, larger = (path(Adadelta(), c * NOISE) for c in (1, 100))
    np.testing.assert_allclose(larger, large, rtol=2e-2, atol=1e-4)
    small, smaller = (path(Adadelta(), c * NOISE) for c in (1e-2, 1e-4))
    assert np.abs(smaller).max() < 0.1 * np.abs(small).max()


def test_learning_rate_scales_the_path_only():
    half, whole = path(Adadelta(0.5), NOISE), path(Adadelta(), NOISE)
    np.testing.assert_allclose(half, 0.5 * whole, rtol=1e-5, atol=1e-8)


@pytest.mark.parametrize("wrong", [{"rho": 1.0}, {"epsilon": 0.0}])
def test_rejects(wrong):
    [(name, value)] = wrong.items()
    with pytest.raises(ValueError, match=f"{name} must be .*, got {value}"):
        Adadelta(**wrong)
