"""Against brute force: all K^T rows of tags, one after the other, in float64."""

import itertools

import numpy as np
import pytest
import tensorflow as tf
from scipy.special import log_softmax, logsumexp

from course.checks import check_function
from modules.nlp.text.linear_chain import (
    Chain,
    best_path,
    check_tags,
    log_partition,
    path_score,
)

RNG = np.random.default_rng(0)
K = 3
EMISSIONS = (2 * RNG.normal(size=(4, 6, K))).astype("float32")
CHAIN = Chain(*((2 * RNG.normal(size=s)).astype("float32") for s in ((K, K), K, K)))
LENGTHS = [6, 3, 1, 0]
MASK = np.arange(6) < np.array(LENGTHS)[:, None]
TAGS = np.where(MASK, RNG.integers(0, K, size=MASK.shape), -7)
FREE = Chain(np.zeros((K, K), "f4"), np.zeros(K, "f4"), np.zeros(K, "f4"))


def by_hand(p, tags, chain=CHAIN):
    """The score of one row of tags, term by term."""
    if not len(tags):
        return 0.0
    total = float(chain.start[tags[0]]) + float(chain.end[tags[-1]])
    total += sum(float(p[t, tag]) for t, tag in enumerate(tags))
    return total + sum(
        float(chain.transitions[i, j]) for i, j in itertools.pairwise(tags)
    )


def all_rows(p, length, chain=CHAIN):
    """Every row of tags and its score."""
    return {
        row: by_hand(p, row, chain)
        for row in itertools.product(range(K), repeat=length)
    }


def marginals(p, length):
    rows = all_rows(p, length)
    z, found = logsumexp(list(rows.values())), np.zeros((6, K))
    for row, score in rows.items():
        for t, tag in enumerate(row):
            found[t, tag] += np.exp(score - z)
    return found


def test_functions():
    def path(*args):
        return path_score(*args[:2], Chain(*args[2:5]), args[5])

    def partition(*args):
        return log_partition(args[0], Chain(*args[1:4]), args[4])

    def best(*args):
        return best_path(args[0], Chain(*args[1:4]), args[4])

    check_function(path, EMISSIONS, TAGS, *CHAIN, MASK, y_shape=(4,))
    check_function(partition, EMISSIONS, *CHAIN, MASK, y_shape=(4,))
    check_function(best, EMISSIONS, *CHAIN, MASK, y_shape=[(4, 6), (4,)])


def test_path_score_term_by_term():
    want = [by_hand(p, t[:n]) for p, t, n in zip(EMISSIONS, TAGS, LENGTHS, strict=True)]
    np.testing.assert_allclose(
        path_score(EMISSIONS, TAGS, CHAIN, MASK), want, rtol=1e-5
    )


def test_log_partition_equals_brute_force():
    rows = [all_rows(p, n) for p, n in zip(EMISSIONS, LENGTHS, strict=True)]
    want = [logsumexp(list(r.values())) for r in rows]
    got = log_partition(EMISSIONS, CHAIN, MASK)
    np.testing.assert_allclose(got, want, rtol=1e-5)
    assert want[-1] == 0  # an empty sentence has one row of tags, the empty one


def test_log_partition_in_float64():
    p = EMISSIONS[:1].astype("float64")
    want = logsumexp(list(all_rows(p[0], 6).values()))
    got = log_partition(tf.constant(p), CHAIN)
    assert float(got[0]) == pytest.approx(want, abs=1e-12)


def test_gradients_of_log_z_are_the_probabilities_of_tags():
    x = tf.Variable(EMISSIONS)
    chain = Chain(*map(tf.Variable, CHAIN))
    with tf.GradientTape() as tape:
        z = log_partition(x + 0, Chain(*(part + 0 for part in chain)), MASK)
    found, by_chain = tape.gradient(z, [x, chain])
    want = [marginals(p, n) for p, n in zip(EMISSIONS, LENGTHS, strict=True)]
    np.testing.assert_allclose(found, want, atol=1e-5)
    np.testing.assert_allclose(np.sum(found, axis=-1), MASK, atol=1e-5)
    pairs = np.zeros((K, K))
    for p, n in zip(EMISSIONS, LENGTHS, strict=True):
        rows = all_rows(p, n)
        z = logsumexp(list(rows.values()))
        for row, score in rows.items():
            for i, j in itertools.pairwise(row):
                pairs[i, j] += np.exp(score - z)
    np.testing.assert_allclose(by_chain.transitions, pairs, atol=1e-5)


def test_viterbi_equals_brute_force():
    tags, scores = map(np.asarray, best_path(EMISSIONS, CHAIN, MASK))
    for p, n, got, score in zip(EMISSIONS, LENGTHS, tags, scores, strict=True):
        rows = all_rows(p, n)
        best = max(rows, key=rows.get)
        assert got[:n].tolist() == list(best) and not got[n:].any()
        assert score == pytest.approx(rows[best], abs=1e-4)


