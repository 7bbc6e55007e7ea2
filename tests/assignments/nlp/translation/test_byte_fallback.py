"""Grades assignments/nlp/translation/byte_fallback.py."""

from collections import Counter

import numpy as np

from course.grading import close, points

FORBIDDEN = (
    "modules.nlp.translation.byte_pair_encoding",
    "tokenizers",
    "sentencepiece",
    "keras_hub",
    "tiktoken",
    "transformers",
)
END = "</w>"
TOY = {"low": 5, "lower": 2, "newest": 6, "widest": 3}


def some_words(rng, number=9, letters="abc", longest=7):
    sizes = rng.integers(1, longest, size=number)
    words = {"".join(rng.choice(list(letters), size=size)) for size in sizes}
    return {word: int(rng.integers(1, 9)) for word in sorted(words)}


def joined(word, pair):
    """Merge a pair in a list of pieces; the oracle marks where pieces end."""
    done, rest = [], list(word)
    while rest:
        if len(rest) > 1 and (rest[0], rest[1]) == tuple(pair):
            done, rest = [*done, rest[0] + rest[1]], rest[2:]
        else:
            done, rest = [*done, rest[0]], rest[1:]
    return done


def frequencies(words, counts):
    found = Counter()
    for word, n in zip(words, counts, strict=True):
        for i in range(1, len(word)):
            found[word[i - 1], word[i]] += n
    return dict(found)


def learned(counts, num_merges):
    words, merges = [[*word, END] for word in counts], []
    while len(merges) < num_merges:
        pairs = frequencies(words, counts.values())
        if not pairs:
            break
        most = max(pairs.values())
        merges.append(sorted(pair for pair in pairs if pairs[pair] == most)[0])
        words = [joined(word, merges[-1]) for word in words]
    return [list(pair) for pair in merges]


def encoded(word, merges, characters):
    """Go through the merges in their order, once: the same as by priority."""
    pieces = []
    for character in word:
        raw = [f"<{byte:02X}>" for byte in character.encode()]
        pieces += [character] if character in characters else raw
    pieces.append(END)
    for pair in merges:
        pieces = joined(pieces, pair)
    return pieces


@points(2)
def test_pair_counts(submission, rng):
    """pair_counts weighs each word by how often it stands in the text"""
    words, counts = [["a", "b", END], ["b", "ab", "b", END], ["c"]], [3, 2, 7]
    for _ in range(4):
        got = submission.pair_counts(words, counts)
        assert isinstance(got, list), f"expected a list, got {type(got).__name__}"
        want = [[*pair, n] for pair, n in frequencies(words, counts).items()]
        close(sorted(map(list, got)), sorted(want), hint=f"{words}, {counts} times")
        table = some_words(rng, letters="ab")
        words, counts = [[*word, END] for word in table], list(table.values())


@points(2)
def test_best_pair(submission, rng):
    """best_pair takes the most frequent pair, and of equals the one sorted first"""
    cases = [[["e", "s", 4], ["s", "t", 9], ["e", "w", 8], ["l", "e", 7]]]
    cases.append([["b", "a", 5], ["ab", "abc", 5], ["c", "a", 5], ["a", "z", 4]])
    cases.append([["a", "c", 3], ["a", "b", 3], ["b", "a", 3]])
    for _ in range(4):
        pairs = {tuple(rng.choice(list("abcd"), size=2).tolist()) for _ in range(8)}
        order = [list(sorted(pairs)[i]) for i in rng.permutation(len(pairs))]
        cases.append([[*pair, int(rng.integers(4, 6))] for pair in order])
    for pairs in cases:
        most = max(n for _, _, n in pairs)
        want = sorted([a, b] for a, b, n in pairs if n == most)[0]
        close(list(submission.best_pair(pairs)), want, hint=f"of {pairs}")


@points(2)
def test_merge(submission, rng):
    """merge joins every occurrence of a pair, from the left"""
    cases = [(["a", "b", "a", "b", "ab", "a"], ["a", "b"]), (["b", "a"], ["a", "b"])]
    cases += [(["xa", "b", "a", "bc"], ["a", "b"]), (["a"] * 5, ["a", "a"])]
    cases += [
        ([*rng.choice(["a", "b", "ab"], size=9).tolist()], p) for p in ("ab", "bb")
    ]
    for word, pair in cases:
        got = submission.merge(word, list(pair))
        close(got, joined(word, pair), hint=f"{pair} in {word}")


@points(2)
def test_learn(submission, rng):
    """learn counts, chooses and merges again and again"""
    close(submission.learn(TOY, 5), learned(TOY, 5), hint=f"for {TOY}")
    for _ in range(3):
        counts = some_words(rng)
        close(submission.learn(counts, 12), learned(counts, 12), hint=f"for {counts}")
    close(submission.learn({"ab": 1}, 9), [["a", "b"], ["ab", END]], hint="for 'ab'")


@points(3)
def test_encode(submission, rng):
    """encode merges what was learned first, and knows every character"""
    known = list("abcde")
    chain = [["b", "c"], ["c", "d"], ["a", "b"], ["d", "e"]]
    ends = [["b", "c"], ["c", END], ["a", "bc"], ["a", "b"]]
    cases = [(word, chain) for word in ("abcde", "cdebcd", "é")]
    cases += [(word, ends) for word in ("bc", "abcb", "aéa", "a∀b🙂", "z", "")]
    for word, merges in cases:
        want = encoded(word, merges, known)
        got = submission.encode(word, merges, known)
        close(got, want, hint=f"{word!r} with the merges {merges}")
    counts = some_words(rng, 12)
    merges = learned(counts, 15)
    for word in some_words(rng, 8, letters="abcx", longest=10):
        want = encoded(word, merges, ["a", "b", "c"])
        got = submission.encode(word, merges, ["a", "b", "c"])
        close(got, want, hint=f"{word!r} with the merges {merges}")


@points(2)
def test_decode(submission, rng):
    """decode is the inverse of encode, whatever the characters"""
    letters = [*"abcdef", "é", "∀", "🙂", "中", " "]
    merges = [["b", "c"], ["a", "bc"], ["a", END]]
    close(submission.decode(["a", "bc", END, "b", END]), ["abc", "b"])
    for words in [["é"], ["a", "", "b"]] + [
        ["".join(rng.choice(letters, size=size)) for size in (5, 1, 0, 7)]
        for _ in range(4)
    ]:
        pieces = [p for word in words for p in encoded(word, merges, list("abc"))]
        close(submission.decode(pieces), words, hint=f"the pieces are {pieces}")


@points(1, after="test_encode")
def test_round_trip(submission, rng):
    """what you have learned encodes and decodes words that were never seen"""
    counts = some_words(rng, 15, letters="abcd")
    merges = submission.learn(counts, 20)
    assert len(merges) == 20, f"{len(merges)} merges, expected 20"
    words = ["abcd", "dcba" * 3, "naïve", "日本", str(np.pi)]
    pieces = [submission.encode(word, merges, list("abcd")) for word in words]
    for word, found in zip(words, pieces, strict=True):
        close(found, encoded(word, merges, list("abcd")), hint=f"{word!r}")
        close(submission.decode(found), [word], hint=f"{found}")
