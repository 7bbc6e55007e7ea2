import keras
import numpy as np
import pytest
from keras import layers, ops

from course.checks import check_function, noise_weights
from modules.vision.robustness.fgsm import fgsm, sign_step
from modules.vision.robustness.input_gradient import input_gradient, label_loss

RNG = np.random.default_rng(0)
X = RNG.uniform(size=(4, 5, 6, 2)).astype("float32")
Y = np.array([2, 0, 1, 1])
OPEN = {"low": -np.inf, "high": np.inf}


def network(classes=3, gain=1.0):
    x = inputs = keras.Input((5, 6, 2))
    x = layers.Conv2D(4, 3, activation="relu")(x)
    x = layers.Dropout(0.5)(layers.BatchNormalization()(x))
    model = keras.Model(inputs, layers.Dense(classes)(layers.Flatten()(x)))
    noise_weights(model, seed=0, gain=gain)
    return model


def linear():
    """One logit, w . x + b, in a box without walls; labels 0 and 1."""
    model = keras.Sequential([keras.Input((7,)), layers.Dense(1)])
    noise_weights(model, seed=1)
    w = model.get_weights()[0][:, 0]
    x = RNG.normal(size=(3, 7)).astype("float32")
    loss = keras.losses.BinaryCrossentropy(from_logits=True)
    return model, w, x, {"loss": loss, **OPEN}


def test_sign_step():
    g = RNG.normal(size=X.shape).astype("float32")
    check_function(sign_step, X, g, y_shape=X.shape)
    np.testing.assert_allclose(
        sign_step(X, g, 0.1), np.clip(X + 0.1 * np.sign(g), 0, 1), rtol=1e-6
    )


def test_a_pixel_without_gradient_stays():
    np.testing.assert_array_equal(sign_step(X, 0 * X, 0.3), X)


@pytest.mark.parametrize("scale", [1e-6, 3.0, 1e6])
def test_a_positive_scale_of_the_loss_changes_nothing(scale):
    model = network()

    def scaled(y, logits):
        return scale * keras.losses.sparse_categorical_crossentropy(
            y, logits, from_logits=True
        )

    want = fgsm(model, X, Y, 0.1)
    np.testing.assert_array_equal(fgsm(model, X, Y, 0.1, loss=scaled), want)


def test_in_the_ball_and_in_the_box():
    model = network()
    for epsilon in (0.0, 0.03, 0.5, 3.0):
        x = np.asarray(fgsm(model, X, Y, epsilon))
        assert np.abs(x - X).max() <= epsilon + 1e-6
        assert x.min() >= 0 and x.max() <= 1
    free = np.asarray(fgsm(model, X, Y, 0.3, **OPEN))
    moved = np.asarray(input_gradient(label_loss(model, Y), X)) != 0
    np.testing.assert_allclose(np.abs(free - X)[moved], 0.3, rtol=1e-5)


def test_logit_of_a_linear_model_changes_by_the_1_norm():
    """Up where the label is 0, down where it is 1; the loss changes by less."""
    model, w, x, how = linear()
    y, epsilon = np.array([0, 1, 0]), 0.2
    attacked = fgsm(model, x, y, epsilon, **how)
    change = np.asarray(model(attacked) - model(x))[:, 0]
    want = epsilon * np.abs(w).sum() * np.array([1, -1, 1])
    np.testing.assert_allclose(change, want, rtol=1e-4)
    with_label = [float(how["loss"](y[:, None], model(a))) for a in (x, attacked)]
    assert 0 < with_label[1] - with_label[0] < epsilon * np.abs(w).sum()


def test_no_other_step_is_worse_for_a_linear_model():
    model, _, x, how = linear()
    y, epsilon = np.zeros(3, int), 0.2
    best = np.asarray(model(fgsm(model, x, y, epsilon, **how)))
    for seed in range(20):
        rng = np.random.default_rng(seed)
        eta = epsilon * np.sign(rng.normal(size=x.shape)).astype("float32")
        assert (np.asarray(model(x + eta)) <= best + 1e-6).all()


def test_more_dimensions_more_change():
    """Section 3: epsilon m n for weights of mean size m in n dimensions."""
    for n in (10, 1000):
        w = np.where(RNG.normal(size=n) > 0, 0.3, -0.3).astype("float32")
        x = sign_step(np.zeros(n, "float32"), w, 0.01, **OPEN)
        assert float(ops.sum(w * x)) == pytest.approx(0.01 * 0.3 * n, rel=1e-4)


def test_loss_rises_and_the_weights_stay():
    model = network()
    before = model.get_weights()
    attacked = fgsm(model, X, Y, 0.01)
    loss = label_loss(model, Y)
    assert float(loss(attacked)) > float(loss(X)) + 0.01
    for a, b in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(fgsm(model, X, Y, 0.01), attacked)  # no dropout


def test_the_true_label_counts_and_not_the_predicted_one():
    model = network()
    wrong = (np.asarray(model(X)).argmax(axis=-1) + 1) % 3
    loss = label_loss(model, wrong)
    assert float(loss(fgsm(model, X, wrong, 0.01))) > float(loss(X))


def test_a_network_that_is_sure_is_not_attacked():
    """Its gradient is 0 in floats: being hard to attack is not being robust."""
    model = network(gain=1e4)
    sure = np.asarray(model(X)).argmax(axis=-1)
    np.testing.assert_array_equal(fgsm(model, X, sure, 0.3), X)


@pytest.mark.parametrize(
    "x, said",
    [
        (255 * X, "floats from 0 to 1, got them from"),
        ((255 * X).astype("uint8"), "got uint8: rescale them"),
        (X - 0.5, "floats from 0 to 1, got them from"),
        (np.full_like(X, np.nan), "got them from nan to nan"),
    ],
)
def test_rejects_images(x, said):
    with pytest.raises(ValueError, match=said):
        fgsm(network(), x, Y)


@pytest.mark.parametrize("y", [[2, 0, 1, 3], [2, 0, 1, -1]])
def test_rejects_labels(y):
    with pytest.raises(ValueError, match="labels must be from 0 to 2, got them from"):
        fgsm(network(), X, np.array(y))


@pytest.mark.parametrize("epsilon", [-0.1, float("nan")])
def test_rejects_epsilon(epsilon):
    with pytest.raises(ValueError, match="epsilon must be a number >= 0, got"):
        fgsm(network(), X, Y, epsilon)
    with pytest.raises(ValueError, match="epsilon must be a number >= 0, got"):
        sign_step(X, X, epsilon)


def test_rejects_a_broken_network():
    model = network()
    model.set_weights([w + np.nan for w in model.get_weights()])
    with pytest.raises(ValueError, match="the gradient is not finite"):
        fgsm(model, X, Y)
