import numpy as np
import pytest
import tensorflow as tf

from course.checks import check_function
from modules.nlp.language_models.sampling import (
    Sampler,
    draw,
    keep_nucleus,
    keep_top_k,
    ranks,
)

RNG = np.random.default_rng(0)
LOGITS = (2 * RNG.normal(size=(4, 11))).astype("float32")


def softmax(z):
    p = np.exp(z - z.max(axis=-1, keepdims=True))
    return p / p.sum(axis=-1, keepdims=True)


def shares(choose, rows=20_000):
    """Return how often each word is chosen, (4, K)."""
    noise = (np.arange(rows) + 0.5) / rows  # evenly, so that shares are exact
    words = [choose(np.repeat(row[None], rows, axis=0), noise) for row in LOGITS]
    return np.array([np.bincount(w, minlength=11) / rows for w in words])


def test_functions():
    noise = np.array([0.1, 0.4, 0.6, 0.9], "float32")
    check_function(lambda z: keep_top_k(z, 11), LOGITS, y_shape=LOGITS.shape)
    check_function(lambda z: keep_nucleus(z, 0.9999), LOGITS, y_shape=LOGITS.shape)
    check_function(draw, LOGITS, noise, y_shape=(4,))


@pytest.mark.parametrize("k", [1, 3, 11, 50])
def test_top_k_keeps_the_k_largest(k):
    got = np.asarray(keep_top_k(LOGITS, k))
    kept = np.isfinite(got)
    assert (kept.sum(axis=1) == min(k, 11)).all()
    np.testing.assert_array_equal(got[kept], LOGITS[kept])
    for row, inside in zip(LOGITS, kept, strict=True):
        assert row[inside].min() > row[~inside].max(initial=-np.inf)


@pytest.mark.parametrize("p", [1e-6, 0.3, 0.7, 0.95, 1.0])
def test_the_nucleus_is_the_smallest_set_that_holds_p(p):
    kept = np.isfinite(np.asarray(keep_nucleus(LOGITS, p)))
    for row, inside in zip(softmax(LOGITS.astype("float64")), kept, strict=True):
        assert row[inside].sum() >= p - 1e-6
        assert row[inside].min() > row[~inside].max(initial=0)  # the likeliest
        if p < 1:
            assert row[inside].sum() - row[inside].min() < p  # one less is too few


def test_the_nucleus_grows_with_doubt():
    sure = np.log(np.array([[0.97, 0.01, 0.01, 0.01], [0.25] * 4], "float32"))
    kept = np.isfinite(np.asarray(keep_nucleus(sure, 0.9)))
    assert kept.sum(axis=1).tolist() == [1, 4]


def test_the_word_that_reaches_p_is_in_and_the_next_is_not():
    logits = np.log(np.array([[0.5, 0.25, 0.125, 0.125]], "float32"))
    for p, size in [(0.5, 1), (0.51, 2), (0.75, 2), (0.76, 3)]:
        kept = np.isfinite(np.asarray(keep_nucleus(logits, p)))
        assert kept.sum() == size, p


def test_of_equals_the_first():
    assert np.asarray(ranks(np.array([1.0, 2, 1, 2]))).tolist() == [2, 0, 3, 1]
    kept = np.isfinite(np.asarray(keep_top_k(np.zeros((1, 5)), 2)))
    assert kept[0].tolist() == [True, True, False, False, False]


def test_draw_inverts_the_sum():
    got = shares(draw)
    np.testing.assert_allclose(got, softmax(LOGITS), atol=2e-4)
    most = np.nextafter(np.float32(1), np.float32(0))
    assert int(draw(LOGITS[:1], np.array([most]))[0]) == 10
    masked = np.where(np.arange(11) < 4, LOGITS, -np.inf)
    for u in (0.0, 0.5, most):
        assert np.asarray(draw(masked, np.full(4, u))).max() < 4


def test_temperature_then_k_then_p():
    got = shares(Sampler(temperature=0.7, top_k=5, top_p=0.8))
    want = LOGITS / 0.7
    want = np.where(np.argsort(np.argsort(-want)) < 5, want, -np.inf)
    p = softmax(want)
    order = np.argsort(-p)
    before = np.cumsum(np.take_along_axis(p, order, 1), 1)
    before = before - np.take_along_axis(p, order, 1)
    inside = np.take_along_axis(before < 0.8, np.argsort(order), 1)
    np.testing.assert_allclose(got, softmax(np.where(inside, want, -np.inf)), atol=2e-4)


def test_limits():
    noise = np.full(4, 0.9)
    best = LOGITS.argmax(axis=1)
    for sampler in (Sampler(top_k=1), Sampler(1e-4), Sampler(top_p=1e-6)):
        np.testing.assert_array_equal(sampler(LOGITS, noise), best)
    hot = shares(Sampler(1e6))
    np.testing.assert_allclose(hot, np.full((4, 11), 1 / 11), atol=1e-3)
    huge = np.array([[3e38, -3e38, 0.0]], "float32")
    assert int(Sampler(1e-30, top_p=0.9)(huge, np.array([0.5]))[0]) == 0


def theirs(sampler, row, rows=40_000):
    """Return how often a sampler of keras-hub chooses each word."""
    probabilities = sampler.compute_probabilities(np.repeat(row[None], rows, axis=0))
    words = np.asarray(sampler.get_next_token(tf.convert_to_tensor(probabilities)))
    return np.bincount(words, minlength=11) / rows


@pytest.mark.parametrize(
    "name, limits",
    [("TopK", {"k": 4}), ("TopP", {"p": 0.8}), ("TopP", {"p": 0.9, "k": 5})],
)
def test_samplers_of_keras_hub_choose_as_often(name, limits):
    """Theirs takes the k likeliest of ALL, and p without making their sum 1 again; so
    p of ours is that share of what is left.
    """
    hub = pytest.importorskip("keras_hub")
    sampler = getattr(hub.samplers, f"{name}Sampler")(**limits, temperature=0.8, seed=1)
    k, p = limits.get("k"), limits.get("p")
    for row in LOGITS[:2]:
        inside = np.sort(softmax(row / np.float32(0.8)))[::-1][: k or 11].sum()
        share = None if p is None else min(1.0, float(p / inside))
        noise = (np.arange(4000) + 0.5) / 4000
        logits = np.repeat(row[None], 4000, axis=0)
        words = np.asarray(Sampler(0.8, k, share)(logits, noise))
        got = np.bincount(words, minlength=11) / 4000
        want = theirs(sampler, row)
        np.testing.assert_allclose(got, want, atol=0.015)
        np.testing.assert_array_equal(got > 0, want > 0)


@pytest.mark.parametrize("wrong", [0, -1.0, float("nan"), float("inf"), True])
def test_rejects_temperature(wrong):
    with pytest.raises(ValueError, match="temperature must be a finite float > 0, got"):
        Sampler(wrong)


@pytest.mark.parametrize("wrong", [0, -2, 2.0, True])
def test_rejects_top_k(wrong):
    with pytest.raises(ValueError, match="top_k must be an int >= 1 or None, got"):
        Sampler(top_k=wrong)


@pytest.mark.parametrize("wrong", [0, -0.1, 1.01, float("nan"), True])
def test_rejects_top_p(wrong):
    with pytest.raises(ValueError, match=r"top_p must be a float in \(0, 1\]"):
        Sampler(top_p=wrong)
