import itertools
import math

import numpy as np
import pytest

from modules.vision.efficient.huffman import (
    average_length,
    decode,
    encode,
    entropy,
    huffman_code,
    huffman_tree,
)

RNG = np.random.default_rng(0)
TABLES = [RNG.integers(1, 60, size=size).tolist() for size in (2, 3, 5, 6, 17, 64)]
TABLES += [[1, 1, 1], [0, 0, 3, 1], RNG.dirichlet(np.ones(12)).tolist()]


def kraft(code):
    return sum(2.0 ** -len(bits) for bits in code)


@pytest.mark.parametrize("counts", TABLES, ids=lambda c: str(len(c)))
def test_decode_undoes_encode(counts):
    code = huffman_code(counts)
    symbols = RNG.integers(len(counts), size=50).tolist()
    bits = encode(symbols, code)
    assert decode(bits, code) == symbols
    assert len(bits) == sum(len(code[s]) for s in symbols)


@pytest.mark.parametrize("counts", TABLES, ids=lambda c: str(len(c)))
def test_full_prefix_code_within_a_bit_of_the_entropy(counts):
    code = huffman_code(counts)
    for a, b in itertools.permutations(code, 2):
        assert not b.startswith(a)
    assert kraft(code) == 1  # no shorter code is left over
    least, length = entropy(counts), average_length(counts, code)
    assert least - 1e-12 <= length < least + 1


@pytest.mark.parametrize("counts", TABLES, ids=lambda c: str(len(c)))
def test_frequent_symbols_get_fewer_bits(counts):
    code = huffman_code(counts)
    for i, j in itertools.permutations(range(len(counts)), 2):
        if counts[i] > counts[j]:
            assert len(code[i]) <= len(code[j])


@pytest.mark.parametrize("counts", TABLES, ids=lambda c: str(len(c)))
def test_total_is_the_sum_of_all_merges(counts):
    """Each merge adds a bit to all symbols below it."""
    weight, total = list(counts), 0
    for left, right in huffman_tree(counts):
        weight.append(weight[left] + weight[right])
        total += weight[-1]
    length = average_length(counts, huffman_code(counts))
    assert length * sum(counts) == pytest.approx(total)
    assert len(weight) == 2 * len(counts) - 1


@pytest.mark.parametrize("counts", [t for t in TABLES if len(t) <= 6])
def test_no_lengths_are_better(counts):
    """All lengths that some prefix code has: those with a Kraft sum of at most 1."""
    best = min(
        sum(n * c for n, c in zip(lengths, counts, strict=True))
        for lengths in itertools.product(range(1, 6), repeat=len(counts))
        if sum(2.0**-n for n in lengths) <= 1
    )
    got = average_length(counts, huffman_code(counts)) * sum(counts)
    assert got == pytest.approx(best)


@pytest.mark.parametrize(
    "lengths", [[1, 1], [1, 2, 2], [1, 2, 3, 3], [2, 2, 2, 3, 4, 4], [3] * 8]
)
def test_powers_of_a_half_reach_the_entropy(lengths):
    p = [2.0**-n for n in lengths]
    code = huffman_code(p)
    assert [len(bits) for bits in code] == lengths
    assert average_length(p, code) == entropy(p)


@pytest.mark.parametrize("size", [2, 3, 5, 7, 8, 100])
def test_equal_counts(size):
    """K symbols: 2 (K - 2^f) of them get f + 1 bits, the others f = floor(log2 K)."""
    f = math.floor(math.log2(size))
    lengths = [len(bits) for bits in huffman_code([7] * size)]
    assert sorted(set(lengths)) in ([f], [f, f + 1])
    assert lengths.count(f + 1) == 2 * (size - 2**f)


def test_fibonacci_counts_make_the_deepest_tree():
    counts = [1, 1, 2, 3, 5, 8, 13, 21]
    lengths = [len(bits) for bits in huffman_code(counts)]
    assert lengths == [7, 7, 6, 5, 4, 3, 2, 1]


def test_by_hand():
    """Five symbols of a textbook: 15, 7, 6, 6, 5 of 39; 87 bits."""
    counts = [15, 7, 6, 6, 5]
    code = huffman_code(counts)
    assert [len(bits) for bits in code] == [1, 3, 3, 3, 3]
    assert average_length(counts, code) == pytest.approx(87 / 39)


def test_one_symbol_still_takes_a_bit():
    assert huffman_tree([4]) == [] and huffman_code([4]) == ["0"]
    assert entropy([4]) == 0 and decode("000", ["0"]) == [0, 0, 0]


def test_nothing_to_write():
    assert encode([], huffman_code([1, 2])) == "" and decode("", ["0", "1"]) == []


def test_indices_of_quantized_weights():
    """Deep Compression: peaked indices take fewer bits than a fixed 5 each."""
    weights = RNG.normal(size=4000)
    indices = np.clip(np.round(4 * weights) + 16, 0, 31).astype(int)
    counts = np.bincount(indices, minlength=32)
    code = huffman_code(counts)
    bits = encode(indices, code)
    assert decode(bits, code) == indices.tolist()
    assert len(bits) < 5 * len(indices)
    assert len(bits) / len(indices) == pytest.approx(average_length(counts, code))


@pytest.mark.parametrize(
    "counts",
    [[], [0, 0], [1, -1, 3], [1, float("nan")], [1, float("inf")], [[1, 2]], 3],
    ids=str,
)
def test_rejects_counts(counts):
    for function in (huffman_tree, huffman_code, entropy):
        with pytest.raises(ValueError, match="counts must be a row of numbers >= 0"):
            function(counts)


def test_rejects_texts():
    code = ["1", "00", "01"]
    for wrong in (3, -1):
        with pytest.raises(ValueError, match=f"symbols must be 0 to 2, got {wrong}"):
            encode([0, wrong], code)
    with pytest.raises(ValueError, match="symbols must be ints, got float64"):
        encode([0.7], code)
    with pytest.raises(ValueError, match="the bits end within a symbol: '0' is left"):
        decode("010", code)
    with pytest.raises(ValueError, match="the bits end within a symbol: 'x1' is left"):
        decode("1x1", code)
