import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops

from course.checks import (
    assert_close_relative,
    check_layer,
    check_mask,
    noise_weights,
)
from modules.foundations.sequences.gru import GRU
from modules.foundations.sequences.lstm import LSTM
from modules.foundations.sequences.recurrent import Recurrent, SimpleRNN, SimpleRNNCell

X = np.random.default_rng(0).normal(size=(2, 7, 3)).astype("float32")
LAYERS = [SimpleRNN, LSTM, GRU]


def test_layer():
    def make():
        return SimpleRNN(5, return_sequences=True, return_state=True)

    check_layer(make, X, [(2, 7, 5), (2, 5)], 3 * 5 + 5 * 5 + 5)


@pytest.mark.parametrize("options", [{}, {"go_backwards": True}, {"unroll": True}])
def test_equals_keras(options):
    kinds = SimpleRNN, keras.layers.SimpleRNN
    both = [c(5, return_sequences=True, **options) for c in kinds]
    for layer in both:
        layer.build(X.shape)
    ours, theirs = both
    noise_weights(ours, seed=0)
    theirs.set_weights(ours.get_weights())
    assert_close_relative(ours(X), theirs(X), 1e-5)


def test_two_steps_by_hand():
    cell = SimpleRNNCell(1)
    cell.build((None, 1))
    cell.set_weights([np.array(w) for w in ([[2.0]], [[-1.0]], [0.5])])
    layer = keras.layers.RNN(cell, return_sequences=True)
    first = np.tanh(2 * 0.25 + 0.5)
    second = np.tanh(2 * 1.0 - first + 0.5)
    got = layer(np.float32([[[0.25], [1.0]]]))
    np.testing.assert_allclose(np.ravel(got), [first, second], rtol=1e-6)


def test_is_a_stack_of_dense_layers_that_share_their_weights():
    """Backpropagation through time is backpropagation through the unrolled stack."""
    layer = SimpleRNN(5)
    layer.build(X.shape)
    noise_weights(layer, seed=0)
    u, w, b = layer.weights
    with tf.GradientTape(persistent=True) as tape:
        y = layer(X)
        h = ops.zeros((2, 5))
        for t in range(X.shape[1]):
            h = ops.tanh(ops.concatenate([X[:, t], h], 1) @ ops.concatenate([u, w]) + b)
    np.testing.assert_allclose(y, h, atol=1e-6)
    for weight in (u.value, w.value, b.value):
        got, want = tape.gradient(y, weight), tape.gradient(h, weight)
        np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("layer", LAYERS)
def test_padding_changes_nothing(layer):
    check_mask(lambda: layer(4, return_sequences=True, return_state=True), X)
    check_mask(lambda: layer(4), X)


@pytest.mark.parametrize("layer", LAYERS)
def test_a_state_handed_on_continues_the_sequence(layer):
    layer = layer(4, return_sequences=True, return_state=True)
    layer.build(X.shape)
    noise_weights(layer, seed=0)
    whole, *last = layer(X)
    first, *states = layer(X[:, :3])
    rest, *end = layer(X[:, 3:], initial_state=states)
    np.testing.assert_allclose(ops.concatenate([first, rest], 1), whole, atol=1e-6)
    for got, want in zip(end, last, strict=True):
        np.testing.assert_allclose(got, want, atol=1e-6)
    assert not np.allclose(layer(X[:, 3:])[0], rest, atol=1e-2)  # without the state


@pytest.mark.parametrize("layer", LAYERS)
def test_stateful_layers_continue_where_the_last_window_ended(layer):
    kept = layer(4, return_sequences=True, stateful=True)
    kept(X[:, :3])
    noise_weights(kept, seed=0)
    kept.reset_state()  # the noise went into the state too
    parts = [kept(X[:, :3]), kept(X[:, 3:6]), kept(X[:, 6:])]
    whole = layer(4, return_sequences=True)
    whole.build(X.shape)
    noise_weights(whole, seed=0)
    np.testing.assert_allclose(ops.concatenate(parts, 1), whole(X), atol=1e-6)


@pytest.mark.parametrize("layer", LAYERS)
def test_in_a_model_with_embedding_both_directions_and_states(layer):
    tokens = keras.Input((None,), dtype="int32")
    x = keras.layers.Embedding(9, 3, mask_zero=True)(tokens)
    both = layer(4, return_sequences=True, return_state=True)
    y, *states = keras.layers.Bidirectional(both)(x)
    decoder = layer(4)(y, initial_state=states[: len(states) // 2])
    model = keras.Model(tokens, [decoder, *states])
    noise_weights(model, seed=0)
    short = np.array([[3, 1, 4, 1]])
    padded = np.array([[3, 1, 4, 1, 0, 0, 0]])
    again = keras.Model.from_config(model.get_config())
    again.set_weights(model.get_weights())
    for got, want in zip(again(padded), model(short), strict=True):
        np.testing.assert_allclose(got, want, atol=1e-6)


def test_config_holds_the_arguments_of_layer_and_cell():
    layer = GRU(4, reset_after=False, return_state=True, go_backwards=True)
    again = GRU.from_config(layer.get_config())
    assert isinstance(again, Recurrent) and "cell" not in layer.get_config()
    assert (again.cell.units, again.cell.reset_after) == (4, False)
    assert again.return_state and again.go_backwards


def test_long_products_vanish_or_explode():
    """The gradient over T steps of h = tanh(w h) is at most w^T: here 0.5^30, 2^30."""
    layer = SimpleRNN(3)
    layer.build(X.shape)
    slopes = []
    for w in (0.5, 2.0):
        layer.set_weights([np.zeros((3, 3)), w * np.eye(3), np.zeros(3)])
        h = tf.zeros((1, 3))
        with tf.GradientTape() as tape:
            tape.watch(h)
            y = layer(np.zeros((1, 30, 3), "float32"), initial_state=h)
        slopes.append(np.max(tape.gradient(y, h)))
    np.testing.assert_allclose(slopes, [0.5**30, 2.0**30], rtol=1e-4)


@pytest.mark.parametrize("units", [0, 2.5, "4"])
def test_rejects_units(units):
    with pytest.raises(ValueError, match="units must be an int >= 1, got"):
        SimpleRNN(units)
