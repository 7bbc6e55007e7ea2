"""Linear chain: the score of a whole row of tags, of all rows together, and the best.

Paper: Lafferty, McCallum and Pereira, "Conditional Random Fields: Probabilistic Models
       for Segmenting and Labeling Sequence Data", ICML 2001; written as in Lample et
       al., "Neural Architectures for Named Entity Recognition", NAACL 2016.
Link:  https://doi.org/10.5555/645530.655813 (section 3)
Link:  https://arxiv.org/abs/1603.01360 (section 2.2)

In all of it emissions P are (B, T, K) float, the score of each of K tags at each of T
steps; a mask (B, T) bool is True at words, padding stands at the end, and None means
that all steps are words. A sentence without a word has one row of tags, the empty one,
whose score is 0.
"""

from typing import Any, NamedTuple

import numpy as np
from keras import ops


class Chain(NamedTuple):
    """The scores of neighbours; the paper's matrix with START and END in three parts.

    Args:
        transitions: (K, K) float, called A: [i, j] is the score of tag j AFTER tag i.
        start: (K,) float, of the first tag: the row START of A.
        end: (K,) float, of the last tag: the column END of A.
    """

    transitions: Any
    start: Any
    end: Any


def path_score(emissions, tags, chain, mask=None):
    """Return the score of given tags.

        s(x, y) = start_{y_1} + sum over t of P_{t, y_t}
                  + sum over t of A_{y_t, y_{t+1}} + end_{y_T}

    Args:
        emissions, chain, mask: as above.
        tags: (B, T) int; what stands at padding does not matter.

    Returns:
        (B,) float.

    Raises:
        ValueError: a word's tag is not from 0 to K - 1; in a compiled function, where
            values are not known, this cannot be seen.
    """
    mask = _everywhere(emissions, mask)
    check_tags(tags, emissions.shape[-1], mask)
    tags = ops.cast(ops.where(mask, tags, 0), "int32")
    chain = _like(emissions, chain)
    words = ops.cast(mask, emissions.dtype)
    emitted = ops.take_along_axis(emissions, tags[:, :, None], axis=-1)[:, :, 0]
    pairs = tags[:, :-1] * ops.shape(emissions)[-1] + tags[:, 1:]
    moved = ops.take(ops.reshape(chain.transitions, (-1,)), pairs)  # (B, T - 1)
    last = ops.maximum(ops.sum(ops.cast(mask, "int32"), axis=1) - 1, 0)  # (B,)
    last = ops.take_along_axis(tags, last[:, None], axis=1)[:, 0]
    ends = ops.take(chain.start, tags[:, 0]) + ops.take(chain.end, last)
    inside = ops.sum(emitted * words, axis=1) + ops.sum(moved * words[:, 1:], axis=1)
    return inside + ends * words[:, 0]


def log_partition(emissions, chain, mask=None):
    """Return log Z, the logarithm of the sum of e^score over ALL K^T rows of tags.

    The forward algorithm needs T K^2 steps for it. alpha_t(j) is the logarithm of the
    sum over all rows that end in tag j at step t:

        alpha_1(j) = start_j + P_{1 j}
        alpha_{t+1}(j) = P_{t+1, j} + log sum over i of exp(alpha_t(i) + A_{ij})

    Its derivative in P_{t j} is the probability of tag j at step t.

    Args:
        emissions, chain, mask: as above.

    Returns:
        (B,) float.

    Example:
        >>> free = Chain(ops.zeros((2, 2)), ops.zeros(2), ops.zeros(2))
        >>> z = log_partition(ops.zeros((1, 3, 2)), free)  # 2^3 rows of score 0
        >>> print(f"{z[0]:.4f} {np.log(8):.4f}")
        2.0794 2.0794
    """
    mask = _everywhere(emissions, mask)
    chain, steps = _like(emissions, chain), ops.shape(emissions)[1]

    def more(t, alpha):
        return t < steps

    def step(t, alpha):
        seen = ops.logsumexp(alpha[:, :, None] + chain.transitions, axis=1)  # (B, K)
        seen = seen + ops.take(emissions, t, axis=1)
        return t + 1, ops.where(ops.take(mask, t, axis=1)[:, None], seen, alpha)

    first = emissions[:, 0] + chain.start
    _, alpha = ops.while_loop(more, step, (1, first), maximum_iterations=steps)
    total = ops.logsumexp(alpha + chain.end, axis=-1)
    return ops.where(mask[:, 0], total, 0.0)


