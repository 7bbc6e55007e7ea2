import keras
import numpy as np
import pytest

from course.checks import assert_same_path, check_optimizer, path
from modules.foundations.optimizers.adam import Adam
from modules.foundations.optimizers.nadam import Nadam

CONSTANT = {"momentum_decay": float("inf")}  # mu_t = beta_1 from the first step


def nadam(gradients, mu, rate=0.1, beta_1=0.9, beta_2=0.999, epsilon=1e-8):
    """Return the path in float64 for a schedule mu(t)."""
    m, v, theta, found = 0.0, 0.0, 0.0, []
    for t, g in enumerate(gradients, 1):
        m, v = beta_1 * m + (1 - beta_1) * g, beta_2 * v + (1 - beta_2) * g**2
        now, ahead = (np.prod([mu(i) for i in range(1, n + 1)]) for n in (t, t + 1))
        m_hat = mu(t + 1) * m / (1 - ahead) + (1 - mu(t)) * g / (1 - now)
        theta = theta - rate * m_hat / (np.sqrt(v / (1 - beta_2**t)) + epsilon)
        found.append(theta)
    return np.array(found)


NOISE = np.random.default_rng(0).normal(size=(30, 3)) * [1, 1e-2, 1e-4]


def test_optimizer():
    check_optimizer(lambda: Nadam(0.02, 0.8, 0.95, 1e-3, 0.5), slots=3)


def test_equals_keras_3():
    same = {"learning_rate": 0.1, "epsilon": 1e-6}
    assert_same_path(Nadam(momentum_decay=1.0, **same), keras.optimizers.Nadam(**same))


def test_first_two_values_of_keras_by_hand():
    """Constant gradient 1 from 1 with rate 0.1: the schedule with psi = 1."""
    got = path(Nadam(0.1, momentum_decay=1.0), [1.0, 1.0], start=1.0)
    np.testing.assert_allclose(got, [0.89372, 0.81636], atol=1e-5)


@pytest.mark.parametrize("psi", [0.004, 0.3])
def test_schedule(psi):
    def mu(t):
        return 0.9 * (1 - 0.5 * 0.96 ** (psi * t))

    got = path(Nadam(0.1, momentum_decay=psi), NOISE)
    np.testing.assert_allclose(got, nadam(NOISE, mu), rtol=1e-4, atol=1e-5)


def test_constant_momentum():
    got = path(Nadam(0.1, **CONSTANT), NOISE)
    np.testing.assert_allclose(got, nadam(NOISE, lambda t: 0.9), rtol=1e-4, atol=1e-5)
    first = 0.9 * 0.1 / (1 - 0.9**2) + 0.1 / (1 - 0.9)  # of m_hat, for g = 1
    np.testing.assert_allclose(got[0], -0.1 * first * np.sign(NOISE[0]), rtol=1e-3)


def test_three_schedules_are_three_optimizers():
    paths = [
        path(Nadam(0.1, momentum_decay=psi), NOISE) for psi in (0.004, 1.0, np.inf)
    ]
    for i, j in ((0, 1), (0, 2), (1, 2)):
        assert np.abs(paths[i] - paths[j]).max() > 0.01


@pytest.mark.parametrize("psi", [0.004, 1.0])
def test_without_momentum_it_is_adam_without_momentum(psi):
    ours = Nadam(0.1, beta_1=0.0, momentum_decay=psi)
    assert_same_path(ours, Adam(0.1, beta_1=0.0))


def test_rejects_momentum_decay():
    with pytest.raises(ValueError, match="momentum_decay must be >= 0, got -1"):
        Nadam(momentum_decay=-1)
