import keras
import numpy as np
import pytest

from course.checks import assert_same_path, check_optimizer, path
from modules.foundations.optimizers.adam import Adam
from modules.foundations.optimizers.adamw import AdamW

HALVES = keras.optimizers.schedules.ExponentialDecay(1.0, 10, 0.5)  # eta_t
ROUNDED = 2e-5  # Keras takes 1 - beta_2 in float32


def test_optimizer():
    check_optimizer(lambda: AdamW(0.02, 0.01, 0.8, 0.95, 1e-3, HALVES), slots=2)


def test_equals_keras_whose_decay_is_divided_by_alpha():
    ours = AdamW(0.01, weight_decay=0.02, epsilon=0.0)
    assert_same_path(
        ours, keras.optimizers.AdamW(0.01, weight_decay=2.0, epsilon=0.0), ROUNDED
    )


def test_schedule_multiplies_step_and_decay():
    """In Keras a schedule of alpha does so, since the decay is a multiple of it."""
    ours = AdamW(0.01, weight_decay=0.02, epsilon=0.0, schedule=HALVES)
    rate = keras.optimizers.schedules.ExponentialDecay(0.01, 10, 0.5)
    assert_same_path(
        ours, keras.optimizers.AdamW(rate, weight_decay=2.0, epsilon=0.0), ROUNDED
    )


def test_decay_by_hand():
    """Without gradients theta shrinks by lambda eta_t, whatever alpha is."""
    for alpha in (0.1, 1e-4):
        got = path(AdamW(alpha, weight_decay=0.25), np.zeros((2, 2)), start=[4.0, -2.0])
        np.testing.assert_allclose(got, [[3.0, -1.5], [2.25, -1.125]])


def test_without_decay_it_is_adam():
    assert_same_path(AdamW(0.1, weight_decay=0.0), Adam(0.1), tolerance=0)


def test_decay_is_decoupled():
    """An L2 penalty shrinks weights with large gradients less; this one does not."""
    start, penalty = np.array([1.0, 1.0]), 0.1
    noise = np.random.default_rng(0).choice([-1, 1], size=(80, 1)) * [0.01, 100]
    theta, l2 = keras.Variable(start), Adam(5e-3)
    for g in noise:
        l2.apply([g + penalty * theta.numpy()], [theta])
    assert theta[1] - theta[0] > 0.1  # the weight with large gradients stays
    ours = path(AdamW(5e-3, weight_decay=5e-3), noise, start)[-1]
    assert abs(ours[1] - ours[0]) < 0.02 and (np.abs(ours) < 0.75).all()


def test_variables_can_be_excluded():
    kernel, bias = (keras.Variable(np.ones(2), name=n) for n in ("kernel", "bias"))
    optimizer = AdamW(weight_decay=0.5)
    optimizer.exclude_from_weight_decay(var_names=["bias"])
    optimizer.apply([np.zeros(2), np.zeros(2)], [kernel, bias])
    np.testing.assert_allclose([kernel, bias], [[0.5, 0.5], [1, 1]])


def test_rejects_weight_decay():
    with pytest.raises(ValueError, match="weight_decay must be .*, got -0.1"):
        AdamW(weight_decay=-0.1)
