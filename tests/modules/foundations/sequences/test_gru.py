import keras
import numpy as np
import pytest

from course.checks import (
    assert_close_relative,
    check_layer,
    count_trainable,
    noise_weights,
)
from modules.foundations.sequences.gru import GRU, GRUCell

X = np.random.default_rng(0).normal(size=(2, 7, 3)).astype("float32")
OPEN = 50.0  # what makes a gate 1 in float32


@pytest.mark.parametrize("reset_after", [True, False])
def test_layer(reset_after):
    def make():
        return GRU(5, reset_after, return_sequences=True, return_state=True)

    weights = 3 * (3 * 5 + 5 * 5 + 5 + 5 * reset_after)
    check_layer(make, X, [(2, 7, 5), (2, 5)], weights)


@pytest.mark.parametrize(("reset_after", "count"), [(False, 336), (True, 360)])
def test_count(reset_after, count):
    layer = GRU(8, reset_after)
    layer.build((None, None, 5))
    assert count_trainable(layer) == count


@pytest.mark.parametrize("reset_after", [True, False])
def test_equals_keras(reset_after):
    options = {"reset_after": reset_after, "return_sequences": True}
    ours, theirs = GRU(5, **options), keras.layers.GRU(5, **options)
    for layer in (ours, theirs):
        layer.build(X.shape)
    noise_weights(ours, seed=0)
    kernel, recurrent, *biases = ours.get_weights()
    bias = np.stack(biases) if reset_after else biases[0]
    theirs.set_weights([kernel, recurrent, bias])
    mask = np.arange(7) < np.array([[7], [4]])
    assert_close_relative(ours(X, mask=mask), theirs(X, mask=mask), 1e-5)


def built(reset_after, seed=0):
    cell = GRUCell(4, reset_after)
    cell.build((None, 3))
    noise_weights(cell, seed)
    return cell


def with_bias(cell, block, value):
    """Set one block of the bias (z, r, candidate), so large that it decides alone."""
    bias = np.array(cell.bias)
    bias[4 * block : 4 * block + 4] = value
    cell.bias.assign(bias)
    return cell


H = np.random.default_rng(1).normal(size=(2, 4)).astype("float32")


@pytest.mark.parametrize("reset_after", [True, False])
def test_open_update_gate_keeps_the_state(reset_after):
    """z = 1 keeps, as in Cho et al. and Keras; in Bahdanau et al. it would replace."""
    y, _ = with_bias(built(reset_after), 0, OPEN)(X[:, 0], [H])
    np.testing.assert_array_equal(y, H)


@pytest.mark.parametrize("reset_after", [True, False])
def test_shut_gates_forget_the_state(reset_after):
    """z = 0 and r = 0: the new state depends on x alone."""
    cell = with_bias(with_bias(built(reset_after), 0, -OPEN), 1, -OPEN)
    y, _ = cell(X[:, 0], [H])
    want = np.tanh(X[:, 0] @ cell.kernel[:, 8:] + cell.bias[8:])
    np.testing.assert_allclose(y, want, atol=1e-6)
    np.testing.assert_allclose(cell(X[:, 0], [9 * H])[0], want, atol=1e-6)


def test_both_gates_shut_and_open_make_a_plain_network():
    """z = 0, r = 1 leaves h = tanh(W x + U h + b), whatever the convention."""
    cell = with_bias(with_bias(built(False), 0, -OPEN), 1, OPEN)
    y, _ = cell(X[:, 0], [H])
    a = X[:, 0] @ cell.kernel[:, 8:] + H @ cell.recurrent_kernel[:, 8:] + cell.bias[8:]
    np.testing.assert_allclose(y, np.tanh(a), atol=1e-6)


def test_the_conventions_agree_where_all_units_share_one_reset_gate():
    """Only if r is one number does r * (U h) equal U (r * h)."""
    before, after = built(False), built(True)
    after.recurrent_bias.assign(np.zeros(12))
    for mine, theirs in zip(after.weights[:3], before.weights, strict=True):
        mine.assign(theirs)
    states = [H]
    assert not np.allclose(before(X[:, 0], states)[0], after(X[:, 0], states)[0], 1e-3)
    for cell in (before, after):
        for weight in (cell.kernel, cell.recurrent_kernel):
            value = np.array(weight)
            value[:, 4:8] = value[:, 4:5]
            weight.assign(value)
        with_bias(cell, 1, 0.3)
    np.testing.assert_allclose(
        before(X[:, 0], states)[0], after(X[:, 0], states)[0], atol=1e-6
    )


def test_one_step_by_hand():
    cell = GRUCell(1, reset_after=False)
    cell.build((None, 1))
    # columns z, r, candidate
    weights = [[1.0, -1.0, 2.0]], [[0.5, 1.0, -3.0]], [0.0, 0.5, 0.25]
    cell.set_weights([np.array(w) for w in weights])

    def sigmoid(a):
        return 1 / (1 + np.exp(-a))

    x, h = 0.5, 0.2
    z, r = sigmoid(0.5 + 0.1), sigmoid(-0.5 + 0.2 + 0.5)
    want = z * h + (1 - z) * np.tanh(2 * x - 3 * r * h + 0.25)
    got, _ = cell(np.float32([[x]]), [np.float32([[h]])])
    np.testing.assert_allclose(got, [[want]], rtol=1e-6)
