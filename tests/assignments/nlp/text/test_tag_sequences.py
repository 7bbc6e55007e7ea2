"""Grades assignments/nlp/text/tag_sequences.py."""

import itertools

import numpy as np

from course.grading import close, fit, gradient, points

FORBIDDEN = (
    "modules.nlp.text.linear_chain",
    "modules.nlp.text.crf",
    "crf.CRF",
    "tfa.text",
    "torchcrf",
    "viterbi_decode",
)
K, T = 3, 5
LENGTHS = np.array([5, 3, 1, 0])
MASK = np.arange(T) < LENGTHS[:, None]
MANY = np.array([5, 2, 4, 5, 0, 3, 4, 1, 5, 3])


def world(rng, scale=1.5, sentences=4):
    """Emissions with noise at padding, and scores of neighbours."""
    emissions = scale * rng.normal(size=(sentences, T, K))
    return emissions, scale * rng.normal(size=(K + 2, K + 2))


def row_score(p, row, a):
    """The score of one row of tags, with START in front and END behind."""
    if not row:
        return 0.0
    total = sum(p[t, tag] for t, tag in enumerate(row))
    return total + sum(a[i, j] for i, j in itertools.pairwise([K, *row, K + 1]))


def all_rows(p, length, a):
    rows = itertools.product(range(K), repeat=int(length))
    return {row: row_score(p, row, a) for row in rows}


def log_sum(values):
    values = np.array([*values])
    return values.max() + np.log(np.exp(values - values.max()).sum())


def log_z(emissions, a):
    pairs = zip(emissions, LENGTHS, strict=True)
    return np.array([log_sum(all_rows(p, n, a).values()) for p, n in pairs])


def probabilities(emissions, a):
    found = np.zeros(emissions.shape)
    for b, (p, n) in enumerate(zip(emissions, LENGTHS, strict=True)):
        rows = all_rows(p, n, a)
        z = log_sum(rows.values())
        for row, score in rows.items():
            for t, tag in enumerate(row):
                found[b, t, tag] += np.exp(score - z)
    return found


def best_rows(emissions, a):
    found = np.zeros(emissions.shape[:2], int)
    for b, (p, n) in enumerate(zip(emissions, MANY, strict=True)):
        rows = all_rows(p, n, a)
        found[b, :n] = max(rows, key=rows.get)
    return found


@points(3)
def test_path_score(submission, rng):
    """path_score adds emissions, neighbours, START and END, and skips padding"""
    for _ in range(2):
        emissions, a = world(rng)
        tags = rng.integers(0, K, size=MASK.shape)
        tags[0, :2] = [0, 2]
        rows = [tuple(row[:n]) for row, n in zip(tags, LENGTHS, strict=True)]
        want = [row_score(p, row, a) for p, row in zip(emissions, rows, strict=True)]
        got = submission.path_score(emissions, tags, MASK, a)
        close(got, np.array(want), hint="The sentences have 5, 3, 1 and 0 words.")


@points(4)
def test_log_partition(submission, rng):
    """log_partition equals the sum over all rows of tags, written out"""
    emissions, a = world(rng)
    got = submission.log_partition(emissions, MASK, a)
    close(got, log_z(emissions, a), hint="The sentences have 5, 3, 1 and 0 words.")


@points(1)
def test_large_scores(submission, rng):
    """log_partition is right for very large scores, and gradients flow through it"""
    emissions, a = world(rng, scale=200)
    got = submission.log_partition(emissions, MASK, a)
    close(got, log_z(emissions, a), hint="Does e^500 occur anywhere?")
    emissions, a = world(rng)
    slope = gradient(submission.log_partition, emissions, MASK, a)
    want = probabilities(emissions, a)
    close(slope, want, hint="The slopes of log Z are the tags' probabilities.")


@points(3)
def test_marginals(submission, rng):
    """marginals equals the probability of each tag, by the sum over all rows"""
    emissions, a = world(rng)
    got = submission.marginals(emissions, MASK, a)
    close(got, probabilities(emissions, a), hint="What is known of later words?")


@points(4)
def test_viterbi(submission, rng):
    """viterbi finds the best of all rows of tags"""
    mask = np.arange(T) < MANY[:, None]
    for scale in (0.8, 2.0):
        emissions, a = world(rng, scale, len(MANY))
        got = submission.viterbi(emissions, mask, a)
        close(got, best_rows(emissions, a), hint="The sentences have 0 to 5 words.")


@points(2, after="test_log_partition", seconds=30)
def test_tagger(submission, rng):
    """a tagger of the course learns with your CRF, also beside an empty sentence"""
    tokens = np.array([[3, 7, 7], [7, 3, 0], [0, 0, 0]])
    tags = np.array([[1, 2, 0], [0, 1, 0], [0, 0, 0]])
    model = submission.tagger(10, K)
    losses = fit(model, tokens, tags, 8)
    assert losses[-1] < 0.4 * losses[0], f"the loss went {losses[0]} to {losses[-1]}"
    close(model.best(tokens), tags, hint="What the tagger should have learned")
