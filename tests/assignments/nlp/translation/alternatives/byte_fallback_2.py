"""Counters, reduce, and a scan from the left that rewrites in place."""

from collections import Counter
from functools import reduce

END = "</w>"


def pair_counts(words, counts):
    pairs = (
        Counter({pair: n * times for pair, times in Counter(zip(w, w[1:])).items()})  # noqa: B905
        for w, n in zip(words, counts, strict=True)
    )
    return [(a, b, n) for (a, b), n in sum(pairs, Counter()).most_common()]


def best_pair(pairs):
    ordered = sorted(pairs, key=lambda p: (p[0], p[1]))
    ordered.sort(key=lambda p: p[2], reverse=True)  # stable
    return tuple(ordered[0][:2])


def merge(word, pair):
    word = list(word)
    i = 0
    while i + 1 < len(word):
        if (word[i], word[i + 1]) == tuple(pair):
            word[i : i + 2] = [word[i] + word[i + 1]]
        i += 1
    return word


def learn(counts, num_merges):
    merges = []

    def cut(word):
        return reduce(merge, merges, [*word, END])

    while len(merges) < num_merges:
        words = [cut(word) for word in counts]
        if all(len(word) == 1 for word in words):
            break
        merges.append(list(best_pair(pair_counts(words, counts.values()))))
    return merges


def encode(word, merges, characters):
    pieces = [
        piece
        for character in word
        for piece in (
            [character]
            if character in characters
            else [f"<{byte:02X}>" for byte in character.encode("utf-8")]
        )
    ] + [END]
    order = [list(pair) for pair in merges]
    while True:
        there = [list(pair) for pair in zip(pieces, pieces[1:], strict=False)]
        ranks = [order.index(pair) for pair in there if pair in order]
        if not ranks:
            return pieces
        pieces = merge(pieces, order[min(ranks)])


def decode(pieces):
    raw = b""
    for piece in pieces:
        one_byte = piece.startswith("<") and len(piece) == 4 and piece != END
        raw += bytes.fromhex(piece[1:3]) if one_byte else piece.encode()
    words = raw.split(END.encode())
    assert words.pop() == b""
    return [word.decode("utf-8") for word in words]