@pytest.mark.parametrize("seed", range(20))
def test_many_small_chains(seed):
    rng = np.random.default_rng(seed)
    length = int(rng.integers(1, 6))
    p = (3 * rng.normal(size=(1, length, K))).astype("float32")
    chain = Chain(*((3 * rng.normal(size=s)).astype("f4") for s in ((K, K), K, K)))
    rows = all_rows(p[0], length, chain)
    tags, score = best_path(p, chain)
    assert tuple(np.asarray(tags)[0].tolist()) == max(rows, key=rows.get)
    z = float(log_partition(p, chain)[0])
    assert z == pytest.approx(logsumexp(list(rows.values())), rel=1e-5)
    assert max(rows.values()) <= z + 1e-4  # so -log p is never negative


def test_without_transitions_it_is_a_softmax_at_each_word():
    z = log_partition(EMISSIONS, FREE, MASK)
    score = path_score(EMISSIONS, TAGS, FREE, MASK)
    logs = log_softmax(EMISSIONS.astype("float64"), axis=-1)
    picked = np.take_along_axis(logs, np.maximum(TAGS, 0)[..., None], -1)[..., 0]
    want = (picked * MASK).sum(axis=1)
    np.testing.assert_allclose(score - z, want, atol=1e-5)
    tags, _ = best_path(EMISSIONS, FREE, MASK)
    np.testing.assert_array_equal(tags, EMISSIONS.argmax(axis=-1) * MASK)


def test_a_constant_at_one_step_changes_no_probability():
    shifted = EMISSIONS + np.array([0, 5, 0, -3, 0, 9], "float32")[:, None]
    before, after = (
        path_score(p, TAGS, CHAIN, MASK) - log_partition(p, CHAIN, MASK)
        for p in (EMISSIONS, shifted)
    )
    np.testing.assert_allclose(after, before, atol=1e-4)


def test_direction_of_the_transitions():
    """A_ij is the score of j AFTER i: only 0 -> 1 -> 2 is cheap."""
    a = np.full((K, K), -50, "float32")
    a[0, 1] = a[1, 2] = 0
    tags, score = best_path(
        np.zeros((1, 3, K), "f4"), Chain(a, np.zeros(3), np.zeros(3))
    )
    assert np.asarray(tags).tolist() == [[0, 1, 2]] and float(score[0]) == 0


@pytest.mark.parametrize("size", [1e3, 1e6, 1e30])
def test_scores_of_any_size_are_finite(size):
    p = tf.Variable(size * EMISSIONS)
    with tf.GradientTape() as tape:
        z = log_partition(p + 0, CHAIN, MASK)
    slopes = tape.gradient(z, p)
    assert np.isfinite(z).all() and np.isfinite(slopes).all()
    tags, score = best_path(size * EMISSIONS, CHAIN, MASK)
    np.testing.assert_allclose(score, z, rtol=1e-3)  # the best row is all there is


def test_what_stands_at_padding_does_not_matter():
    noisy = np.where(MASK[..., None], EMISSIONS, 1e9).astype("float32")
    for function in (log_partition, best_path):
        for a, b in zip(
            tf.nest.flatten(function(noisy, CHAIN, MASK)),
            tf.nest.flatten(function(EMISSIONS, CHAIN, MASK)),
            strict=True,
        ):
            np.testing.assert_array_equal(a, b)
    cut = [
        log_partition(EMISSIONS[1:2, :3], CHAIN),
        path_score(EMISSIONS[1:2, :3], TAGS[1:2, :3], CHAIN),
    ]
    whole = [
        log_partition(EMISSIONS, CHAIN, MASK),
        path_score(EMISSIONS, TAGS, CHAIN, MASK),
    ]
    for a, b in zip(cut, whole, strict=True):
        np.testing.assert_allclose(a[0], b[1], rtol=1e-5)


def test_nothing_but_padding_is_zero_and_has_no_gradient():
    p = tf.Variable(EMISSIONS)
    with tf.GradientTape() as tape:
        none = np.zeros_like(MASK)
        z = log_partition(p + 0, CHAIN, none) - path_score(p + 0, TAGS, CHAIN, none)
    np.testing.assert_array_equal(z, np.zeros(4))
    slopes = tf.convert_to_tensor(tape.gradient(z, p))
    np.testing.assert_array_equal(slopes, np.zeros(EMISSIONS.shape))


@pytest.mark.parametrize("bad", [-1, K, 99])
def test_tags_out_of_range(bad):
    tags = np.where(MASK, TAGS, 0)
    tags[1, 2] = bad
    with pytest.raises(ValueError, match=r"tags must be 0 to 2, got"):
        path_score(EMISSIONS, tags, CHAIN, MASK)
    with pytest.raises(ValueError, match=r"tags must be 0 to 2, got"):
        path_score(EMISSIONS, tf.constant(tags), CHAIN, tf.constant(MASK))
    check_tags(tags, K, MASK & (tags != bad))  # at padding anything may stand


def test_no_step_at_all():
    none = EMISSIONS[:, :0]
    for function in (log_partition, best_path):
        with pytest.raises(ValueError, match=r"must have a step, .* got \(B, 0\)"):
            function(none, CHAIN)
    with pytest.raises(ValueError, match=r"must have a step, .* got \(B, 0\)"):
        path_score(none, TAGS[:, :0], CHAIN)
