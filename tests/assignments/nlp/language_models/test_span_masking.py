"""Grades assignments/nlp/language_models/span_masking.py."""

import numpy as np

from course.grading import close, fit, gradient, points

FORBIDDEN = (
    "modules.nlp.language_models.masking",
    "modules.nlp.language_models.bert_pretraining",
    "modules.nlp.language_models.perplexity",
    "random.geometric",
)
WORDS = np.array([-1, 0, 1, 1, 2, 3, 3, 3, 4, 5, 6, 6, 7, 8, 9, -1, -1, -1])


@points(2)
def test_length_law(submission):
    """lengths follow a geometric law, truncated and summing to 1"""
    for p, longest in [(0.2, 10), (0.35, 4)]:
        lengths = np.arange(1, longest + 1)
        want = p * (1 - p) ** (lengths - 1) / (1 - (1 - p) ** longest)
        got = submission.length_law(p, longest)
        close(got, want, hint="What becomes of lengths beyond the longest?")


@points(2)
def test_draw_lengths(submission, rng):
    """a uniform number picks the length whose part of the sum it falls into"""
    law = np.array([0.1, 0.4, 0.2, 0.3])
    edges = np.array([0, 0.1, 0.5, 0.7, 1.0])
    want = np.concatenate([[1, 2, 3, 4], rng.integers(1, 5, size=9)])
    inside = rng.uniform(0.1, 0.9, size=len(want))
    noise = edges[want - 1] + inside * law[want - 1]
    got = submission.draw_lengths(law, noise)
    close(got, want, hint="Which length has u = 0.05 with a law of 0.1, 0.4, …?")


@points(1)
def test_token_budget(submission):
    """the budget is a share of the tokens that belong to words"""
    assert submission.token_budget(WORDS, 0.3) == 4, (
        "14 tokens of words, a share of 0.3"
    )
    assert submission.token_budget(WORDS, 0.5) == 7, (
        "14 tokens of words, a share of 0.5"
    )
    few = np.array([-1, 0, 1, -1])
    assert submission.token_budget(few, 0.15) == 1, "a sentence of two words gets one"


def oracle(words, starts, lengths, budget):
    """Choose spans with lists and sets."""
    spans, chosen, tokens = [-1] * len(words), [], []
    for start, length in zip(starts, lengths, strict=True):
        new = set(range(start, start + length))
        places = [i for i, w in enumerate(words) if w in new]
        fits = max(new) <= max(words) and len(tokens) + len(places) <= budget
        if fits and not any(new & old for old in chosen):
            for i in places:
                spans[i] = len(chosen)
            chosen.append(new)
            tokens += places
    return np.array(spans)


@points(4)
def test_choose_spans(submission, rng):
    """spans hold whole words, do not overlap, and stay within the budget"""
    cases = [  # starts, lengths, budget
        ([3, 0], [2, 2], 20),  # in the middle and at the beginning
        ([8, 5], [3, 1], 20),  # beyond the last word
        ([4, 3, 6], [2, 2, 1], 20),  # the second meets the first
        ([3, 1, 5, 0], [1, 1, 1, 1], 4),  # the second is too large, the third fits
        ([1, 9], [3, 1], 5),  # six tokens in three words
        ([2, 7], [1, 3], 3),
    ]
    for starts, lengths, budget in cases:
        got = submission.choose_spans(WORDS, starts, lengths, budget)
        hint = f"starts {starts}, lengths {lengths}, budget {budget}: which fit?"
        close(got, oracle(WORDS, starts, lengths, budget), hint=hint)
    starts, lengths = rng.permutation(10), rng.integers(1, 4, size=10)
    got = submission.choose_spans(WORDS, starts, lengths, 8)
    close(got, oracle(WORDS, starts, lengths, 8), hint="ten proposals")


@points(4)
def test_corrupt(submission, rng):
    """80, 10 and 10 % of the spans are masked, changed and kept, each as a whole"""
    spans = np.array([-1, 0, 0, 0, -1, 3, 3, -1, 1, 1, 1, -1, 2, 2, -1])
    tokens = rng.permutation(np.arange(10, 25))
    others = rng.permutation(np.arange(30, 45))
    noise = rng.uniform(0.05, 0.95, size=15)
    noise[:4] = [0.85, 0.3, 0.95, 0.75]  # of the spans
    noise[[8, 9]] = 0.85  # of nothing, though they stand at tokens of spans
    read = np.where(spans == 0, others, tokens)
    read = np.where((spans == 1) | (spans == 3), 3, read)
    labels = np.where(spans >= 0, tokens, 0)
    got = submission.corrupt(tokens, spans, noise, others)
    close(got, (read, labels), hint="What does noise[s] decide, and for whom?")
    many = np.arange(100)
    _, labels = got = submission.corrupt(
        many + 10, many, (many + 0.5) / 100, many + 500
    )
    close(labels, many + 10, hint="Which tokens are asked for?")
    shares = [np.mean(got[0] == 3), np.mean(got[0] >= 500)]
    close(shares, [0.8, 0.1], hint="100 spans of a token each: masked, random")


def losses(logits, labels):
    z = logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))
    return -np.take_along_axis(z, labels[..., None], axis=-1)[..., 0]


@points(3)
def test_masked_loss(submission, rng):
    """the loss is a mean over labels, and nothing else gets a gradient"""
    logits = rng.normal(size=(3, 5, 7))
    labels = np.array([[0, 4, 0, 0, 1], [6, 2, 3, 0, 5], [0, 0, 0, 0, 0]])
    want = losses(logits, labels)[labels > 0].mean()
    got = submission.masked_loss(logits, labels)
    close(got, want, hint="Over how many places is the mean taken?")
    p = np.exp(logits) / np.exp(logits).sum(axis=-1, keepdims=True)
    slope = (p - np.eye(7)[labels]) * (labels > 0)[..., None] / (labels > 0).sum()
    close(gradient(submission.masked_loss, logits, labels), slope)
    nothing = submission.masked_loss(logits, 0 * labels)
    close(nothing, 0.0, hint="What is the loss where nothing is asked?")


@points(2, after="test_corrupt")
def test_model(submission, rng):
    """your masks change with the noise, and a small BERT learns to fill them"""
    tokens = np.tile(np.r_[1, np.arange(4, 18), 2], (24, 1))
    words = np.tile(np.r_[-1, np.arange(14), -1], (24, 1))
    read, labels = submission.masked(tokens, words, 0, 0.3)
    close(np.where(labels > 0, labels, tokens), tokens, hint="labels are true tokens")
    assert (labels > 0).any() and not (labels[:, [0, -1]] > 0).any(), "specials"
    assert len(np.unique(labels > 0, axis=0)) > 3, "all sentences have the same mask"
    found = fit(submission.model(18, 16), read, labels, 8)
    assert found[-1] < 0.8 * found[0], f"the loss went {found[0]} to {found[-1]}"
    close(
        submission.masked_loss(np.zeros((2, 3, 4)), np.eye(3, dtype=int)[:2]),
        np.log(4.0),
    )
