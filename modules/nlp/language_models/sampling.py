"""Sampling: temperature, the k likeliest words, and the nucleus that holds p.

Paper: Holtzman, Buys, Du, Forbes and Choi, "The Curious Case of Neural Text
       Degeneration", ICLR 2020 (nucleus). Top-k: Fan, Lewis and Dauphin, "Hierarchical
       Neural Story Generation", ACL 2018.
Link:  https://arxiv.org/abs/1904.09751 (section 3.1, equations 2 and 3; 4.2);
       https://arxiv.org/abs/1805.04833 (section 5.4)
"""

from dataclasses import dataclass

from keras import ops

NEVER = float("-inf")


def ranks(logits):
    """Return each word's place (..., K) when sorted, 0 the likeliest; of equals the
    first in the vocabulary comes first.
    """
    order = ops.argsort(-logits, axis=-1)
    return ops.argsort(order, axis=-1)


def keep_top_k(logits, k):
    """Return logits in which all but the k likeliest words are -inf.

    Args:
        logits: (..., K) float.
        k: int >= 1; more than K keeps all.

    Returns:
        (..., K) float.

    Example:
        >>> print(ops.convert_to_numpy(keep_top_k(ops.array([1.0, 3.0, 2.0]), k=2)))
        [-inf   3.   2.]
    """
    return ops.where(ranks(logits) < k, logits, NEVER)


def keep_nucleus(logits, p):
    """Return logits in which all words outside the nucleus are -inf.

    The nucleus is the SMALLEST set of words whose probability is at least p:
    sorted from the likeliest, words are taken until their sum reaches p, the one that
    reaches it being in. So the likeliest is always there. Where the model is sure the
    set is small, where it is not, large; that is what a fixed k cannot do.

    Practice differs where a sum is exactly p: many libraries take one word more.

    Args:
        logits: (..., K) float.
        p: float in (0, 1]; 1 keeps all.

    Returns:
        (..., K) float.

    Example:
        >>> logits = ops.log(ops.array([0.1, 0.6, 0.3]))
        >>> print(ops.convert_to_numpy(keep_nucleus(logits, p=0.7)) > -9)
        [False  True  True]
    """
    if p >= 1:
        return logits
    order = ops.argsort(-logits, axis=-1)
    sorted_p = ops.softmax(ops.take_along_axis(logits, order, axis=-1))
    before = ops.cumsum(sorted_p, axis=-1) - sorted_p  # of the words before each
    size = ops.sum(ops.cast(before < p, "int32"), axis=-1, keepdims=True)
    inside = ops.argsort(order, axis=-1) < ops.maximum(size, 1)
    return ops.where(inside, logits, NEVER)


def draw(logits, noise):
    """Return one word a row, drawn from softmax(logits) by inverting its sum.

        word = the first k with p_1 + ... + p_k > u

    Args:
        logits: (B, K) float; -inf is never drawn.
        noise: (B,) float in [0, 1), called u: uniform, one number a row.

    Returns:
        (B,) int32.

    Example:
        >>> logits = ops.log(ops.array([[0.5, 0.2, 0.3]] * 2))
        >>> print(ops.convert_to_numpy(draw(logits, ops.array([0.4, 0.6]))))
        [0 1]
    """
    total = ops.cumsum(ops.softmax(ops.cast(logits, "float32")), axis=-1)
    total = total / total[:, -1:]  # the last is 1 and not 0.9999, u is below it
    passed = ops.cast(total <= ops.cast(noise, "float32")[:, None], "int32")
    return ops.sum(passed, axis=-1)


@dataclass(frozen=True)
class Sampler:
    """How to choose the next word: by chance, from what these limits leave.

        p(k) = exp(z_k / temperature) / sum

    Temperature first, then the k likeliest, then the nucleus among them. Below 1 a
    temperature favours likely words; towards 0 only the likeliest is left, as in greedy
    decoding, above 1 words become more alike. Holtzman et al. use p = 0.95.

    Args:
        temperature: float > 0.
        top_k: int >= 1; None for no limit. 1 is greedy decoding.
        top_p: float in (0, 1], called p; None or 1 for no limit.

    Raises:
        ValueError: one of them is out of range.

    Example:
        >>> sampler = Sampler(top_k=1)
        >>> logits, noise = ops.array([[1.0, 5.0, 2.0]]), ops.array([0.99])
        >>> print(ops.convert_to_numpy(sampler(logits, noise)))
        [1]
    """

    temperature: float = 1.0
    top_k: int | None = None
    top_p: float | None = None

    def __post_init__(self):
        heat, k, p = self.temperature, self.top_k, self.top_p
        if isinstance(heat, bool) or not 0 < heat < float("inf"):
            raise ValueError(f"temperature must be a finite float > 0, got {heat!r}")
        if k is not None and not (type(k) is int and k >= 1):
            raise ValueError(f"top_k must be an int >= 1 or None, got {k!r}")
        if p is not None and (isinstance(p, bool) or not 0 < p <= 1):
            raise ValueError(f"top_p must be a float in (0, 1] or None, got {p!r}")

    def limited(self, logits):
        """Return logits (B, K) float32, divided by the temperature, -inf outside."""
        logits = ops.cast(logits, "float32")
        logits = logits - ops.max(logits, axis=-1, keepdims=True)  # no overflow below
        logits = logits / self.temperature
        if self.top_k is not None and self.top_k < logits.shape[-1]:
            logits = keep_top_k(logits, self.top_k)
        return logits if self.top_p is None else keep_nucleus(logits, self.top_p)

    def __call__(self, logits, noise):
        """Return words (B,) int32 for logits (B, K) and uniform noise (B,)."""
        return draw(self.limited(logits), noise)
