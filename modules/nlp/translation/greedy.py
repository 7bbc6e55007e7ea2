"""Greedy decoding: take the likeliest word, give it to the model, and go on.

Source: folklore; the loop over a key/value cache is that of Shazeer, "Fast Transformer
        Decoding", 2019, https://arxiv.org/abs/1911.02150 (section 2.4)

The model is one function, a step, which reads words and returns scores for what comes
after each of them:

    logits, state = step(tokens, state, index)

tokens (B, n) int are n words at the places index, index + 1, ...; logits are (B, n, K).
The state is any nest of tensors whose shapes never change, such as the key/value caches
of all layers; the batch is their first axis.
"""

import tensorflow as tf  # keras.ops has no compiler
from keras import ops


def likeliest(logits, index=None):
    """Return (B,) int32, of equals the first."""
    return ops.cast(ops.argmax(logits, axis=-1), "int32")


def greedy(step, state, prompt, length, end=None, given=None, padding=0, choose=None):
    """Write words until all rows have ended or are full.

        y_t = argmax over k of p(k | y_1, ..., y_(t - 1))

    The prompt is read at once; then each word costs one step. Its own words are never
    overwritten, and never end a row. The best word at each place need not make the best
    sentence: that is what beam search is for.

    Args:
        step: function, see above.
        state: nest of tensors, before the first word.
        prompt: (B, P) int, P >= 1.
        length: int > P, words of the result with those of the prompt; what the state
            has room for.
        end: int, the word that ends a row; None for none.
        given: (B,) int, 1 to P, the words of each row of the prompt where they differ;
            what stands behind them does not matter. None for P.
        padding: int, what stands behind the end.
        choose: function of logits (B, K) and the place of the new word, a number, that
            returns words (B,) int32: this loop as a sampler. None for `likeliest`.

    Returns:
        (B, length) int32.

    Raises:
        ValueError: the prompt is empty or not shorter than length.

    Example:
        >>> def count(tokens, state, index):
        ...     return ops.one_hot(tokens + 1, 10), state
        >>> print(ops.convert_to_numpy(greedy(count, (), ops.array([[3]]), 5, end=6)))
        [[3 4 5 6 0]]
    """
    tokens, given = room(prompt, length, given, padding)
    batch, choose = ops.shape(tokens)[0], choose or likeliest

    def put(logits, index, tokens, done):
        word = ops.where(done, padding, choose(logits, index))
        ends = ops.zeros_like(done) if end is None else word == end
        word = ops.where(index < given, tokens[:, index], word)
        done = ops.logical_or(done, ops.logical_and(ends, index >= given))
        return ops.slice_update(tokens, (0, index), word[:, None]), done

    def more(index, tokens, done, state):
        return ops.logical_and(index < length, ops.logical_not(ops.all(done)))

    def write(index, tokens, done, state):
        last = ops.slice(tokens, (0, index - 1), (batch, 1))
        logits, state = step(last, state, index - 1)
        return index + 1, *put(logits[:, 0], index, tokens, done), state

    logits, state = step(prompt, state, 0)
    first = ops.min(given)  # the first place that some row lacks
    logits = ops.take(logits, first - 1, axis=1)
    tokens, done = put(logits, first, tokens, ops.zeros((batch,), "bool"))
    return ops.while_loop(more, write, (first + 1, tokens, done, state))[1]


def room(prompt, length, given, padding):
    """Return (B, length) tokens with the prompt in front, and (B,) words given."""
    batch, words = ops.shape(prompt)
    if not 1 <= words < length:
        raise ValueError(f"a prompt must have 1 to {length - 1} words, got {words}")
    behind = ((0, 0), (0, length - words))
    tokens = ops.pad(ops.cast(prompt, "int32"), behind, constant_values=padding)
    given = ops.full((batch,), words) if given is None else given
    return tokens, ops.cast(given, "int32")


def compiled(function):
    """Return a function whose tensors are the same and whose loops run in XLA.

    It is traced once for each shape, and for each value of other arguments.
    """
    return tf.function(function, jit_compile=True)
