import numpy as np
import pytest
import tensorflow as tf

from modules.detection.multibox_loss import hard_negatives, multibox_loss

RNG = np.random.default_rng(0)
WANTED = np.full((2, 20), -1)
WANTED[0, [3, 7]], WANTED[1, 5] = [2, 0], 1
WANTED[1, 6] = -2
LOGITS = RNG.normal(size=(2, 20, 4)).astype("float32")
DELTAS, TARGETS = RNG.normal(size=(2, 2, 20, 4)).astype("float32")


def by_loops(negatives, weight):
    """Return the loss with sorted lists, in float64."""
    z = LOGITS.astype("float64")
    log_p = z - np.log(np.exp(z).sum(axis=-1, keepdims=True))
    total = 0.0
    for i in range(2):
        positive = np.flatnonzero(WANTED[i] >= 0)
        total -= sum(log_p[i, a, WANTED[i, a] + 1] for a in positive)
        background = sorted(-log_p[i, WANTED[i] == -1, 0], reverse=True)
        total += sum(background[: negatives * len(positive)])
        error = abs(DELTAS[i, positive] - TARGETS[i, positive]).astype("float64")
        total += weight * np.where(error < 1, error**2 / 2, error - 0.5).sum()
    return total / 3


@pytest.mark.parametrize(("negatives", "weight"), [(3, 1.0), (1, 0.5), (99, 2.0)])
def test_equation_by_loops(negatives, weight):
    got = multibox_loss(LOGITS, DELTAS, WANTED, TARGETS, weight, negatives)
    assert float(got) == pytest.approx(by_loops(negatives, weight), rel=1e-5)


def test_order_of_priors_does_not_matter():
    mixed = RNG.permutation(20)
    args = [a[:, mixed] for a in (LOGITS, DELTAS, WANTED, TARGETS)]
    want = multibox_loss(LOGITS, DELTAS, WANTED, TARGETS)
    assert float(multibox_loss(*args)) == pytest.approx(float(want), rel=1e-6)


def test_hard_negatives_are_the_worst_three_for_each_matched():
    losses = RNG.permutation(40).reshape(2, 20).astype("float32")
    got = np.asarray(hard_negatives(losses, WANTED))
    assert got.sum(axis=1).tolist() == [6, 3]
    assert (WANTED[got] == -1).all()
    for i in range(2):
        rest = (WANTED[i] == -1) & ~got[i]
        assert losses[i, got[i]].min() > losses[i, rest].max()


def test_without_objects_the_loss_and_its_slope_are_zero():
    logits = tf.Variable(LOGITS)
    with tf.GradientTape() as tape:
        loss = multibox_loss(logits, DELTAS, 0 * WANTED - 1, TARGETS * np.nan)
    assert float(loss) == 0
    assert not np.asarray(tape.gradient(loss, logits)).any()


def test_only_what_counts_has_a_slope():
    logits, deltas = tf.Variable(LOGITS), tf.Variable(DELTAS)
    with tf.GradientTape() as tape:
        loss = multibox_loss(logits, deltas, WANTED, TARGETS)
    moved, pulled = (
        np.asarray(g).any(axis=-1) for g in tape.gradient(loss, [logits, deltas])
    )
    np.testing.assert_array_equal(pulled, WANTED >= 0)
    assert moved.sum() == 3 + 9 and moved[WANTED >= 0].all() and not moved[1, 6]
