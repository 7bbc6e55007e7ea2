import keras
import numpy as np
import pytest
import tensorflow as tf

from course.checks import assert_same_path, check_optimizer, path
from modules.foundations.optimizers.gradient_descent import GradientDescent, check_range


def test_optimizer():
    check_optimizer(lambda: GradientDescent(0.1), slots=0)


def test_equals_keras():
    assert_same_path(GradientDescent(0.1), keras.optimizers.SGD(0.1))


def test_keras_arguments_reach_keras():
    got = path(GradientDescent(1.0, clipvalue=0.5), [[3.0, -0.2]])
    np.testing.assert_allclose(got, [[-0.5, 0.2]], rtol=1e-6)


def test_a_schedule_is_read_at_every_step():
    schedule = keras.optimizers.schedules.PiecewiseConstantDecay([0], [1.0, 0.5])
    got = path(GradientDescent(schedule), [1.0, 1.0, 1.0])
    np.testing.assert_allclose(got, [-1, -1.5, -2])


def test_gradients_of_an_embedding_are_made_dense():
    table = keras.Variable(np.zeros((3, 2)))
    rows = tf.IndexedSlices(tf.ones((2, 2)), tf.constant([2, 2]), tf.constant([3, 2]))
    GradientDescent(0.5).apply([rows], [table])
    np.testing.assert_allclose(table, [[0, 0], [0, 0], [-1, -1]])


@pytest.mark.parametrize("value", [-0.1, 1.0, float("nan")])
def test_check_range_repeats_the_value(value):
    check_range(0, 1, rho=0.0)
    with pytest.raises(ValueError, match=rf"rho must be in \[0, 1\), got {value}"):
        check_range(0, 1, rho=value)
