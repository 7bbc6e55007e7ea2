import keras
import numpy as np
import pytest

from course.checks import assert_same_path, check_optimizer, path
from modules.foundations.optimizers.adam import Adam

NOISE = np.random.default_rng(0).normal(size=(50, 3)) * [1, 1e-4, 1e-7]


def test_optimizer():
    check_optimizer(lambda: Adam(0.02, 0.8, 0.95, 1e-3), slots=2)


def test_equals_keras_without_epsilon():
    other = {"learning_rate": 0.01, "beta_1": 0.7, "beta_2": 0.9, "epsilon": 0.0}
    pairs = [(cls(epsilon=0.0), cls(**other)) for cls in (Adam, keras.optimizers.Adam)]
    for ours, theirs in zip(*pairs, strict=True):  # Keras rounds 1 - beta_2 to float32
        assert_same_path(ours, theirs, tolerance=2e-5)


def test_keras_s_epsilon_is_the_paper_s_epsilon_hat():
    """It is ours times sqrt(1 - beta_2^t), set here before every step of Keras's."""
    epsilon = 1e-5
    theirs, theta = keras.optimizers.Adam(), keras.Variable(np.zeros(3))
    want = []
    for t, g in enumerate(NOISE, 1):
        theirs.epsilon = epsilon * np.sqrt(1 - 0.999**t)
        theirs.apply([g], [theta])
        want.append(theta.numpy())
    got = path(Adam(epsilon=epsilon), NOISE)
    np.testing.assert_allclose(got, want, rtol=5e-5, atol=1e-8)
    plain = path(keras.optimizers.Adam(epsilon=epsilon), NOISE)
    assert np.abs(plain - want).max(axis=0)[2] > 0.5 * np.abs(want).max(axis=0)[2]


def test_equals_algorithm_1():
    """The paper's lines in float64, with gradients about as large as epsilon."""
    epsilon, m, v, theta, want = 1e-4, 0.0, 0.0, 0.0, []
    for t, g in enumerate(NOISE, 1):
        m, v = 0.9 * m + 0.1 * g, 0.99 * v + 0.01 * g**2
        m_hat, v_hat = m / (1 - 0.9**t), v / (1 - 0.99**t)
        theta = theta - 0.1 * m_hat / (np.sqrt(v_hat) + epsilon)
        want.append(theta)
    got = path(Adam(0.1, beta_2=0.99, epsilon=epsilon), NOISE)
    np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-6)


def test_constant_gradients_give_steps_of_alpha():
    gradients = np.tile([100.0, -1e-3], (50, 1))
    steps = np.diff(path(Adam(0.01), gradients), axis=0, prepend=0)
    np.testing.assert_allclose(steps, np.tile([-0.01, 0.01], (50, 1)), rtol=1e-3)


def test_scale_of_gradients_plays_no_part():
    got, want = (path(Adam(epsilon=0.0), c * NOISE) for c in (1e3, 1))
    np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-8)


@pytest.mark.parametrize("wrong", [{"beta_1": 1.0}, {"beta_2": -1}, {"epsilon": -1}])
def test_rejects(wrong):
    [(name, value)] = wrong.items()
    with pytest.raises(ValueError, match=f"{name} must be .*, got {value}"):
        Adam(**wrong)