def best_path(emissions, chain, mask=None):
    """Return the row of tags with the largest score, by Viterbi's algorithm.

    The forward algorithm with max in place of the log of the sum. Then it goes back
    from the best last tag: which tag before did its score come from?

    Args:
        emissions, chain, mask: as above.

    Returns:
        tags (B, T) int32, 0 at padding, and their score (B,). Of equal rows one.

    Example:
        >>> chain = Chain(ops.array([[0.0, -9], [0, 0]]), ops.zeros(2), ops.zeros(2))
        >>> tags, score = best_path(ops.array([[[1.0, 0], [0, 3]]]), chain)
        >>> ops.convert_to_numpy(tags), ops.convert_to_numpy(score)
        (array([[1, 1]], dtype=int32), array([3.], dtype=float32))
    """
    mask, chain = _everywhere(emissions, mask), _like(emissions, chain)
    batch, steps, tags = ops.shape(emissions)

    def forward(t, alpha, seen):
        most = ops.max(alpha[:, :, None] + chain.transitions, axis=1)
        new = most + ops.take(emissions, t, axis=1)
        alpha = ops.where(ops.take(mask, t, axis=1)[:, None], new, alpha)
        return t + 1, alpha, ops.slice_update(seen, (t, 0, 0), alpha[None])

    def backward(t, tag, path):
        path = ops.slice_update(path, (t, 0), tag[None])
        into = ops.transpose(ops.take(chain.transitions, tag, axis=1))  # (B, K)
        before = _best(ops.take(seen, t - 1, axis=0) + into)
        return t - 1, ops.where(ops.take(mask, t, axis=1), before, tag), path

    first = emissions[:, 0] + chain.start
    seen = ops.zeros((steps, batch, tags), emissions.dtype)
    begin = 1, first, ops.slice_update(seen, (0, 0, 0), first[None])
    _, alpha, seen = ops.while_loop(lambda t, *_: t < steps, forward, begin)
    last = alpha + chain.end
    begin = steps - 1, _best(last), ops.zeros((steps, batch), "int32")
    _, tag, path = ops.while_loop(lambda t, *_: t > 0, backward, begin)
    path = ops.transpose(ops.slice_update(path, (0, 0), tag[None]))  # (B, T)
    return ops.where(mask, path, 0), ops.where(mask[:, 0], ops.max(last, axis=-1), 0)


def check_tags(tags, num_tags, mask):
    """Refuse tags that do not exist, where they are known and no padding.

    Raises:
        ValueError: a tag at a word is below 0 or not below num_tags.

    Example:
        >>> check_tags([[2, -1]], 3, [[True, False]])
    """
    if not all(isinstance(a, (list, np.ndarray)) or _known(a) for a in (tags, mask)):
        return
    tags = np.asarray(tags)[np.asarray(mask, bool)]
    if tags.size and not 0 <= tags.min() <= tags.max() < num_tags:
        found = f"{tags.min()} to {tags.max()}"
        raise ValueError(f"tags must be 0 to {num_tags - 1}, got {found}")


def _best(scores):
    return ops.cast(ops.argmax(scores, axis=-1), "int32")


def _known(tensor):
    return hasattr(tensor, "numpy")  # not so while a function is compiled


def _everywhere(emissions, mask):
    """Return the mask; None stands for words everywhere."""
    if mask is None:
        return ops.ones(ops.shape(emissions)[:2], "bool")
    return ops.cast(mask, "bool")


def _like(emissions, chain):
    """Return the chain in the dtype of the emissions; refuse sentences of no step."""
    if emissions.shape[1] == 0:
        raise ValueError("emissions must have a step, at least of padding, got (B, 0)")
    return Chain(*(ops.cast(part, emissions.dtype) for part in chain))
