"""Recursion and sorting, pairs by zip."""

END = "</w>"


def pair_counts(words, counts):
    table = {}
    for number, word in enumerate(words):
        for pair in zip(word, word[1:], strict=False):
            table[pair] = table.get(pair, 0) + counts[number]
    return sorted([*pair, n] for pair, n in table.items())


def best_pair(pairs):
    most = max(n for _, _, n in pairs)
    return sorted([a, b] for a, b, n in pairs if n == most)[0]


def merge(word, pair):
    a, b = pair
    if len(word) < 2:
        return list(word)
    if word[0] == a and word[1] == b:
        return [a + b, *merge(word[2:], pair)]
    return [word[0], *merge(word[1:], pair)]


def learn(counts, num_merges):
    words = {word: list(word) + [END] for word in counts}
    merges = []
    for _ in range(num_merges):
        pairs = pair_counts(list(words.values()), [counts[word] for word in words])
        if pairs:
            merges.append(best_pair(pairs))
            words = {word: merge(cut, merges[-1]) for word, cut in words.items()}
    return merges


def encode(word, merges, characters):
    pieces = []
    for character in word:
        if character in set(characters):
            pieces += [character]
        else:
            pieces += [f"<{byte:02X}>" for byte in bytes(character, "utf-8")]
    pieces += [END]
    for pair in merges:
        pieces = merge(pieces, pair)
    return pieces


def decode(pieces):
    words, raw = [], bytearray()
    for piece in pieces:
        if len(piece) == 4 and piece[0] == "<" and piece != END:
            raw.append(int(piece[1:3], 16))
        else:
            raw += piece.removesuffix(END).encode()
            if piece.endswith(END):
                words.append(raw.decode())
                raw = bytearray()
    return words
