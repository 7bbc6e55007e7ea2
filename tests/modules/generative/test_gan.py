"""The game, its optimum, and two players who do not touch each other's weights."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers, ops

from course.checks import check_function, noise_weights
from modules.generative.gan import GAN, discriminator_loss, generator_loss

RNG = np.random.default_rng(0)
X = RNG.uniform(-1, 1, size=(6, 3, 4, 1)).astype("float32")
P, Q = RNG.dirichlet(np.ones(5), size=2)  # densities on five points


def make(**kwargs):
    z, x = keras.Input((2,)), keras.Input((3, 4, 1))
    y = layers.Reshape((3, 4, 1))(layers.Dense(12, "tanh")(z))
    d = layers.Dense(1)(layers.BatchNormalization()(layers.Flatten()(x)))
    gan = GAN(keras.Model(z, y), keras.Model(x, d), seed=3, **kwargs)
    noise_weights(gan, seed=0)
    return gan


def logit(d):
    return np.log(d / (1 - d))


def value(logits, smoothing=0.0):
    """Return E_p[-ln D] + E_q[-ln(1 - D)], from one loss whose parts are weighed."""
    zero = np.zeros_like(logits)
    real = discriminator_loss(logits, zero, smoothing) - np.log(2)
    fake = discriminator_loss(zero, logits) - np.log(2)
    return float(np.sum(P * real + Q * fake))


def test_functions():
    check_function(discriminator_loss, *RNG.normal(size=(2, 5)), y_shape=(5,))
    check_function(generator_loss, RNG.normal(size=5), y_shape=(5,))


def test_losses_by_hand():
    d_real, d_fake = 0.8, 0.3
    got = discriminator_loss(np.float32(logit(d_real)), np.float32(logit(d_fake)))
    np.testing.assert_allclose(got, -np.log(0.8) - np.log(0.7), rtol=1e-5)
    fake = np.float32(logit(d_fake))
    np.testing.assert_allclose(generator_loss(fake), -np.log(0.3), rtol=1e-5)
    np.testing.assert_allclose(
        generator_loss(fake, saturating=True), np.log(0.7), rtol=1e-5
    )


def test_logits_of_any_size_are_finite():
    big = np.float32([-1e4, 1e4])
    np.testing.assert_allclose(discriminator_loss(big, -big), [2e4, 0])
    np.testing.assert_allclose(generator_loss(big), [1e4, 0])
    np.testing.assert_allclose(generator_loss(big, saturating=True), [0, -1e4])


def test_best_discriminator_is_p_over_p_plus_q():
    best = value(logit(P / (P + Q)))
    for _ in range(20):
        assert value(logit(P / (P + Q)) + RNG.normal(scale=0.1, size=5)) > best
    shannon = [np.sum(a * np.log(2 * a / (P + Q))) for a in (P, Q)]
    np.testing.assert_allclose(-best, -np.log(4) + sum(shannon), rtol=1e-5)  # + 2 JSD


def test_loss_is_two_logarithms_of_two_where_the_densities_agree():
    np.testing.assert_allclose(
        discriminator_loss(np.zeros(3), np.zeros(3)), 2 * np.log(2)
    )


def test_smoothing_is_one_sided():
    """Its optimum is (1 - s) p / (p + q); smoothed fakes would leave s p q terms."""
    best = logit(0.9 * P / (P + Q))
    for _ in range(20):
        other = best + RNG.normal(scale=0.1, size=5)
        assert value(other, smoothing=0.1) > value(best, smoothing=0.1)


def test_saturating_slope_vanishes_where_the_generator_loses():
    fake = tf.Variable([-6.0, 0.0])
    found = []
    for saturating in (True, False):
        with tf.GradientTape() as tape:
            loss = generator_loss(fake, saturating)
        found.append(tape.gradient(loss, fake).numpy())
    d = 1 / (1 + np.exp([6.0, 0.0]))
    np.testing.assert_allclose(found, [-d, d - 1], rtol=1e-5)


def test_each_loss_reaches_its_own_player_only():
    """Exact zeros in the other's weights; and the right gradient in its own."""
    gan = make()
    players = [gan.discriminator, gan.generator]
    with tf.GradientTape(persistent=True) as tape:
        found = gan.objective(X, gan(X, training=True), True)
    for loss, own in zip(
        ("discriminator_loss", "generator_loss"), players, strict=True
    ):
        for player in players:
            weights = [w.value for w in player.trainable_weights]
            slopes = tape.gradient(found[loss], weights)
            if player is own:
                assert all(np.any(s) for s in slopes)
            else:
                assert all(s is None or not np.any(s) for s in slopes)


