"""Grades assignments/vision/classification/residual_branches.py."""

import numpy as np

from course.grading import close, fit, points

FORBIDDEN = ("layers.Dropout", "random.dropout", "tf.nn.dropout")


def block(rng):
    """Return x and branch; as many examples as channels, so that mixing them shows."""
    return rng.normal(size=(4, 2, 3, 4)), rng.normal(size=(4, 2, 3, 4))


@points(2)
def test_survival(submission, rng):
    """the probability to keep a branch falls in equal steps down to the last block"""
    last = rng.uniform(0.2, 0.4)
    close(submission.survival(3, 7, last), (4 + 3 * last) / 7)
    close(submission.survival(1, 5, 0.5), 0.9)
    close(submission.survival(6, 6, last), last, hint="What has the last block?")


@points(1)
def test_mean_depth(submission, rng):
    """of 54 blocks 40.25 are kept on average, as section 3 of the paper says"""
    close(submission.mean_depth(54, 0.5), 40.25, hint="What does each block count?")
    last = rng.uniform(0.2, 0.4)
    close(submission.mean_depth(3, last), 1 + 2 * last)


@points(3)
def test_drop_branch(submission, rng):
    """in training each example keeps its branch or not, by its own draw"""
    x, branch = block(rng)
    keep = rng.uniform(0.65, 0.75)
    draws = rng.permutation([0.1, 0.45, 0.8, 0.95])
    want = x.copy()
    for example in np.flatnonzero(draws < keep):
        want[example] += branch[example]

    got = submission.drop_branch(x, branch, draws, keep)
    close(got, want, hint="What does an example give whose branch is dropped?")


@points(2)
def test_expected_branch(submission, rng):
    """inference gives the mean of what training gives"""
    x, branch = block(rng)
    keep = rng.uniform(0.65, 0.75)
    got = submission.expected_branch(x, branch, keep)
    close(got, keep * (x + branch) + (1 - keep) * x, hint="Which part is random?")


@points(2)
def test_initial_gammas(submission):
    """the branch starts silent and can still learn"""
    got = submission.initial_gammas(3, 5)
    if isinstance(got, (list, tuple)):
        got = np.array(got, "float32")
    want = np.array([[1.0] * 5, [1.0] * 5, [0.0] * 5])
    close(got, want, hint="Which norm can be silent without silencing the others?")


@points(2, after="test_initial_gammas")
def test_network(submission, rng):
    """three blocks start as the identity, and wake up in training"""
    body = submission.body(3, 8, 0.5)
    maps = rng.normal(size=(3, 4, 5, 8))
    for training in (False, True):
        close(body(maps, training=training), maps, hint="Are the branches silent?")

    labels = np.arange(24) % 3
    images = rng.normal(size=(24, 6, 7, 3)) + 2 * np.eye(3)[labels][:, None, None]
    losses = fit(submission.network(body), images, labels, 10)
    assert losses[-1] < 0.5 * losses[0], f"the loss went {losses[0]} to {losses[-1]}"
    identity = submission.is_identity(body, maps)
    assert identity is False, "after training the blocks are still the identity"
