"""Grades assignments/nlp/translation/grouped_query_attention.py."""

import numpy as np

from course.grading import close, fit, gradient, points

FORBIDDEN = (
    "modules.nlp.translation.attention",
    "modules.nlp.translation.scaled_dot_product",
    "modules.nlp.translation.key_value_cache",
    "modules.nlp.translation.masks",
    "ops.dot_product_attention",
    "layers.MultiHeadAttention",
    "layers.GroupQueryAttention",
    "layers.GroupedQueryAttention",
    "layers.Attention",
    "keras_hub",
)


def softmax(scores):
    powers = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def attend(query, key, value, mask):
    """Grouped attention in float64, one head and one query at a time."""
    share = query.shape[1] // key.shape[1]
    y = np.zeros(query.shape)
    for b, h, t in np.ndindex(query.shape[:3]):
        seen = np.flatnonzero(mask[b, t])
        if len(seen):
            keys, values = key[b, h // share, seen], value[b, h // share, seen]
            y[b, h, t] = (
                softmax(keys @ query[b, h, t] / query.shape[-1] ** 0.5) @ values
            )
    return y


def heads(rng, groups=2, queries=4, steps=3, places=5, width=7):
    """Return query, key, value of asymmetric shapes."""
    query = 2 * rng.normal(size=(2, queries, steps, width))
    key, value = rng.normal(size=(2, 2, groups, places, width))
    return query, key, value


def looks(rng, steps=3, places=5):
    """Return a mask in which every query may look at two places or more."""
    mask = rng.random((2, steps, places)) < 0.5
    mask[:, :, [0, 3]] = True
    mask[:, :, 1] = False
    return mask


@points(1)
def test_split_heads(submission, rng):
    """split_heads gives each head its own channels of every word"""
    x = rng.normal(size=(2, 5, 12))
    want = np.stack([x[:, :, 4 * i : 4 * i + 4] for i in range(3)], axis=1)
    close(
        submission.split_heads(x, 3), want, hint="Which channels are those of head 1?"
    )


@points(3)
def test_attention(submission, rng):
    """attention with as many heads of keys as of queries agrees with NumPy"""
    query, key, value = heads(rng, groups=4)
    mask = looks(rng)
    got = submission.attention(query, key, value, mask)
    hint = "What is divided by what, over which axis is the softmax?"
    close(got, attend(query, key, value, mask), hint)


@points(2)
def test_groups(submission, rng):
    """neighbouring query heads share a head of keys and values"""
    query, key, value = heads(rng, groups=2, queries=6)
    mask = looks(rng)
    got = submission.attention(query, key, value, mask)
    hint = "Which head of keys do query heads 0, 1 and 2 use?"
    close(got, attend(query, key, value, mask), hint)


@points(1, hidden=True)
def test_all_hidden(submission, rng):
    """a query that may look nowhere gets zeros, the others what they should"""
    query, key, value = heads(rng)
    mask = looks(rng)
    mask[1, 0] = False
    got = submission.attention(query, key, value, mask)
    close(
        got,
        attend(query, key, value, mask),
        hint="Is there a row of mask that is False?",
    )


@points(2)
def test_visible(submission, rng):
    """visible shows each word the real words up to its own place"""
    real = np.ones((2, 7), bool)
    real[1, :2] = False
    for index, steps in [(0, 3), (4, 2)]:
        place = np.arange(7)
        past = place[None, :] <= index + np.arange(steps)[:, None]
        want = past[None] & real[:, None, :]
        got = submission.visible(index, steps, real)
        close(
            got, want, hint=f"{index} words are there, {steps} come: what do they see?"
        )


@points(1)
def test_write(submission, rng):
    """write puts new keys in their place and leaves the others"""
    cache, new = rng.normal(size=(2, 3, 7, 4)), rng.normal(size=(2, 3, 2, 4))
    for index in (3, np.array(5)):
        want = cache.copy()
        want[:, :, int(index) : int(index) + 2] = new
        close(submission.write(cache, new, index), want, hint=f"index is {index}")


@points(1)
def test_cache_bytes(submission):
    """cache_bytes counts what is kept, in half precision"""
    for sizes in [(2, 12, 3, 5, 7), (32, 32, 8, 128, 4096)]:
        layers, _, groups, width, length = sizes
        want = layers * length * groups * width * 2 * 2  # keys and values, 2 bytes
        close(submission.cache_bytes(*sizes), want, hint="What is kept for one word?")


@points(1, after="test_visible")
def test_future(submission, rng):
    """gradients flow from a word to earlier keys and values, and none to later ones"""
    query, key, value = heads(rng, steps=5)
    mask = submission.visible(0, 5, np.ones((2, 5), bool))
    cotangent = np.zeros((2, 4, 5, 7))
    cotangent[:, :, 2] = rng.normal(size=(2, 4, 7))  # of word 2 only
    found = gradient(
        submission.attention, query, key, value, mask, wrt=(1, 2), cotangent=cotangent
    )
    for slopes in found:
        flows = np.abs(slopes).max(axis=(0, 1, 3)) > 0
        assert flows.tolist() == [True] * 3 + [False] * 2, (
            f"word 2 sees {flows.tolist()}"
        )


@points(2, after="test_write")
def test_writer(submission, rng):
    """your decoder learns, and reads word by word what it reads at once"""
    model = submission.writer()
    songs = (np.array([[0], [4], [2]]) + np.array([[1], [1], [2]]) * np.arange(7)) % 9
    losses = fit(model, songs[:, :-1], songs[:, 1:], 10)
    assert losses[-1] < 0.5 * losses[0], f"the loss went {losses[0]} to {losses[-1]}"
    whole = np.asarray(model(songs))
    assert np.std(whole, axis=(0, 1)).max() > 0.1, "every word gets the same logits"
    close(
        submission.step_by_step(model, songs),
        whole,
        rtol=1e-3,
        atol=1e-3,
        hint="Does the cache hold every word at its place?",
    )
