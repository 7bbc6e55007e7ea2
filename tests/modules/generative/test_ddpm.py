"""The simple loss, the way back, and an oracle that knows the noise."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers, ops

from modules.generative.ddpm import DDPM
from modules.generative.denoiser import denoiser
from modules.generative.diffusion import Diffusion, linear_betas

RNG = np.random.default_rng(0)
X = RNG.uniform(-1, 1, size=(3, 4, 2, 1)).astype("float32")
STEPS = {"steps": 20, "first": 0.01, "last": 0.4}


@keras.saving.register_keras_serializable("tests/generative")
class Knows(layers.Layer):
    """The true noise in x_t for data that are one image of value c."""

    def __init__(self, c, betas, **kwargs):
        super().__init__(**kwargs)
        self.c, self.betas = c, betas

    def call(self, x, t):
        bars = Diffusion(self.betas).alpha_bars
        bar = ops.take(ops.cast(bars, x.dtype), t)[:, None, None, None]
        return (x - ops.sqrt(bar) * self.c) / ops.sqrt(1 - bar)


def wrapped(make, shape=(4, 2, 1)):
    x, t = keras.Input(shape), keras.Input((), dtype="int32")
    return keras.Model([x, t], make(x, t))


def zero():
    """Return a denoiser that says there is no noise."""
    return wrapped(lambda x, t: layers.Rescaling(0.0)(x))


def oracle(c=0.25):
    betas = linear_betas(**STEPS)
    return wrapped(lambda x, t: Knows(c, betas.tolist())(x, t))


@pytest.mark.parametrize("variance", ["beta", "posterior"])
def test_oracle_leads_back_to_the_image(variance):
    """All noise is taken away, and none is added in the last step."""
    model = DDPM(oracle(), **STEPS, variance=variance, seed=1)
    np.testing.assert_allclose(model.sample(5), 0.25, atol=1e-5)


def test_oracle_has_no_loss_and_zero_has_the_loss_one():
    image = np.full((500, 4, 2, 1), 0.25, "float32")
    for predict, want in ((oracle(), 0), (zero(), 1)):
        model = DDPM(predict, **STEPS, seed=0)
        loss = float(model.compute_loss(image, y_pred=model(image)))
        assert abs(loss - want) < 0.05


def test_step_back():
    """Mean of equation 11, plus sigma_t z; nothing is added at t = 1."""
    predicted, noise = RNG.normal(size=(2, *X.shape)).astype("float32")
    betas = linear_betas(**STEPS)
    bars = np.cumprod(1 - betas)
    for variance in ("beta", "posterior"):
        model = DDPM(zero(), **STEPS, variance=variance)
        for t in (1, 2, 20):
            beta, bar = betas[t - 1], bars[t - 1]
            want = (X - beta / np.sqrt(1 - bar) * predicted) / np.sqrt(1 - beta)
            if t > 1:
                tilde = (1 - bars[t - 2]) / (1 - bar) * beta
                want = want + np.sqrt(beta if variance == "beta" else tilde) * noise
            got = model.step_back(X, t, predicted, noise)
            np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-5)


def test_both_variances_are_right_for_their_data():
    """beta_t keeps N(0, 1) as it is, if the noise is known as well as it can be."""
    chain = Diffusion(linear_betas(**STEPS))
    bars = chain.alpha_bars

    def best(x, t):  # E[noise | x_t] = sqrt(1 - alpha_bar) x_t where x_0 ~ N(0, I)
        table = layers.Embedding(21, 1, weights=[np.sqrt(1 - bars)[:, None]])
        return layers.Multiply()([x, layers.Reshape((1, 1, 1))(table(t))])

    for variance, added in (
        ("beta", chain.betas),
        ("posterior", chain.posterior_variances),
    ):
        want = 1.0  # the mean is sqrt(1 - beta) x_t here
        for t in range(20, 0, -1):
            want = (1 - chain.betas[t]) * want + (added[t] if t > 1 else 0)
        assert 0.98 < want < 1 if variance == "beta" else want < 0.95
        model = DDPM(wrapped(best), **STEPS, variance=variance, seed=0)
        got = np.var(ops.convert_to_numpy(model.sample(5000)))
        assert abs(got - want) < 0.03


def test_draws_every_step_and_each_example_its_own():
    seen = []
    model = DDPM(zero(), **STEPS, seed=0)
    model.denoiser = lambda inputs, training: seen.append(inputs[1]) or inputs[0]
    model(np.zeros((2000, 4, 2, 1), "float32"))
    counts = np.bincount(np.asarray(seen[0]), minlength=21)
    assert counts[0] == 0 and len(counts) == 21 and counts[1:].min() > 60


def test_the_noise_that_is_added_is_the_noise_that_is_asked_for():
    model = DDPM(zero(), **STEPS, seed=0)
    kept = {}
    model.denoiser = lambda inputs, training: kept.update(x=inputs) or 0.0
    noise = model(X)
    x_t, t = kept["x"]
    np.testing.assert_allclose(model.diffusion.diffuse(X, t, noise), x_t, rtol=1e-5)


def make():
    return DDPM(denoiser((8,), 1, (), 0.0, (4, 2, 1)), **STEPS, seed=0)


def test_learns_in_fit_saves_and_loads(tmp_path):
    keras.utils.set_random_seed(0)
    linear = wrapped(lambda x, t: layers.Dense(1, kernel_initializer="zeros")(x))
    model = DDPM(linear, **STEPS, seed=0)
    model.compile(keras.optimizers.SGD(0.3), jit_compile=True)
    data = np.tile(X[:1], (64, 1, 1, 1))
    losses = model.fit(data, epochs=20, verbose=0).history["loss"]
    assert np.mean(losses[-3:]) < 0.6 * np.mean(losses[:2])
    model.save(tmp_path / "ddpm.keras")
    loaded = keras.saving.load_model(tmp_path / "ddpm.keras")
    t = np.array([1, 5, 20])
    np.testing.assert_allclose(
        loaded.denoiser([X, t]), model.denoiser([X, t]), rtol=1e-5, atol=1e-6
    )
    config = loaded.get_config()
    assert {k: config[k] for k in STEPS} == STEPS
    assert (config["variance"], config["seed"]) == ("beta", 0)


def test_gradient_reaches_every_weight():
    model = make()
    for weight in model.trainable_weights:
        weight.assign(RNG.normal(scale=0.3, size=weight.shape))
    with tf.GradientTape() as tape:
        loss = model.compute_loss(X, y_pred=model(X, training=True))
    for slope in tape.gradient(loss, [w.value for w in model.trainable_weights]):
        assert np.any(slope)


def test_keeps_what_it_passes():
    seen = {}
    images = make().sample(2, keep=lambda t, x: seen.update({t: np.asarray(x)}))
    assert sorted(seen) == list(range(21))
    np.testing.assert_array_equal(seen[0], images)
    assert abs(seen[20].std() - 1) < 0.5


def test_unknown_batch_and_half_precision():
    assert make()(keras.Input((4, 2, 1))).shape == (None, 4, 2, 1)
    keras.config.set_dtype_policy("mixed_float16")
    try:
        model = make()
        assert model(X).dtype == "float16"
        assert model.compute_loss(X, y_pred=model(X)).dtype == "float32"
    finally:
        keras.config.set_dtype_policy("float32")


def test_refuses():
    with pytest.raises(ValueError, match="variance must be 'beta' or 'posterior', got"):
        DDPM(zero(), variance="learned")
    model = make()
    model.compile("adam")
    with pytest.raises(ValueError, match="floats from -1 to 1, got them from .* 255"):
        model.fit(np.linspace(0, 255, 24, dtype="float32").reshape(X.shape))
    for t in (0, 21):
        with pytest.raises(ValueError, match=f"t must be from 1 to 20, got {t}"):
            model.step_back(X, t, X, X)
