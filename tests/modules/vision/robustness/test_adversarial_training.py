import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers, ops

from course.checks import check_model, noise_weights
from modules.vision.robustness.adversarial_training import AdversarialTraining
from modules.vision.robustness.fgsm import fgsm

RNG = np.random.default_rng(0)
X = RNG.uniform(size=(6, 4, 3, 2)).astype("float32")
Y = np.array([2, 0, 1, 1, 0, 2])
LOSS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def network(norm=False, **options):
    x = inputs = keras.Input((4, 3, 2))
    x = layers.Conv2D(5, 2, activation="tanh")(x)
    x = layers.BatchNormalization(momentum=0.5)(x) if norm else x
    model = keras.Model(inputs, layers.Dense(3, **options)(layers.Flatten()(x)))
    noise_weights(model, seed=0)
    return model


def trainer(net=None, cls=AdversarialTraining, epsilon=0.1, alpha=0.5, **how):
    model = cls(net or network(), epsilon, alpha)
    how = {"run_eagerly": True, "loss": LOSS, "metrics": ["accuracy"], **how}
    model.compile(keras.optimizers.SGD(0.5), **how)
    return model


def same_weights(a, b, atol=1e-6):
    for v, w in zip(a.get_weights(), b.get_weights(), strict=True):
        np.testing.assert_allclose(v, w, atol=atol)


def test_model():
    weights = 2 * 2 * 2 * 5 + 5 + 3 * 2 * 5 * 3 + 3
    check_model(lambda: AdversarialTraining(network(), 0.1), X, (6, 3), weights)


@pytest.mark.parametrize("alpha", [0.0, 0.3, 0.5, 1.0])
def test_objective(alpha):
    model = trainer(alpha=alpha)
    attacked = fgsm(model.network, X, Y, 0.1)
    plain, under = (float(LOSS(Y, model(x))) for x in (X, attacked))
    assert under > plain + 0.01
    got, accuracy = model.evaluate(X, Y, batch_size=6, verbose=0)
    assert got == pytest.approx(alpha * plain + (1 - alpha) * under, rel=1e-5)
    assert accuracy == pytest.approx((np.asarray(model(X)).argmax(-1) == Y).mean())


@pytest.mark.parametrize("setting", [{"alpha": 1.0}, {"epsilon": 0.0}])
def test_two_limits_are_the_usual_training(setting):
    model, usual = trainer(**setting), network()
    usual.compile(keras.optimizers.SGD(0.5), LOSS, run_eagerly=True)
    for m in (model, usual):
        m.fit(X, Y, batch_size=3, epochs=2, shuffle=False, verbose=0)
    same_weights(model.network, usual)


def by_hand(net, x, y, steps, fresh=True):
    """Descend on the mean of both losses; x' is a constant for the gradient."""
    attacked = fgsm(net, x, y, 0.1)
    for _ in range(steps):
        attacked = fgsm(net, x, y, 0.1) if fresh else attacked
        with tf.GradientTape() as tape:
            loss = LOSS(y, net(x)) / 2 + LOSS(y, net(attacked)) / 2
        weights = [w.value for w in net.trainable_weights]
        for weight, slope in zip(weights, tape.gradient(loss, weights), strict=True):
            weight.assign_sub(0.5 * slope)
    return net


def test_attacks_are_made_anew_at_each_step():
    model = trainer()
    model.fit(X, Y, batch_size=6, epochs=4, shuffle=False, verbose=0)
    same_weights(model.network, by_hand(network(), X, Y, 4), atol=1e-5)
    stale = by_hand(network(), X, Y, 4, fresh=False)
    with pytest.raises(AssertionError):
        same_weights(model.network, stale, atol=1e-3)


class Smooth(AdversarialTraining):
    """An attack that has a slope, unlike a sign."""

    def attack(self, x, y):
        return ops.tanh(x * ops.mean(self(x), axis=-1)[:, None, None, None])


