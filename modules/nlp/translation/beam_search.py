"""Beam search: keep several beginnings, and compare translations of any length fairly.

Paper: Wu et al., "Google's Neural Machine Translation System: Bridging the Gap between
       Human and Machine Translation", 2016.
Link:  https://arxiv.org/abs/1609.08144 (section 7, equation 14)

The model is a step with a state, as in greedy.py.
"""

import keras
from keras import ops

from modules.foundations.learning.softmax import log_softmax
from modules.nlp.translation.greedy import room

SMALLEST = 1e-10  # attention counts as at least that: no logarithm of 0
NEVER = float("-inf")  # ln p of a place in the beam that holds nothing


def length_penalty(length, alpha=0.6):
    """Return lp(Y) = ((5 + |Y|) / 6)^alpha, which divides ln P: 1 for one word.

    Each word adds a negative number to ln P, so without it short translations win.

    Example:
        >>> f"{length_penalty(10, 0.6):.3f}"
        '1.733'
    """
    return ((5 + length) / 6) ** alpha


def coverage_penalty(attention, beta=0.2):
    """Return cp(X; Y) = beta * sum over i of ln(min(sum over j of p_ij, 1)), <= 0.

    It punishes words of the source that have got less than one word's attention.

    Args:
        attention: (..., S) float, what each word of the source has got from all words
            of the translation together; 1 where there is padding.
        beta: float >= 0.

    Returns:
        (...) float.
    """
    enough = ops.clip(attention, SMALLEST, 1.0)
    return beta * ops.sum(ops.log(enough), axis=-1)


def beam_search(
    step, state, prompt, length, end, beams=4, alpha=0.6, beta=0.0, attention=None
):
    """Write the likeliest words that a search of limited width can find.

        s(Y, X) = ln P(Y | X) / lp(Y) + cp(X; Y)

    At each step all beginnings are extended by all words, and those of largest ln P
    stay. One that ends keeps its place and waits, so fewer go on. At last s decides;
    what has not ended comes after all that has. |Y| counts the end and not the prompt.
    One beam is greedy decoding; a beam that holds all sentences finds the best of them;
    in between, a wider one may find a worse one. The paper also drops hypotheses that
    are 3 below the best.

    Args:
        step: function, as in greedy.py.
        state: nest of tensors whose first axis is the batch, before the first word.
        prompt: (B, P) int, P >= 1.
        length: int > P, words of the result with those of the prompt.
        end: int, the word that ends a sentence; None for none.
        beams: int >= 1, called k.
        alpha: float >= 0, of the length penalty; 0 for none.
        beta: float >= 0, of the coverage penalty; 0 for none.
        attention: function of the state that returns (B, S) for `coverage_penalty`.

    Returns:
        (B, k, length) int32, the best first, 0 behind the end, and their s, (B, k). A
        place that holds nothing has s = -inf.

    Raises:
        ValueError: beams, alpha or beta is out of range, beta has no attention, or the
            prompt does not fit.
    """
    check(beams, alpha, beta, attention)
    tokens, _ = room(prompt, length, None, padding=0)
    logits, state = step(prompt, state, 0)
    state = keras.tree.map_structure(lambda x: ops.repeat(x, beams, axis=0), state)
    logits = ops.repeat(logits[:, -1], beams, axis=0)

    def grow(index, row, state, logits):
        if beta:
            row = covered(row, coverage_penalty(attention(state), beta))
        row, parent = extend(row, logits, index, end)
        return index + 1, row, followed(state, parent)

    def more(index, row, state):
        return ops.logical_and(index < length, ops.any(growing(row)))

    def write(index, row, state):
        last = ops.take(row["tokens"], index - 1, axis=2)
        logits, state = step(ops.reshape(last, (-1, 1)), state, index - 1)
        return grow(index, row, state, logits[:, 0])

    first = grow(prompt.shape[1], opening(tokens, beams), state, logits)
    return ranked(ops.while_loop(more, write, first)[1], alpha)


