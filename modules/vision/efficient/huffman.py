"""Huffman's code: the more often a symbol occurs, the fewer bits it gets.

Paper: Huffman, "A Method for the Construction of Minimum-Redundancy Codes", Proceedings
       of the IRE, 1952.
Link:  https://doi.org/10.1109/JRPROC.1952.273898
Used by: Han, Mao and Dally, "Deep Compression", ICLR 2016, section 4, on the indices
       of quantized weights: https://arxiv.org/abs/1510.00149
"""

import heapq

import numpy as np


def huffman_tree(counts):
    """Merge the two rarest again and again, until one node is left.

    Nodes 0 to K - 1 are the symbols. Merge i makes node K + i, which counts as much as
    its two children together; the last one is the root. Of equally rare nodes the one
    with the lower number is taken first.

    Args:
        counts: (K,) numbers >= 0, how often each symbol occurs, or how probable it is.

    Returns:
        list of K - 1 pairs of nodes, each with the rarer one first.

    Raises:
        ValueError: counts are not a row of numbers >= 0 with a sum > 0.

    Example:
        >>> huffman_tree([5, 1, 2])
        [(1, 2), (3, 0)]
    """
    heap = [(count, node) for node, count in enumerate(_checked(counts))]
    heapq.heapify(heap)
    merges = []
    for node in range(len(heap), 2 * len(heap) - 1):
        (rare, left), (next_rare, right) = heapq.heappop(heap), heapq.heappop(heap)
        merges.append((left, right))
        heapq.heappush(heap, (rare + next_rare, node))
    return merges


def huffman_code(counts):
    """Return the bits of each symbol: the turns from the root down to it.

    No code is the beginning of another one, so a text can be read without gaps. No such
    code has a smaller average length L; and H <= L < H + 1, where H is the entropy.
    L = H exactly where all probabilities are powers of 1/2. Which children are 0 and
    which 1 is free; here the rarer one is 0.

    Args:
        counts: as in huffman_tree.

    Returns:
        list of K strings of "0" and "1"; ["0"] for a single symbol, which a tree
        without turns would leave without bits.

    Raises:
        ValueError: as huffman_tree.

    Example:
        >>> huffman_code([5, 1, 2])
        ['1', '00', '01']
    """
    merges = huffman_tree(counts)
    size = len(merges) + 1
    code = [""] * (2 * size - 1)
    for node in range(2 * size - 2, size - 1, -1):  # from the root down
        for bit, child in zip("01", merges[node - size], strict=True):
            code[child] = code[node] + bit
    return code[:size] if size > 1 else ["0"]


def encode(symbols, code):
    """Return the bits of a sequence of symbols, one behind the other.

    Args:
        symbols: (N,) int, each from 0 to K - 1.
        code: list of K strings.

    Returns:
        str of "0" and "1".

    Raises:
        ValueError: symbols are no ints, or one has no code.

    Example:
        >>> encode([0, 2, 0], ["1", "00", "01"])
        '1011'
    """
    symbols = np.asarray(symbols)
    if symbols.size and symbols.dtype.kind not in "iu":
        raise ValueError(f"symbols must be ints, got {symbols.dtype}")
    strange = symbols[(symbols < 0) | (symbols >= len(code))]
    if strange.size:
        raise ValueError(f"symbols must be 0 to {len(code) - 1}, got {strange[0]}")
    return "".join(code[symbol] for symbol in symbols)


def decode(bits, code):
    """Return the symbols that bits stand for.

    Args:
        bits: str of "0" and "1".
        code: list of K strings, of which none begins another.

    Returns:
        list of int.

    Raises:
        ValueError: bits end within a symbol, or follow no code.

    Example:
        >>> decode("1011", ["1", "00", "01"])
        [0, 2, 0]
    """
    meaning = {bits: symbol for symbol, bits in enumerate(code)}
    symbols, start = [], 0
    for end in range(1, len(bits) + 1):
        if bits[start:end] in meaning:
            symbols.append(meaning[bits[start:end]])
            start = end
    if start < len(bits):
        raise ValueError(f"the bits end within a symbol: {bits[start:][:40]!r} is left")
    return symbols


def average_length(counts, code):
    """Return the bits for a symbol, averaged over how often each occurs.

    Args:
        counts: as in huffman_tree.
        code: list of K strings.

    Raises:
        ValueError: as huffman_tree.

    Example:
        >>> average_length([5, 1, 2], ["1", "00", "01"])
        1.375
    """
    lengths = np.array([len(bits) for bits in code])
    counts = _checked(counts)
    return float(counts @ lengths / counts.sum())


def entropy(counts):
    """Return H = - sum over i of p_i log2 p_i, below which no code's average lies.

    Args:
        counts: as in huffman_tree; p_i is count i over the sum.

    Raises:
        ValueError: as huffman_tree.

    Example:
        >>> entropy([2, 1, 1])
        1.5
    """
    counts = _checked(counts)
    p = counts[counts > 0] / counts.sum()
    return float(p @ -np.log2(p))


def _checked(counts):
    counts = np.asarray(counts, dtype="float64")
    right = counts.ndim == 1 and np.isfinite(counts).all() and (counts >= 0).all()
    if not (right and counts.sum() > 0):
        found = f"got {np.array2string(counts, threshold=6, edgeitems=3)}"
        raise ValueError(f"counts must be a row of numbers >= 0, not all 0, {found}")
    return counts
