import keras
import numpy as np
import pytest

from course.checks import assert_same_path, check_optimizer, path
from modules.foundations.optimizers.adagrad import AdaGrad


def test_optimizer():
    check_optimizer(lambda: AdaGrad(0.1, epsilon=1e-3), slots=1)


class StartsAt(AdaGrad):
    """Ours with a sum of squares that is not empty at the start."""

    slots = {"total": 0.1 + 1e-7}


def test_equals_keras():
    nothing = {"initial_accumulator_value": 0.0, "epsilon": 0.0}
    assert_same_path(AdaGrad(0.1, 0.0), keras.optimizers.Adagrad(0.1, **nothing))


def test_keras_s_numbers_are_a_start_of_the_sum():
    assert_same_path(StartsAt(0.1, epsilon=0.0), keras.optimizers.Adagrad(0.1))


def test_epsilon_is_added_to_the_root():
    got = path(AdaGrad(1.0, epsilon=0.5), [3.0, 4.0])
    np.testing.assert_allclose(got, [-3 / 3.5, -3 / 3.5 - 4 / 5.5], rtol=1e-6)


def test_steps_along_a_constant_gradient_fall_as_one_over_root_t():
    gradients = np.tile([7.0, -1e-3], (100, 1))
    steps = np.diff(path(AdaGrad(0.5), gradients), axis=0, prepend=0)
    want = -0.5 * np.sign([7.0, -1.0]) / np.sqrt(np.arange(1, 101))[:, None]
    np.testing.assert_allclose(steps, want, rtol=1e-3)


def test_a_weight_that_gets_no_gradient_waits():
    places = path(AdaGrad(0.5), [[1.0, 0.0]] * 9 + [[1.0, 1.0]])
    np.testing.assert_array_equal(places[:9, 1], 0)  # 0 / (0 + epsilon)
    np.testing.assert_allclose(places[9, 1], -0.5, rtol=1e-5)


def test_rejects_epsilon():
    with pytest.raises(ValueError, match="epsilon must be .*, got -1"):
        AdaGrad(epsilon=-1.0)
