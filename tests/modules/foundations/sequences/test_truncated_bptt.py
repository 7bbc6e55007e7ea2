import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers, ops

from course.checks import check_layer, check_mask, noise_weights
from modules.foundations.sequences.gru import GRUCell
from modules.foundations.sequences.lstm import LSTMCell
from modules.foundations.sequences.recurrent import SimpleRNNCell
from modules.foundations.sequences.truncated_bptt import TruncatedCell

X = np.random.default_rng(0).normal(size=(2, 8, 3)).astype("float32")
CELLS = [SimpleRNNCell, LSTMCell, GRUCell, layers.GRUCell, layers.LSTMCell]


def cut(steps, cell=LSTMCell, **options):
    layer = layers.RNN(TruncatedCell(cell(4), steps), return_sequences=True, **options)
    layer.build(X.shape)
    noise_weights(layer, seed=0)
    return layer


def plain(layer):
    """Return the same network without cuts: it shares the cell."""
    return layers.RNN(layer.cell.cell, return_sequences=True)


def test_layer():
    def make():
        return layers.RNN(TruncatedCell(LSTMCell(4), 3), return_sequences=True)

    check_layer(make, X, (2, 8, 4), 4 * (3 * 4 + 4 * 4 + 4))
    check_mask(make, X)


@pytest.mark.parametrize("cell", CELLS)
def test_forward_is_that_of_the_full_network(cell):
    layer = cut(3, cell)
    np.testing.assert_array_equal(layer(X), plain(layer)(X))


def reach(layer, x=X, mask=None):
    """Return (T, T) floats: how much y at step t depends on x at step s."""
    x = tf.constant(x)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(x)
        y = ops.sum(layer(x, mask=mask), axis=(0, 2))  # (T,)
    slopes = tape.jacobian(y, x, experimental_use_pfor=False)  # (T, B, T, D)
    return np.abs(slopes).sum(axis=(1, 3))


@pytest.mark.parametrize("cell", [SimpleRNNCell, LSTMCell, layers.GRUCell])
@pytest.mark.parametrize("k", [1, 3])
def test_gradient_reaches_back_to_the_last_cut(cell, k):
    t, s = np.mgrid[:8, :8]
    support = (s <= t) & (s >= t // k * k)
    np.testing.assert_array_equal(reach(cut(k, cell)) > 0, support)


@pytest.mark.parametrize("k", [8, 100])
def test_long_windows_cut_nothing(k):
    layer = cut(k)
    np.testing.assert_array_equal(reach(layer), reach(plain(layer)))


def test_steps_of_padding_do_not_count():
    mask = np.tile([True, True, False, False, True, True, True, True], (2, 1))
    got = reach(cut(3), mask=mask)
    assert got[4, 0] > 0, "step 4 is the third real one"
    assert got[5, 4] == 0 and got[7, 5] > 0, "a new window begins with step 5"


def gradients(layer, loss):
    with tf.GradientTape() as tape:
        value = loss()
    return tape.gradient(value, [w.value for w in layer.trainable_weights])


def test_equals_training_on_windows_with_the_state_carried_over():
    layer = cut(3)
    window = layers.RNN(layer.cell.cell, return_sequences=True, return_state=True)
    noise = np.random.default_rng(1).normal(size=(2, 8, 4)).astype("float32")

    def windows():
        states, total = None, 0.0
        for start in (0, 3, 6):
            y, *states = window(X[:, start : start + 3], initial_state=states)
            states = [tf.stop_gradient(s) for s in states]
            total += ops.sum(noise[:, start : start + 3] * y)
        return total

    got = gradients(layer, lambda: ops.sum(noise * layer(X)))
    for mine, want in zip(got, gradients(window, windows), strict=True):
        np.testing.assert_allclose(mine, want, rtol=1e-4, atol=1e-5)
    full = gradients(window, lambda: ops.sum(noise * plain(layer)(X)))
    assert not np.allclose(got[1], full[1], rtol=1e-2)


def test_count_goes_on_with_the_states():
    layer = cut(3, return_state=True)
    whole, *_ = layer(X)
    first, *states = layer(X[:, :4])
    np.testing.assert_array_equal(states[-1], [[1], [1]])  # one step since the cut
    rest, *_ = layer(X[:, 4:], initial_state=states)
    np.testing.assert_allclose(ops.concatenate([first, rest], 1), whole, atol=1e-6)


def test_stacked():
    cells = [TruncatedCell(GRUCell(4), 3), TruncatedCell(LSTMCell(5), 3)]
    layer = layers.RNN(cells, return_sequences=True)
    again = layers.RNN.from_config(layer.get_config())
    assert again(X).shape == (2, 8, 5)
    assert not reach(again)[7, :6].any()


@pytest.mark.parametrize("steps", [0, 2.5])
def test_rejects_steps(steps):
    with pytest.raises(ValueError, match="steps must be an int >= 1, got"):
        TruncatedCell(keras.layers.GRUCell(4), steps)