@pytest.mark.parametrize("saturating", [False, True])
def test_gradients_are_those_of_two_separate_steps(saturating):
    gan = make(saturating=saturating, smoothing=0.1)
    z = RNG.normal(size=(6, 2)).astype("float32")
    gan.noise = lambda shape: ops.convert_to_tensor(z)
    with tf.GradientTape() as tape:
        loss = ops.sum(gan.objective(X, gan(X), False)["loss"])
    together = tape.gradient(loss, [w.value for w in gan.trainable_weights])
    with tf.GradientTape(persistent=True) as tape:
        fake = gan.discriminator(gan.generator(z))[:, 0]
        real = gan.discriminator(X)[:, 0]
        d = ops.sum(discriminator_loss(real, fake, 0.1))
        g = ops.sum(generator_loss(fake, saturating))
    apart = []
    for weight in gan.trainable_weights:
        mine = any(weight is w for w in gan.generator.trainable_weights)
        apart.append(tape.gradient(g if mine else d, weight.value))
    for got, want in zip(together, apart, strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("still", ["generator", "discriminator"])
def test_a_frozen_player_stays_and_the_other_learns(still):
    gan = make()
    getattr(gan, still).trainable = False
    before = [w.numpy() for w in gan.weights]
    gan.compile(keras.optimizers.SGD(0.1), jit_compile=True)
    gan.fit(X, verbose=0)
    for weight, old in zip(gan.weights, before, strict=True):
        mine = any(weight is w for w in getattr(gan, still).weights)
        if "seed" not in weight.path:
            assert np.array_equal(weight, old) == mine, weight.path


def test_saving_and_loading_and_config(tmp_path):
    gan = make(smoothing=0.1, saturating=True)
    gan.save(tmp_path / "gan.keras")
    loaded = keras.saving.load_model(tmp_path / "gan.keras")
    np.testing.assert_allclose(loaded(X), gan(X), rtol=1e-6)
    z = np.ones((1, 2), "float32")
    np.testing.assert_allclose(loaded.generator(z), gan.generator(z), rtol=1e-6)
    config = loaded.get_config()
    assert (config["smoothing"], config["saturating"], config["seed"]) == (0.1, True, 3)


def test_unknown_batch_and_compiled_sample():
    gan = make()
    assert gan(keras.Input((3, 4, 1))).shape == (None, 1)
    images = tf.function(lambda: gan.sample(5), jit_compile=True)()
    assert images.shape == (5, 3, 4, 1) and np.std(images, axis=0).min() > 0


def test_learns_the_mean_of_the_data():
    """A generator of constants moves to where the data are."""
    keras.utils.set_random_seed(0)
    z, x = keras.Input((1,)), keras.Input((1,))
    generator = keras.Model(z, layers.Dense(1, kernel_initializer="zeros")(z))
    y = layers.Dense(1)(layers.Dense(8, "tanh")(x))
    gan = GAN(generator, keras.Model(x, y), seed=0)
    gan.compile(keras.optimizers.Adam(0.02, beta_1=0.5), jit_compile=False)
    data = RNG.normal(0.7, 0.05, size=(256, 1)).clip(-1, 1)
    history = gan.fit(data, batch_size=64, epochs=40, verbose=0).history
    assert set(history) == {"loss", "discriminator_loss", "generator_loss"}
    assert abs(float(np.mean(gan.sample(64))) - 0.7) < 0.35


def test_refuses():
    with pytest.raises(ValueError, match=r"smoothing must be in \[0, 1\), got 1"):
        make(smoothing=1)
    gan = make()
    gan.compile("adam")
    with pytest.raises(ValueError, match="floats from -1 to 1, got uint8: rescale"):
        gan.fit(np.zeros((6, 3, 4, 1), "uint8"))
