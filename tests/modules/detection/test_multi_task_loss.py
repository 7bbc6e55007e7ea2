import keras
import numpy as np
import pytest
import tensorflow as tf

from course.checks import check_function
from modules.detection.multi_task_loss import multi_task_loss, smooth_l1

RNG = np.random.default_rng(0)
LOSSES = RNG.uniform(0, 3, size=(2, 7)).astype("float32")
DELTAS, TARGETS = RNG.normal(size=(2, 2, 7, 4)).astype("float32") * 2
COUNTED = np.array([[1, 1, 0, 1, 0, 1, 1], [0, 1, 1, 0, 0, 0, 1]], bool)
POSITIVE = np.array([[1, 0, 0, 1, 0, 0, 0], [0, 1, 0, 0, 0, 0, 0]], bool)
ARGS = LOSSES, COUNTED, DELTAS, TARGETS, POSITIVE


def test_functions():
    check_function(smooth_l1, DELTAS, y_shape=(2, 7, 4))
    check_function(multi_task_loss, *ARGS, y_shape=(2,))


@pytest.mark.parametrize("beta", [1.0, 1 / 9])
def test_smooth_l1_is_huber_by_beta(beta):
    error = np.linspace(-3, 3, 61).astype("float32")
    huber = keras.losses.Huber(beta, reduction=None)
    want = huber(np.zeros((61, 1)), error[:, None]) / beta
    np.testing.assert_allclose(smooth_l1(error, beta), want, rtol=1e-5, atol=1e-6)


def test_smooth_l1_has_no_jump_and_a_bounded_slope():
    error = tf.constant([-50, -1.0001, -0.9999, 0, 0.9999, 1.0001, 50])
    with tf.GradientTape() as tape:
        tape.watch(error)
        loss = smooth_l1(error)
    slope = tape.gradient(loss, error).numpy()
    np.testing.assert_allclose(slope, [-1, -1, -1, 0, 1, 1, 1], atol=2e-4)
    np.testing.assert_allclose(loss[1:3], [0.5, 0.5], atol=2e-4)


def test_equation_by_numpy():
    got = multi_task_loss(*ARGS, weight=3.0)
    for image in range(2):
        error = np.abs(DELTAS - TARGETS)[image][POSITIVE[image]]
        place = np.where(error < 1, error**2 / 2, error - 0.5).sum()
        total = LOSSES[image][COUNTED[image]].sum() + 3 * place
        assert float(got[image]) == pytest.approx(
            total / COUNTED[image].sum(), rel=1e-5
        )


def test_what_is_not_counted_contributes_nothing():
    want = np.asarray(multi_task_loss(*ARGS))
    losses = np.where(COUNTED, LOSSES, 99)
    targets = np.where(POSITIVE[..., None], TARGETS, np.nan)
    got = multi_task_loss(losses, COUNTED, DELTAS, targets, POSITIVE)
    np.testing.assert_array_equal(got, want)


def test_gradient_reaches_only_what_counts():
    losses, deltas = tf.constant(LOSSES), tf.constant(DELTAS)
    targets = np.where(POSITIVE[..., None], TARGETS, np.nan).astype("float32")
    with tf.GradientTape() as tape:
        tape.watch([losses, deltas])
        loss = multi_task_loss(losses, COUNTED, deltas, targets, POSITIVE)
    in_losses, in_deltas = tape.gradient(loss, [losses, deltas])
    np.testing.assert_array_equal(in_losses.numpy() != 0, COUNTED)
    np.testing.assert_array_equal(np.any(in_deltas.numpy() != 0, axis=-1), POSITIVE)


def test_image_without_anything_costs_nothing():
    none = np.zeros((2, 7), bool)
    got = multi_task_loss(LOSSES, none, DELTAS, TARGETS, none)
    np.testing.assert_array_equal(got, [0, 0])


def test_background_has_no_place():
    """Equation 1's [u >= 1]: only the class of a background box counts."""
    got = multi_task_loss(LOSSES, COUNTED, DELTAS, TARGETS, np.zeros((2, 7), bool))
    want = (LOSSES * COUNTED).sum(axis=1) / COUNTED.sum(axis=1)
    np.testing.assert_allclose(got, want, rtol=1e-6)


@pytest.mark.parametrize("beta", [0, -1.0])
def test_rejects_beta(beta):
    with pytest.raises(ValueError, match="beta must be > 0, got"):
        smooth_l1(DELTAS, beta)
