"""The forward chain in closed form, and what is known of the way back."""

import numpy as np
import pytest
import tensorflow as tf
from keras import ops

from modules.generative.diffusion import Diffusion, linear_betas

RNG = np.random.default_rng(0)
BETAS = np.array([0.1, 0.3, 0.2, 0.45])
CHAIN = Diffusion(BETAS)
X, NOISE = RNG.normal(size=(2, 4, 3, 2, 1)).astype("float32")
T = np.array([1, 2, 3, 4], "int32")


def test_schedule_of_the_paper():
    betas = linear_betas()
    assert betas.shape == (1000,) and (betas[0], betas[-1]) == (1e-4, 0.02)
    bars = Diffusion(betas).alpha_bars
    assert abs(bars[1000] - 4.036e-5) < 5e-9
    np.testing.assert_allclose(bars[[0, 1, 2]], [1, 0.9999, 0.9999 * (1 - betas[1])])
    assert np.all(np.diff(bars / (1 - bars + 1e-300)) < 0)  # signal to noise falls


def test_closed_form_is_the_iterated_chain():
    """Mean factor and variance of x_t, step by step."""
    factor, variance = 1.0, 0.0
    for t, beta in enumerate(BETAS, 1):
        factor, variance = (
            np.sqrt(1 - beta) * factor,
            (1 - beta) * variance + beta,
        )
        ones, zeros = np.ones((1, 2), "f4"), np.zeros((1, 2), "f4")
        np.testing.assert_allclose(CHAIN.diffuse(ones, t, zeros), [[factor] * 2], 1e-6)
        got = CHAIN.diffuse(zeros, t, ones) ** 2
        np.testing.assert_allclose(got, [[variance] * 2], 1e-6)


def test_unit_variance_is_kept():
    x, noise = RNG.normal(size=(2, 50_000, 1)).astype("float32")
    for t in (1, 3, 4):
        assert abs(np.var(CHAIN.diffuse(x, t, noise)) - 1) < 0.03
    bars = CHAIN.alpha_bars
    signal = np.array([np.asarray(CHAIN.at(np.sqrt(bars), t, X))[0] for t in T])
    np.testing.assert_allclose(signal.ravel() ** 2, bars[1:], rtol=1e-6)


def test_every_example_has_its_own_t():
    together = CHAIN.diffuse(X, T, NOISE)
    for i, t in enumerate(T):
        alone = CHAIN.diffuse(X[i : i + 1], int(t), NOISE[i : i + 1])
        np.testing.assert_allclose(together[i : i + 1], alone, rtol=1e-6)


def test_true_noise_gives_the_image_back():
    np.testing.assert_allclose(
        CHAIN.clean(CHAIN.diffuse(X, T, NOISE), T, NOISE), X, atol=1e-5
    )


def test_posterior_is_bayes_rule():
    """q(x_{t-1} | x_t, x_0): two Gaussians multiplied, in precisions."""
    x_0, x_t = 0.7, -0.4
    for t in (2, 3, 4):
        beta, before = BETAS[t - 1], np.prod(1 - BETAS[: t - 1])
        precision = (1 - beta) / beta + 1 / (1 - before)
        mean = np.sqrt(1 - beta) * x_t / beta + np.sqrt(before) * x_0 / (1 - before)
        got = CHAIN.posterior(np.float32([[x_0]]), np.float32([[x_t]]), t)
        np.testing.assert_allclose(got[0], [[mean / precision]], rtol=1e-5)
        np.testing.assert_allclose(got[1], [[1 / precision]], rtol=1e-5)


def test_last_step_returns_the_image():
    mean, variance = CHAIN.posterior(X, NOISE, 1)
    np.testing.assert_allclose(mean, X, rtol=1e-5)
    assert float(np.max(variance)) == 0


def test_posterior_variance_is_below_beta():
    tilde = CHAIN.posterior_variances
    assert np.all(tilde[1:] < CHAIN.betas[1:])
    want = [
        (1 - CHAIN.alpha_bars[t - 1]) / (1 - CHAIN.alpha_bars[t]) * BETAS[t - 1]
        for t in T
    ]
    np.testing.assert_allclose(tilde[1:], want, rtol=1e-9)
    paper = Diffusion(linear_betas())
    ratio = paper.posterior_variances[100:] / paper.betas[100:]
    assert ratio.min() > 0.97  # of 1000 steps most do not tell the two apart


def test_mean_from_the_noise_is_the_posterior_mean_from_the_image():
    x_t = CHAIN.diffuse(X, T, NOISE)
    want, _ = CHAIN.posterior(X, x_t, T)
    np.testing.assert_allclose(CHAIN.reverse_mean(x_t, T, NOISE), want, atol=1e-5)


def test_by_hand():
    """beta = 0.36, t = 1: sqrt(1 - beta) = 0.8, sqrt(beta) = 0.6."""
    chain, one = Diffusion([0.36]), np.ones((1, 1), "float32")
    np.testing.assert_allclose(chain.diffuse(one, 1, one), [[1.4]], rtol=1e-6)
    got = chain.reverse_mean(1.4 * one, 1, one)  # (1.4 - 0.36 / 0.6) / 0.8
    np.testing.assert_allclose(got, one, rtol=1e-6)


def test_unknown_batch_compiled_and_half_precision():
    spec = [tf.TensorSpec([None] * 4), tf.TensorSpec([None], "int32")]

    def run(x, t):
        return CHAIN.reverse_mean(CHAIN.diffuse(x, t, x), t, x)

    for how in ({"input_signature": spec}, {"jit_compile": True}):
        got = tf.function(run, **how)(X, T)
        np.testing.assert_allclose(got, run(X, T), rtol=1e-5)
    half = CHAIN.diffuse(X.astype("float16"), T, NOISE.astype("float16"))
    assert half.dtype == "float16"


@pytest.mark.parametrize("t", [0, 5, -1, np.array([1, 2, 3, 1000])])
def test_refuses_steps_out_of_range(t):
    wrong = int(np.max(t)) if np.ndim(t) else t
    for use in (
        lambda: CHAIN.diffuse(X, t, NOISE),
        lambda: CHAIN.clean(X, t, NOISE),
        lambda: CHAIN.posterior(X, NOISE, t),
        lambda: CHAIN.reverse_mean(X, ops.convert_to_tensor(t), NOISE),
    ):
        with pytest.raises(ValueError, match=f"t must be from 1 to 4, got {wrong}"):
            use()


@pytest.mark.parametrize("betas", [[], [[0.1]], [0.0, 0.1], [0.1, 1.0], [np.nan]])
def test_refuses_betas(betas):
    with pytest.raises(ValueError, match="betas must be"):
        Diffusion(betas)


def test_refuses_steps():
    with pytest.raises(ValueError, match="steps must be an int >= 1, got 0"):
        linear_betas(0)