def test_no_gradient_through_the_attack():
    model = trainer(cls=Smooth, alpha=0.0)
    attacked = np.asarray(model.attack(X, Y))
    weights = [w.value for w in model.trainable_weights]
    with tf.GradientTape(persistent=True) as tape:
        got = model.compute_loss(X, Y, model(X))
        want = LOSS(Y, model(attacked))
    assert float(got) == pytest.approx(float(want), rel=1e-6)
    slopes = zip(tape.gradient(got, weights), tape.gradient(want, weights), strict=True)
    for a, b in slopes:
        np.testing.assert_allclose(a, b, atol=1e-6)


def test_averages_move_with_both_terms_and_not_with_the_attack():
    """Momentum 1/2: after one step a quarter of the old average is left."""
    model = trainer(network(norm=True))
    conv, norm = model.network.layers[1:3]
    start, old = model.network.get_weights(), np.asarray(norm.moving_mean)
    model.network(X, training=True)  # a step sees the plain images first
    attacked = fgsm(model.network, X, Y, 0.1)
    model.network.set_weights(start)
    plain, under = (np.mean(conv(x), axis=(0, 1, 2)) for x in (X, attacked))
    model.evaluate(X, Y, verbose=0)
    np.testing.assert_array_equal(norm.moving_mean, old)
    model.fit(X, Y, batch_size=6, verbose=0)
    want = old / 4 + plain / 4 + under / 2
    np.testing.assert_allclose(norm.moving_mean, want, atol=1e-5)


@pytest.mark.parametrize("kind", ["kernel_regularizer", "activity_regularizer"])
def test_losses_of_layers_count_once(kind):
    model = trainer(network(**{kind: keras.regularizers.L2(0.1)}), alpha=0.3)
    dense = model.network.layers[-1]
    attacked = model.attack(X, Y)

    def whole(x):
        z = np.asarray(model.network(x), "float64")
        size = np.square(dense.kernel) if kind[0] == "k" else np.square(z) / len(z)
        return float(LOSS(Y, z)) + 0.1 * size.sum()

    want = 0.3 * whole(X) + 0.7 * whole(attacked)
    got = model.evaluate(X, Y, batch_size=6, verbose=0)[0]
    assert got == pytest.approx(want, rel=1e-4)


def test_weights_of_examples_count_in_both_terms():
    model, weight = trainer(), np.array([1, 0, 0, 0, 0, 0], "float32")
    got = model.evaluate(X, Y, batch_size=6, sample_weight=weight, verbose=0)[0]
    alone = model.evaluate(X[:1], Y[:1], verbose=0)[0]
    assert got == pytest.approx(alone / 6, rel=1e-4)


def test_learns_and_predicts_when_compiled():
    model = trainer(run_eagerly=False, jit_compile=True)
    losses = model.fit(X, Y, batch_size=6, epochs=30, verbose=0).history["loss"]
    assert losses[-1] < 0.7 * losses[0]
    np.testing.assert_allclose(
        model.predict(X, verbose=0), model.network(X), rtol=1e-4, atol=1e-5
    )


@pytest.mark.parametrize("alpha", [-0.1, 1.1, float("nan")])
def test_rejects_alpha(alpha):
    with pytest.raises(ValueError, match="alpha must be in .0, 1., got"):
        AdversarialTraining(network(), alpha=alpha)


@pytest.mark.parametrize("epsilon", [-0.1, float("nan")])
def test_rejects_epsilon(epsilon):
    with pytest.raises(ValueError, match="epsilon must be a number >= 0, got"):
        AdversarialTraining(network(), epsilon)


@pytest.mark.parametrize("ask", ["fit", "evaluate"])
def test_rejects_images_and_labels(ask):
    ask = getattr(trainer(), ask)
    with pytest.raises(ValueError, match="floats from 0 to 1, got them from"):
        ask(255 * X, Y)
    with pytest.raises(ValueError, match="labels must be from 0 to 2, got them from"):
        ask(X, Y + 1)
