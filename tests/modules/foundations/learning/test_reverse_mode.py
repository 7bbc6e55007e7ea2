import keras
import numpy as np
import pytest
import tensorflow as tf

from modules.foundations.learning.multilayer_perceptron import mlp
from modules.foundations.learning.reverse_mode import (
    Array,
    add,
    gradients,
    matmul,
    multiply,
    relu,
    softmax_cross_entropy,
    total,
)

RNG = np.random.default_rng(0)
X, W = RNG.normal(size=(4, 3)), RNG.normal(size=(3, 5))
BIAS, COLUMN = RNG.normal(size=5), RNG.normal(size=(4, 1))
Y = np.eye(5)[[4, 0, 2, 2]]


def tangled(x, w, bias, column):
    """Return a loss in which x, w and what is made of them are used several times."""
    z = add(matmul(x, w), bias)
    h = add(relu(z), multiply(column, z))
    again = multiply(total(multiply(x, x)), add(h, multiply(bias, column)))
    return softmax_cross_entropy(add(again, h), Y)


def tangled_in_tensorflow(x, w, bias, column):
    z = x @ w + bias
    h = tf.nn.relu(z) + column * z
    again = tf.reduce_sum(x * x) * (h + bias * column)
    return tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(Y, again + h))


def test_equals_tensorflow():
    sources = [Array(v) for v in (X, W, BIAS, COLUMN)]
    loss = tangled(*sources)
    theirs = [tf.constant(v) for v in (X, W, BIAS, COLUMN)]
    with tf.GradientTape() as tape:
        tape.watch(theirs)
        their_loss = tangled_in_tensorflow(*theirs)
    np.testing.assert_allclose(loss.value, their_loss, rtol=1e-12)
    found, wanted = gradients(loss, sources), tape.gradient(their_loss, theirs)
    for got, want in zip(found, wanted, strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-9, atol=1e-12)


def test_equals_finite_differences_in_random_directions():
    values = [X, W, BIAS, COLUMN]
    directions = [RNG.normal(size=v.shape) for v in values]

    def loss(step):
        moved = zip(values, directions, strict=True)
        return tangled(*(Array(v + step * d) for v, d in moved)).value

    sources = [Array(v) for v in values]
    found = gradients(tangled(*sources), sources)
    got = sum((g * d).sum() for g, d in zip(found, directions, strict=True))
    assert got == pytest.approx((loss(1e-6) - loss(-1e-6)) / 2e-6, rel=1e-5)


def test_a_value_used_twice_gets_both_gradients():
    x = Array(3.0)
    assert gradients(multiply(x, x), [x]) == [6.0]
    assert gradients(add(x, x), [x]) == [2.0]


def test_linear_layer():
    """With delta = dL/dy: dL/dx = delta W^T, dL/dW = x^T delta, dL/db = sum delta."""
    x, w, bias, delta = Array(X), Array(W), Array(BIAS), RNG.normal(size=(4, 5))
    loss = total(multiply(add(matmul(x, w), bias), Array(delta)))
    wanted = delta @ W.T, X.T @ delta, delta.sum(axis=0)
    found = gradients(loss, [x, w, bias])
    for got, want in zip(found, wanted, strict=True):
        np.testing.assert_allclose(got, want)


@pytest.mark.parametrize("shape", [(), (1,), (5,), (1, 5), (4, 1), (4, 5), (1, 1)])
def test_broadcasting_is_undone(shape):
    a, b = Array(RNG.normal(size=(4, 5))), Array(RNG.normal(size=shape))
    for operation in (add, multiply):
        found = gradients(total(operation(a, b)), [a, b])
        assert [g.shape for g in found] == [(4, 5), shape]
    np.testing.assert_allclose(found[1].sum(), a.value.sum())


def test_softmax_cross_entropy_is_p_minus_y_over_b_and_stable():
    z = Array(1e4 * RNG.normal(size=(4, 5)))
    loss = softmax_cross_entropy(z, Y)
    p = np.eye(5)[z.value.argmax(axis=1)]
    np.testing.assert_allclose(gradients(loss, [z])[0], (p - Y) / 4, atol=1e-12)
    assert np.isfinite(loss.value)


def test_every_product_runs_once_however_many_paths_there_are():
    """Sixty doublings: 2^60 paths lead from the end to x."""
    calls = []

    def double(x):
        def vjp(g):
            calls.append(x)
            return g

        return Array(2 * x.value, [(x, vjp), (x, vjp)])

    y = x = Array(1.0)
    for _ in range(60):
        y = double(y)
    assert gradients(y, [x]) == [2.0**60]
    assert len(calls) == 2 * 60


def test_long_chains_need_no_recursion():
    y = x = Array(1.0)
    for _ in range(5000):
        y = add(y, x)
    assert gradients(y, [x]) == [5001.0]


def test_memory_is_that_of_the_values():
    """A Jacobian of relu here would have 10^12 entries."""
    x = Array(RNG.normal(size=10**6))
    got = gradients(total(relu(x)), [x])[0]
    np.testing.assert_array_equal(got, x.value > 0)


def test_sources_that_do_not_matter_have_gradient_zero():
    found = gradients(total(Array(X)), [Array(W)])
    np.testing.assert_array_equal(found[0], np.zeros_like(W))


def test_rejects_many_outputs():
    with pytest.raises(ValueError, match=r"must be a single number, got \(4, 3\)"):
        gradients(Array(X), [Array(X)])


def test_trains_as_keras_does():
    keras.utils.set_random_seed(0)
    model = mlp((6,), num_classes=5, input_shape=(3,))
    loss = keras.losses.CategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.SGD(0.5), loss)
    weights = [w.astype("float64") for w in model.get_weights()]
    history = model.fit(X, Y, epochs=8, verbose=0).history["loss"]
    losses = []
    for _ in history:
        w1, b1, w2, b2 = sources = [Array(w) for w in weights]
        hidden = relu(add(matmul(Array(X), w1), b1))
        loss = softmax_cross_entropy(add(matmul(hidden, w2), b2), Y)
        losses.append(loss.value)
        steps = gradients(loss, sources)
        weights = [w - 0.5 * g for w, g in zip(weights, steps, strict=True)]
    np.testing.assert_allclose(losses, history, rtol=1e-5)
    assert losses[-1] < 0.7 * losses[0]
