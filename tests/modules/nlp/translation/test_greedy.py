import numpy as np
import pytest
import tensorflow as tf
from keras import ops

from modules.nlp.translation.greedy import compiled, greedy

NEXT = np.random.default_rng(0).permutation(20)  # the word that follows each word


def follow(tokens, state, index):
    """Score highest the word that follows; the state counts the words read."""
    return ops.one_hot(ops.take(NEXT, tokens), 20), state + tokens.shape[1]


def history(tokens, state, index):
    """Score highest the sum of all words so far, modulo 20: the past must be right."""
    state = ops.slice_update(state, (0, index), tokens)
    places = ops.arange(state.shape[1])
    seen = index + 1 + ops.arange(tokens.shape[1])
    prefix = ops.cast(places[None, :] < seen[:, None], "int32")  # (n, L)
    sums = ops.einsum("bl,nl->bn", state, prefix)
    return ops.one_hot(sums % 20, 20), state


def summed(rows, length):
    """What `history` must give: every new word is the sum of all before it."""
    rows = [list(row) for row in rows]
    for row in rows:
        while len(row) < length:
            row.append(sum(row) % 20)
    return rows


def test_follows_the_best_word():
    want = [[3], [11]]
    for _ in range(5):
        want = [[*row, NEXT[row[-1]]] for row in want]
    got = greedy(follow, ops.zeros((2,), "int32"), np.array([[3], [11]]), 6)
    np.testing.assert_array_equal(got, want)
    assert got.dtype == "int32"


def test_end_is_kept_and_padding_follows():
    prompt = np.array([[3], [int(NEXT[3])]])
    free = np.asarray(greedy(follow, ops.zeros((2,)), prompt, 6))
    got = greedy(follow, ops.zeros((2,)), prompt, 6, end=int(free[0, 2]), padding=-1)
    np.testing.assert_array_equal(got[0], [*free[0, :3], -1, -1, -1])
    np.testing.assert_array_equal(got[1], [*free[1, :2], -1, -1, -1, -1])


def test_stops_when_all_rows_have_ended():
    calls = []

    def step(tokens, state, index):
        calls.append(int(index))
        return ops.one_hot(tokens + 1, 20), state

    greedy(step, (), np.array([[3], [5]]), 15, end=7)
    assert calls == [0, 1, 2, 3]


def test_no_step_is_wasted():
    calls = []

    def step(tokens, state, index):
        calls.append((int(index), tokens.shape[1]))
        return ops.one_hot(tokens + 1, 20), state

    greedy(step, (), np.array([[3, 4, 5]]), 6)
    assert calls == [(0, 3), (3, 1), (4, 1)]


@pytest.mark.parametrize("wrap", [lambda f: f, compiled], ids=["eager", "xla"])
def test_prompts_of_different_lengths(wrap):
    """Neither the end inside a prompt, nor its guess there, ends a row (the first word
    makes the model guess 1, the end); what stands behind a prompt is ignored.
    """
    rows = [[1, 1, 4], [7], [2, 5]]
    prompt = np.array([[1, 1, 4], [7, 9, 9], [2, 5, 9]], "int32")

    def run(prompt, given):
        state = ops.zeros((3, 8), "int32")
        return greedy(history, state, prompt, 8, end=1, given=given)

    got = wrap(run)(tf.constant(prompt), tf.constant([3, 1, 2]))
    want = summed(rows, 8)
    assert all(1 not in row[3:] for row in want)  # nothing ends but the first prompt
    np.testing.assert_array_equal(got, want)


def test_equals_the_sampler_of_keras_hub():
    hub = pytest.importorskip("keras_hub")
    prompt = np.zeros((2, 9), "int32")
    prompt[:, :2] = [[3, 1], [2, 5]]

    def theirs(tokens, cache, index):
        last = ops.slice(tokens, (0, index - 1), (2, 1))
        logits, cache = history(last, cache, index - 1)
        return logits[:, 0], None, cache

    state = history(prompt[:, :2], ops.zeros((2, 9), "int32"), 0)[1]
    mask = np.arange(9) < [[2], [2]]
    sampler = hub.samplers.GreedySampler()
    want = sampler(theirs, ops.array(prompt), cache=state, index=2, mask=mask)
    got = greedy(history, ops.zeros((2, 9), "int32"), prompt[:, :2], 9)
    np.testing.assert_array_equal(got, want)


@pytest.mark.parametrize("words", [0, 6, 7])
def test_rejects_prompts(words):
    with pytest.raises(ValueError, match=f"must have 1 to 5 words, got {words}"):
        greedy(follow, ops.zeros((2,)), np.ones((2, words), "int32"), 6)


def test_another_choice():
    """The second best word at even places, and the place is that of the new word."""

    def choose(logits, index):
        best = ops.cast(ops.top_k(logits, 2)[1], "int32")
        return ops.where(index % 2 == 0, best[:, 1], best[:, 0])

    def step(tokens, state, index):
        two = ops.one_hot(tokens + 1, 20) * 2 + ops.one_hot(tokens + 5, 20)
        return two, state

    got = greedy(step, (), np.array([[1]]), 6, choose=choose)
    np.testing.assert_array_equal(got, [[1, 2, 7, 8, 13, 14]])
