import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy import optimize, stats
from scipy.special import log_expit

from course.checks import check_function, check_model, noise_weights
from modules.nlp.words.negative_sampling import (
    NegativeSampling,
    negative_sampling_loss,
    noise_distribution,
)

COUNTS = [0, 16, 81, 1, 0, 256, 16, 0]
CENTERS, CONTEXTS = np.array([[3, 3, 6, 1], [5, 2, 3, 6]], "int32")
RNG = np.random.default_rng(0)


def make(**more):
    return NegativeSampling(COUNTS, dim=5, negatives=3, seed=0, **more)


@pytest.fixture
def model():
    model = make()
    model([CENTERS, CONTEXTS])
    noise_weights(model, seed=0, gain=2)
    return model


def test_model():
    check_model(make, (CENTERS, CONTEXTS), (4,), 2 * 8 * 5)


def test_noise_by_hand():
    """Fourth roots 2, 3, 1, 4 and 2, and their cubes 8, 27, 1, 64 and 8."""
    want = np.array([0, 8, 27, 1, 0, 64, 8, 0]) / 108
    np.testing.assert_allclose(noise_distribution(COUNTS), want, atol=1e-12)
    share = np.array(COUNTS) / sum(COUNTS)
    np.testing.assert_allclose(noise_distribution(COUNTS, power=1), share)
    even = noise_distribution(COUNTS, power=0)  # 0 ** 0 must not make a word of it
    np.testing.assert_allclose(even, (share > 0) / 5)


def test_draws_follow_the_noise(model):
    drawn = np.bincount(np.ravel(model.draw((400, 50))), minlength=8)
    want = noise_distribution(COUNTS)
    there = want > 0
    assert not drawn[~there].any()
    test = stats.chisquare(drawn[there], drawn.sum() * want[there])
    assert test.pvalue > 0.01
    other = noise_distribution(COUNTS, power=1)[there]
    assert stats.chisquare(drawn[there], drawn.sum() * other).pvalue < 1e-9


def test_rounding_never_draws_a_word_that_does_not_occur():
    model = NegativeSampling([0, *[1] * 1000, 0, 0], dim=2)
    largest = 1 - 2.0**-24  # float32's largest number below 1
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(keras.random, "uniform", lambda s, seed: tf.fill(s, largest))
        assert np.unique(model.draw((2, 3))).tolist() == [1000]
        patch.setattr(keras.random, "uniform", lambda s, seed: tf.zeros(s))
        assert np.unique(model.draw((2, 3))).tolist() == [1]


def test_loss_is_the_papers_equation():
    positive, negative = RNG.normal(size=(4,)), 3 * RNG.normal(size=(4, 3))
    positive[0], negative[0, 1] = -200, 300  # log(sigmoid) would be -inf
    want = -log_expit(positive) - log_expit(-negative).sum(axis=1)
    got = negative_sampling_loss(np.float32(positive), np.float32(negative))
    np.testing.assert_allclose(got, want, rtol=1e-5)
    args = np.float32(positive[1:]), np.float32(negative[1:])
    check_function(negative_sampling_loss, *args, y_shape=(3,))


def test_loss_of_a_pair_uses_the_drawn_rows(model):
    drawn = np.array([[2, 2, 5], [1, 5, 5], [6, 2, 1], [5, 3, 2]])
    model.draw = lambda shape: tf.constant(drawn)
    v, u = (np.float64(w) for w in model.get_weights())
    want = [
        -log_expit(v[c] @ u[o]) - sum(log_expit(-v[c] @ u[n]) for n in words)
        for c, o, words in zip(CENTERS, CONTEXTS, drawn, strict=True)
    ]
    got = model.pair_losses(tf.constant(CENTERS), tf.constant(CONTEXTS))
    np.testing.assert_allclose(got, want, rtol=1e-4)