def opening(tokens, beams):
    """Return the beam before the first word: one beginning, and places for more."""
    empty = ops.zeros((ops.shape(tokens)[0], beams))
    return {
        "tokens": ops.repeat(tokens[:, None], beams, axis=1),
        "log_p": ops.where(ops.arange(beams) == 0, empty, NEVER),
        "done": ops.cast(empty, "bool"),
        "words": ops.cast(empty, "int32"),
        "cover": empty,
    }


def growing(row):
    """Return which places (B, k) hold a beginning that has not ended."""
    return ops.logical_and(ops.logical_not(row["done"]), row["log_p"] > NEVER)


def covered(row, penalty):
    """Return the beam with penalties (B k,); of what has ended they stay."""
    penalty = ops.reshape(ops.cast(penalty, "float32"), ops.shape(row["cover"]))
    return {**row, "cover": ops.where(row["done"], row["cover"], penalty)}


def followed(state, parent):
    """Return the state of each beginning's parent, (B, k) places in the beam."""
    batch, beams = ops.shape(parent)
    rows = ops.reshape(parent + beams * ops.arange(batch)[:, None], (-1,))
    return keras.tree.map_structure(lambda x: ops.take(x, rows, axis=0), state)


def extend(row, logits, index, end):
    """Return the beam with one word more, and the place (B, k) of each parent."""
    done, (batch, beams) = row["done"], ops.shape(row["done"])
    log_p = log_softmax(ops.reshape(ops.cast(logits, "float32"), (batch, beams, -1)))
    waits = ops.where(ops.arange(log_p.shape[-1]) == 0, 0.0, NEVER)  # one way to stay
    log_p = row["log_p"][..., None] + ops.where(done[..., None], waits, log_p)
    stays = ops.where(done[..., None], 1e9, 0.0)  # who has ended keeps the place
    _, best = ops.top_k(ops.reshape(log_p + stays, (batch, -1)), beams)
    parent, word = best // log_p.shape[-1], ops.cast(best % log_p.shape[-1], "int32")
    row = {name: along(x, parent) for name, x in row.items()}
    log_p = along(ops.reshape(log_p, (batch, -1)), best)
    goes = ops.logical_not(row["done"])
    word = ops.where(goes, word, 0)
    ends = ops.zeros_like(goes) if end is None else word == end
    ends = ops.logical_and(ops.logical_and(ends, goes), log_p > NEVER)
    return {
        "tokens": ops.slice_update(row["tokens"], (0, 0, index), word[..., None]),
        "log_p": log_p,
        "done": ops.logical_or(row["done"], ends),
        "words": row["words"] + ops.cast(goes, "int32"),
        "cover": row["cover"],
    }, parent


def ranked(row, alpha):
    """Return tokens and s, the best first."""
    words = ops.cast(row["words"], "float32")
    s = row["log_p"] / length_penalty(words, alpha) + row["cover"]
    none = ops.logical_not(ops.any(row["done"], axis=1, keepdims=True))
    first = ops.where(ops.logical_or(row["done"], none), s, NEVER)
    _, order = ops.top_k(first, s.shape[1])
    return along(row["tokens"], order), along(s, order)


def along(x, index):
    """Return x (B, N, ...) at places index (B, k) of its second axis."""
    wide = ops.reshape(index, (*ops.shape(index), *[1] * (len(x.shape) - 2)))
    return ops.take_along_axis(x, wide, axis=1)


def check(beams, alpha, beta, attention):
    """Refuse arguments out of range.

    Raises:
        ValueError: as in `beam_search`.
    """
    if not (isinstance(beams, int) and beams >= 1):
        raise ValueError(f"beams must be an int >= 1, got {beams!r}")
    if not (alpha >= 0 and beta >= 0):
        raise ValueError(f"alpha and beta must be >= 0, got {alpha!r} and {beta!r}")
    if beta and attention is None:
        raise ValueError(f"beta = {beta!r} needs attention, a function of the state")
