import itertools

import numpy as np
import pytest
import tensorflow as tf
from keras import ops

from modules.nlp.translation.beam_search import (
    beam_search,
    coverage_penalty,
    length_penalty,
)
from modules.nlp.translation.greedy import compiled, greedy

WORDS, LONGEST, END = 4, 4, 2
TABLE = 2 * np.random.default_rng(0).normal(size=(5, WORDS, WORDS, WORDS))
TABLE = TABLE.astype("float32")  # [place, word before last, last word, next word]
LOOKS = np.random.default_rng(1).dirichlet([0.5] * 3, size=(5, WORDS)).astype("float32")
PROMPT = np.array([[0], [1], [3]], "int32")


def step(tokens, state, index):
    """Logits that depend on two words and the place; attention on the last word."""
    before, got = state
    logits = []
    for t in range(tokens.shape[1]):
        row = ((index + t) * WORDS + before[:, 0]) * WORDS + tokens[:, t]
        flat = ops.take(ops.reshape(TABLE, (-1, WORDS)), row, axis=0)
        looks = ops.reshape(LOOKS, (-1, LOOKS.shape[-1]))
        got = got + ops.take(looks, (index + t) * WORDS + tokens[:, t], axis=0)
        before = tokens[:, t : t + 1]
        logits.append(flat)
    return ops.stack(logits, axis=1), (before, got)


def start(batch=3):
    return ops.zeros((batch, 1), "int32"), ops.zeros((batch, 3))


def log_p(first, words):
    """Return ln P of words after the prompt, and each source word's attention."""
    total, before, last, got = 0.0, 0, first, np.zeros(3)
    for place, word in enumerate(words):
        z = TABLE[place, before, last].astype("float64")
        total += z[word] - np.log(np.exp(z).sum())
        got = got + LOOKS[place, last]
        before, last = last, word
    return total, got


def sentences():
    """Yield every sentence of at most LONGEST words that ends, and those cut there."""
    for n in range(1, LONGEST + 1):
        for words in itertools.product(range(WORDS), repeat=n):
            if END not in words[:-1] and (words[-1] == END or n == LONGEST):
                yield words


def score(first, words, alpha, beta):
    total, got = log_p(first, words)
    cover = beta * np.log(np.minimum(got, 1)).sum()
    return total / ((5 + len(words)) / 6) ** alpha + cover


def search(beams, alpha=0.0, beta=0.0, wrap=lambda f: f, end=END):
    def run(prompt):
        return beam_search(
            step, start(), prompt, LONGEST + 1, end, beams, alpha, beta, lambda s: s[1]
        )

    tokens, scores = wrap(run)(tf.constant(PROMPT))
    return np.asarray(tokens)[:, :, 1:], np.asarray(scores)


def cut(words):
    """Return words up to the end, without what stands behind."""
    words = [int(w) for w in words]
    return tuple(words[: words.index(END) + 1] if END in words else words)


EAGER = [(0, 0, lambda f: f), (0.6, 0, lambda f: f), (2.0, 0.7, lambda f: f)]


@pytest.mark.parametrize("alpha, beta, wrap", [*EAGER, (2.0, 0.7, compiled)])
def test_a_beam_that_holds_everything_finds_the_best(alpha, beta, wrap):
    everything = list(sentences())
    assert len(everything) == 1 + 3 + 9 + 27 * 4
    tokens, scores = search(WORDS**LONGEST, alpha, beta, wrap)
    for first, found, s in zip(PROMPT[:, 0], tokens, scores, strict=True):
        want = {words: score(first, words, alpha, beta) for words in everything}
        finished = sorted((w for w in want if w[-1] == END), key=want.get)[::-1]
        got = [cut(row) for row in found[: len(finished)]]
        assert got == finished
        np.testing.assert_allclose(
            s[: len(got)], [want[w] for w in finished], rtol=1e-4, atol=1e-5
        )


@pytest.mark.parametrize("alpha", [0.0, 1.0])
def test_one_beam_is_greedy(alpha):
    tokens, _ = search(1, alpha)
    want = greedy(step, start(), PROMPT, LONGEST + 1, END)[:, 1:]
    np.testing.assert_array_equal(tokens[:, 0], want)


@pytest.mark.parametrize("beams", [2, 3, 7])
def test_scores_are_those_of_the_sentences(beams):
    """Computed anew from its words, each hypothesis has the score that is given."""
    tokens, scores = search(beams, alpha=0.9, beta=0.4)
    for first, found, got in zip(PROMPT[:, 0], tokens, scores, strict=True):
        want = [score(first, cut(words), 0.9, 0.4) for words in found]
        np.testing.assert_allclose(got, want, rtol=1e-4)
        assert len({cut(words) for words in found}) == beams


