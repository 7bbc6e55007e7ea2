import keras
import numpy as np
import pytest
from keras import layers, ops

from course.checks import noise_weights
from modules.vision.robustness.input_gradient import (
    check_box,
    check_epsilon,
    check_labels,
    input_gradient,
    label_loss,
)

RNG = np.random.default_rng(0)
X = RNG.uniform(size=(4, 3)).astype("float32")
Y = np.array([1, 0, 1, 1])


def network():
    x = inputs = keras.Input((3,))
    x = layers.BatchNormalization()(layers.Dense(5, "tanh")(x))
    model = keras.Model(inputs, layers.Dense(2)(layers.Dropout(0.5)(x)))
    noise_weights(model, seed=0)
    return model


def test_gradient_of_several_numbers_is_that_of_their_sum():
    got = input_gradient(lambda x: ops.sum(x**3, axis=-1), X)
    np.testing.assert_allclose(got, 3 * X**2, rtol=1e-5)


def test_each_example_gets_its_own():
    model = network()
    model.trainable = False
    whole = input_gradient(label_loss(model, Y), X)
    for i in range(4):
        alone = input_gradient(label_loss(model, Y[i : i + 1]), X[i : i + 1])
        np.testing.assert_allclose(whole[i], alone[0], atol=1e-5)


def test_agrees_with_central_differences():
    model, step = network(), 1e-2
    got = np.asarray(input_gradient(label_loss(model, Y), X))
    assert np.abs(got).max() > 0.01
    for i, j in np.ndindex(X.shape):
        moved = [X + sign * step * (np.arange(12).reshape(4, 3) == 3 * i + j)
                 for sign in (1, -1)]  # fmt: skip
        up, down = (float(label_loss(model, Y)(x.astype("float32"))) for x in moved)
        assert got[i, j] == pytest.approx((up - down) / (2 * step), abs=2e-3)


def test_no_dependence_is_zero():
    got = input_gradient(lambda x: ops.sum(ops.ones((3,))), X)
    np.testing.assert_array_equal(got, 0 * X)


def test_model_is_asked_as_in_inference():
    model = network()
    before = model.get_weights()
    first, second = (input_gradient(label_loss(model, Y), X) for _ in range(2))
    np.testing.assert_array_equal(first, second)  # no dropout
    for a, b in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)  # moving averages too


def test_another_loss():
    one_hot = keras.losses.CategoricalCrossentropy(from_logits=True)
    mine = input_gradient(label_loss(network(), np.eye(2)[Y], one_hot), X)
    theirs = input_gradient(label_loss(network(), Y), X)
    np.testing.assert_allclose(4 * mine, theirs, atol=1e-5)  # a mean, not a sum


@pytest.mark.parametrize("epsilon", [-0.1, float("nan"), float("inf"), "0.1", None])
def test_rejects_epsilon(epsilon):
    with pytest.raises(ValueError, match="epsilon must be a number >= 0, got"):
        check_epsilon(epsilon)


@pytest.mark.parametrize("low, high", [(1, 0), (0, 0), (float("nan"), 1)])
def test_rejects_box(low, high):
    with pytest.raises(ValueError, match="low must be below high, got"):
        check_box(low, high)


@pytest.mark.parametrize("y", [[0, 3], [-1, 0]])
def test_rejects_labels_out_of_range(y):
    with pytest.raises(ValueError, match="labels must be from 0 to 2, got them from"):
        check_labels(np.array(y), 2, 3)


@pytest.mark.parametrize("y", [[0], [0.0, 1.0], [[0, 1], [1, 0]]])
def test_rejects_what_is_no_label(y):
    with pytest.raises(ValueError, match="labels must be one int for each image, got"):
        check_labels(np.array(y), 2, 3)
