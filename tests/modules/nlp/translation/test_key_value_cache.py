import numpy as np
import pytest
import tensorflow as tf

from modules.nlp.translation.key_value_cache import append, empty_cache

RNG = np.random.default_rng(0)


def pair(steps):
    """Return keys and values of different width: (2, 3, steps, 4 or 5)."""
    return [RNG.normal(size=(2, 3, steps, d)).astype("float32") for d in (4, 5)]


def test_empty_cache():
    keys, values = empty_cache(2, 3, 7, 4, 5, "float16")
    assert keys.shape == (2, 3, 7, 4) and values.shape == (2, 3, 7, 5)
    assert keys.dtype == values.dtype == "float16"
    assert not np.any(keys) and not np.any(values)


def test_append_writes_where_it_is_told_and_nowhere_else():
    before, new = pair(7), pair(2)
    after = append(before, 3, *new)
    for old, x, got in zip(before, new, after, strict=True):
        want = old.copy()
        want[:, :, 3:5] = x
        np.testing.assert_array_equal(got, want)


def test_word_by_word_equals_all_at_once():
    new = pair(6)
    cache = empty_cache(2, 3, 6, 4, 5)
    for t in range(6):
        cache = append(cache, t, *(x[:, :, t : t + 1] for x in new))
    for got, want in zip(cache, new, strict=True):
        np.testing.assert_array_equal(got, want)


def test_one_compiled_step_serves_every_index():
    step = tf.function(append, jit_compile=True)
    cache, new = pair(6), pair(1)
    for t in (0, 4):
        got = step(cache, tf.constant(t), *new)
        for a, b in zip(got, append(cache, t, *new), strict=True):
            np.testing.assert_array_equal(a, b)
    assert step.experimental_get_tracing_count() == 1


def test_full_cache_is_refused():
    append(pair(6), 4, *pair(2))
    with pytest.raises(ValueError, match="room for 6 words, got 5 . 2"):
        append(pair(6), 5, *pair(2))