def test_other_rows_have_no_gradient(model):
    model.draw = lambda shape: tf.constant([[2, 2]] * 4)
    with tf.GradientTape() as tape:
        loss = model.compute_loss([tf.constant(CENTERS), tf.constant(CONTEXTS)])
    dv, du = (
        tf.convert_to_tensor(g).numpy()
        for g in tape.gradient(loss, [w.value for w in model.trainable_weights])
    )
    assert dv.any(axis=1).tolist() == [i in CENTERS for i in range(8)]
    assert du.any(axis=1).tolist() == [i in {*CONTEXTS, 2} for i in range(8)]


@pytest.mark.parametrize("power", [0.75, 1])
def test_optimum_is_shifted_pmi_only_for_unigram_noise(power):
    """u . v = log[P(w,c) / (P(w) P_n(c))] - log k, found again by SciPy."""
    k, joint = 4, RNG.dirichlet(np.ones(9)).reshape(3, 3)
    words, contexts = joint.sum(axis=1), joint.sum(axis=0)
    noise = noise_distribution(contexts, power)

    def loss(x):
        x = x.reshape(3, 3)
        positive = (joint * -log_expit(x)).sum()
        return positive + k * (np.outer(words, noise) * -log_expit(-x)).sum()

    found = optimize.minimize(loss, np.zeros(9), tol=1e-12).x.reshape(3, 3)
    best = np.log(joint / np.outer(words, noise)) - np.log(k)
    np.testing.assert_allclose(found, best, atol=1e-3)
    shifted_pmi = np.log(joint / np.outer(words, contexts)) - np.log(k)
    assert np.allclose(found, shifted_pmi, atol=1e-3) == (power == 1)

    x = tf.Variable(best)  # and our loss is flat there, in expectation over the draws
    with tf.GradientTape() as tape:
        ours = [
            joint[i, j]
            * noise[n]
            * negative_sampling_loss(x[i, j, None], [[x[i, n]] * k])
            for i, j, n in np.ndindex(3, 3, 3)
        ]  # all k negatives equal: the same expectation
        total = tf.add_n(ours)
    np.testing.assert_allclose(tape.gradient(total, x), np.zeros((3, 3)), atol=1e-8)


def test_learns_which_words_stand_together():
    keras.utils.set_random_seed(0)
    centers = RNG.integers(0, 4, size=4000)
    contexts = 4 + (centers + (RNG.random(4000) < 0.2)) % 4
    counts = np.bincount([*centers, *contexts], minlength=8)
    model = NegativeSampling(counts, dim=6, seed=1)
    model.compile(keras.optimizers.Adam(0.02))  # compiled: XLA draws too
    history = model.fit([centers, contexts], batch_size=50, epochs=3, verbose=0)
    assert history.history["loss"][-1] < 0.8 * history.history["loss"][0]
    logits = np.asarray(model.logits(np.arange(4)))
    assert logits.argmax(axis=1).tolist() == [4, 5, 6, 7]


def test_the_same_seed_draws_the_same_words():
    first, second = (np.asarray(make().draw((3, 4))) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    model = make()
    assert np.any(np.asarray(model.draw((3, 4))) != np.asarray(model.draw((3, 4))))


@pytest.mark.parametrize("counts", [[0, 0], [-1, 2], [np.nan, 1], []])
def test_rejects_counts(counts):
    with pytest.raises(ValueError, match="counts must be >= 0 and not all 0, got"):
        noise_distribution(counts)


@pytest.mark.parametrize("negatives", [0, 2.5])
def test_rejects_negatives(negatives):
    with pytest.raises(ValueError, match="negatives must be an int >= 1, got"):
        NegativeSampling(COUNTS, negatives=negatives)


def test_fit_refuses_what_is_no_word(model):
    with pytest.raises(ValueError, match="contexts must be 0 to 7, got 2 to 8"):
        model.fit([CENTERS, CONTEXTS + (CONTEXTS == 6) * 2])
