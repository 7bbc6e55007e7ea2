import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops

from course.checks import (
    assert_close_relative,
    check_layer,
    count_trainable,
    noise_weights,
)
from modules.foundations.sequences.lstm import LSTM, LSTMCell

X = np.random.default_rng(0).normal(size=(2, 7, 3)).astype("float32")
SHUT, OPEN = -50.0, 50.0  # what makes a gate 0 or 1 in float32


def test_layer():
    def make():
        return LSTM(5, forget_bias=2.0, return_sequences=True, return_state=True)

    shapes = [(2, 7, 5), (2, 5), (2, 5)]
    check_layer(make, X, shapes, 4 * (3 * 5 + 5 * 5 + 5))


def test_count():
    layer = LSTM(8)
    layer.build((None, None, 5))
    assert count_trainable(layer) == 4 * (5 * 8 + 8 * 8 + 8) == 448


def test_equals_keras():
    options = {"return_sequences": True, "return_state": True}
    ours, theirs = LSTM(5, **options), keras.layers.LSTM(5, **options)
    for layer in (ours, theirs):
        layer.build(X.shape)
    for got, want in zip(ours.get_weights()[2:], theirs.get_weights()[2:], strict=True):
        np.testing.assert_array_equal(got, want)  # the bias, before any noise
    noise_weights(ours, seed=0)
    theirs.set_weights(ours.get_weights())
    mask = np.arange(7) < np.array([[7], [4]])
    for got, want in zip(ours(X, mask=mask), theirs(X, mask=mask), strict=True):
        assert_close_relative(got, want, 1e-5)


def cell_with(bias, units=3):
    """Return a cell whose gates depend on nothing but their bias (i, f, g, o)."""
    cell = LSTMCell(units)
    cell.build((None, 3))
    weights = [0 * w for w in cell.get_weights()[:2]]
    cell.set_weights([*weights, np.repeat(np.float32(bias), units)])
    return cell


def test_one_step_by_hand():
    cell = LSTMCell(1)
    cell.build((None, 1))
    # columns i, f, g, o
    weights = [[0.0, 1.0, 2.0, -1.0]], [[1.0, 0.0, -1.0, 0.5]], [0, 0, 0.5, 1]
    cell.set_weights([np.array(w) for w in weights])

    def sigmoid(a):
        return 1 / (1 + np.exp(-a))

    x, h, c = 0.5, 0.2, -0.4
    want_c = sigmoid(0.5) * c + sigmoid(0.2) * np.tanh(1.0 - 0.2 + 0.5)
    want_h = sigmoid(-0.5 + 0.1 + 1) * np.tanh(want_c)
    states = [np.float32([[h]]), np.float32([[c]])]
    y, (got_h, got_c) = cell(np.float32([[x]]), states)
    np.testing.assert_allclose(
        [y, got_h, got_c], [[[v]] for v in (want_h, want_h, want_c)]
    )


def test_open_forget_gate_and_shut_input_gate_carry_the_cell_state():
    cell = cell_with([SHUT, OPEN, 0.7, OPEN])
    layer = keras.layers.RNN(cell, return_state=True)
    c = np.float32([[-3.0, 0.5, 20.0]])
    x = np.tile(X[:1], (1, 40, 1))
    h, _, kept = layer(x, initial_state=[c, c])
    np.testing.assert_array_equal(kept, c)
    np.testing.assert_allclose(h, np.tanh(c), rtol=1e-6)


def test_shut_output_gate_hides_what_the_cell_keeps():
    h, (_, c) = cell_with([OPEN, OPEN, 0.7, SHUT])(X[:, 0], [np.ones((2, 3))] * 2)
    np.testing.assert_allclose(h, 0, atol=1e-20)
    np.testing.assert_allclose(c, 1 + np.tanh(0.7), rtol=1e-6)


def test_gradient_along_the_cell_state_is_the_product_of_forget_gates():
    f = 1 / (1 + np.exp(-1.5))
    layer = keras.layers.RNN(cell_with([0.3, 1.5, 0.7, 0.1]), return_state=True)
    c = tf.zeros((1, 3))
    with tf.GradientTape() as tape:
        tape.watch(c)
        _, _, last = layer(X[:1], initial_state=[c, c])
    np.testing.assert_allclose(tape.gradient(last, c), np.full((1, 3), f**7), rtol=1e-5)


@pytest.mark.parametrize("value", [0.0, 1.0, 3.0])
def test_forget_bias(value):
    layer = LSTM(2, forget_bias=value)
    layer.build(X.shape)
    want = [0, 0, value, value, 0, 0, 0, 0]
    np.testing.assert_array_equal(ops.convert_to_numpy(layer.cell.bias), want)