def test_what_has_ended_comes_first_and_is_followed_by_zeros():
    tokens, scores = search(7)
    for found, s in zip(tokens, scores, strict=True):
        ended = [END in words for words in found]
        assert ended == sorted(ended)[::-1] and any(ended)
        assert all((np.diff(s[np.array(ended) == kind]) <= 0).all() for kind in (0, 1))
        for words in found:
            assert not words[len(cut(words)) :].any()


LOW = [0.4, 0.3, 0.3, 0]


def tree(after, beams):
    """Search a tree: the probabilities of four words, 2 the end, after given words."""

    def step(tokens, state, index):
        state = tf.concat([state[:, 1:], tokens], axis=1)
        rows = [tuple(int(w) for w in row if w != 9) for row in state]
        p = np.array([after.get(row, LOW) for row in rows], "float32")
        return ops.array(np.log(p + 1e-30))[:, None], state

    begin = ops.array(np.full((1, 6), 9, "int32")), np.array([[9]], "int32")
    tokens, scores = beam_search(step, *begin, 4, end=2, beams=beams, alpha=0)
    return list(np.asarray(tokens)[0, 0, 1:]), float(np.exp(scores[0, 0]))


def test_a_wider_beam_can_be_worse():
    """Both children of word 1 push the greedy path out, and then come to nothing."""
    after = {
        (): [0.5, 0.45, 0.05, 0],
        (0,): [0.34, 0.33, 0, 0.33],
        (0, 0): [0, 0, 1, 0],
    }
    after[1,] = [0.5, 0.5, 0, 0]
    words, p = tree(after, beams=1)
    assert words == [0, 0, 2] and p == pytest.approx(0.5 * 0.34)
    assert tree(after, beams=2)[1] < 0.1


def test_who_has_ended_keeps_the_place():
    """Two likelier beginnings come later, and must not push out what has ended."""
    after = {(): [0.6, 0.1, 0.25, 0.05], (0,): [0.5, 0.5, 0, 0]}
    words, p = tree(after, beams=2)
    assert words == [2, 0, 0] and p == pytest.approx(0.25)


def test_never_ending():
    want = max(
        itertools.product(range(WORDS), repeat=LONGEST), key=lambda w: log_p(0, w)[0]
    )
    tokens, scores = search(WORDS**LONGEST, end=None)
    assert tuple(tokens[0, 0]) == want
    assert np.isfinite(scores).all()


def test_places_that_hold_nothing():
    """Of one word there are four sentences; 9 beams leave five places empty."""
    _, scores = beam_search(step, start(), PROMPT, 2, END, beams=4)
    assert np.isfinite(scores).all()

    def narrow(tokens, state, index):  # only word 1 and the end are possible
        logits = np.full((*tokens.shape, WORDS), -np.inf, "float32")
        logits[..., [1, END]] = 0.0
        return ops.array(logits), state

    tokens, scores = beam_search(narrow, (), PROMPT[:1], 3, END, beams=9, alpha=0)
    want = [np.log(1 / 2), np.log(1 / 4)]
    np.testing.assert_allclose(scores[0, :3], [*want, want[1]], rtol=1e-5)
    assert (np.asarray(scores)[0, 3:] == -np.inf).all()


def test_length_penalty():
    assert f"{length_penalty(10, 0.6):.3f}" == "1.733"
    assert length_penalty(1, 0.7) == length_penalty(33, 0) == 1
    penalties = length_penalty(np.arange(1, 9), 1.0)
    np.testing.assert_allclose(penalties, np.arange(6, 14) / 6)


def test_length_penalty_lets_longer_sentences_win():
    lengths = [
        np.mean([len(cut(row[0])) for row in search(4**4, alpha)[0]])
        for alpha in (0, 1, 4)
    ]
    assert lengths[0] < lengths[2] and sorted(lengths) == lengths


def test_coverage_penalty_punishes_too_little_attention():
    got = coverage_penalty(np.array([[1.0, 0.5, 3.0], [1.0, 1.0, 2.0]], "float32"), 0.4)
    np.testing.assert_allclose(got, [0.4 * np.log(0.5), 0], rtol=1e-5)
    none = np.asarray(coverage_penalty(np.zeros((1, 3), "float32")))
    assert np.isfinite(none).all() and (none < -1).all()


@pytest.mark.parametrize(
    "bad, message",
    [
        ({"beams": 0}, "beams must be an int >= 1, got 0"),
        ({"beams": 2.0}, "beams must be an int >= 1, got 2.0"),
        ({"alpha": -1}, "alpha and beta must be >= 0, got -1 and 0.0"),
        ({"beta": 0.2}, "beta = 0.2 needs attention"),
    ],
)
def test_rejects(bad, message):
    with pytest.raises(ValueError, match=message):
        beam_search(step, start(), PROMPT, 4, END, **bad)


def test_rejects_prompts():
    with pytest.raises(ValueError, match="must have 1 to 3 words, got 4"):
        beam_search(step, start(), np.ones((3, 4), "int32"), 4, END)
