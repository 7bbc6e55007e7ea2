"""Exercise: byte-pair encoding that knows every character.

Byte-pair encoding cuts words into pieces that a text has taught it. A character that it
has never seen has no piece, and the word is lost. With byte fallback, as in
SentencePiece, such a character becomes the bytes of its UTF-8: 256 more pieces, and
nothing is out of vocabulary, neither emoji nor ancient scripts. You write all of it:
learn the merges, encode, and decode.

Paper: Sennrich, Haddow and Birch, "Neural Machine Translation of Rare Words with
       Subword Units", ACL 2016.
Link:  https://arxiv.org/abs/1508.07909 (section 3.2)
Paper: Kudo and Richardson, "SentencePiece", EMNLP 2018.
Link:  https://arxiv.org/abs/1808.06226 (byte fallback came with its version 0.1.9)
See:   modules/nlp/translation/byte_pair_encoding.py
Needs: nlp/translation (byte-pair encoding)
Time:  50 minutes
Grade: python -m course grade nlp/translation/byte_fallback

This is plain Python: pieces are strings, a word is a list of pieces, a pair is two
strings. The word "low" is first ["l", "o", "w", "</w>"]: here the end of a word is a
piece of its own, so that "w" and the "w" at an end are one piece until they are merged.

When your functions are right, run this file: it encodes what it has never seen.
"""

from collections import Counter
from itertools import pairwise

from course.data.load import load

END = "</w>"
BYTES = [f"<{byte:02X}>" for byte in range(256)]  # "<00>" to "<FF>"


def pair_counts(words, counts):
    """Return how often each pair of neighbouring pieces occurs in a text.

    Args:
        words: list of words, each a list of pieces.
        counts: list of ints, how often each word stands in the text.

    Returns:
        list of [first piece, second piece, count], one for each pair that occurs, in
        any order. Pairs lie within words.
    """
    # BEGIN SOLUTION go through the pairs of each word
    # HINT pairwise("abc") gives ("a", "b") and ("b", "c").
    # HINT A word that stands in the text n times adds n for each of its pairs.
    # HINT Count in a Counter with the pairs as keys, and make a list of it at the end.
    found = Counter()
    for word, n in zip(words, counts, strict=True):
        for pair in pairwise(word):
            found[pair] += n
            # WRONG found[pair] += 1
            # WHY a word counts as often as it stands in the text, and yours count once
        # WRONG for pair in set(pairwise(word)):
        # WRONG     found[pair] += n
        # WHY a pair that stands in a word twice counts twice
    # WRONG text = [piece for word in words for piece in word]
    # WRONG found = Counter(pairwise(text))
    # WHY your pairs reach over the end of a word, and the counts are not used
    return [[a, b, n] for (a, b), n in found.items()]
    # END SOLUTION


def best_pair(pairs):
    """Return the pair to be merged next: the most frequent one.

    Of pairs that are equally frequent, the one that Python sorts first. (The paper has
    no rule for it; without one, two programs learn different merges.)

    Args:
        pairs: list of [first piece, second piece, count], one or more.

    Returns:
        [first piece, second piece].
    """
    # BEGIN SOLUTION largest count first, then the order of the pieces
    # HINT min and max take a key; a key may be a tuple: (-count, first, second).
    first, second, _ = min(pairs, key=lambda p: (-p[2], p[0], p[1]))
    # WRONG first, second, _ = max(pairs, key=lambda p: (p[2], p[0], p[1]))
    # WHY of equally frequent pairs you take the one that is sorted last
    # WRONG first, second, _ = max(pairs, key=lambda p: p[2])
    # WHY of equally frequent pairs you take the one that comes first in the list; the
    # WHY statement says the one that is sorted first
    # WRONG first, second, _ = min(pairs, key=lambda p: (-p[2], -len(p[0] + p[1])))
    # WHY of equally frequent pairs you take the longest
    # WRONG often = Counter()
    # WRONG for a, b, n in pairs:
    # WRONG     often.update({a: n, b: n})
    # WRONG first = second = max(often, key=often.get)
    # WHY you look for the most frequent single piece, as some lecture notes say; what
    # WHY is merged is the most frequent PAIR of neighbours
    return [first, second]
    # END SOLUTION


def merge(word, pair):
    """Return a word in which each occurrence of a pair has become one piece.

    From left to right: ["a", "a", "a"] with the pair a, a becomes ["aa", "a"].

    Args:
        word: list of pieces.
        pair: two pieces.

    Returns:
        list of pieces.
    """
    # BEGIN SOLUTION walk through the word, one piece or two at a time
    # HINT Where word[i : i + 2] is the pair, append the joined piece and go on by two.
    # HINT list(pair) compares with a slice of a list.
    merged, i = [], 0
    while i < len(word):
        here = word[i : i + 2] == list(pair)
        merged.append(word[i] + word[i + 1] if here else word[i])
        i += 2 if here else 1
        # WRONG i += 1
        # WHY the second piece of a pair stays behind: go on by two after a merge
    # WRONG text = " ".join(word).replace(" ".join(pair), "".join(pair))
    # WRONG merged = text.split()
    # WHY your text search finds a pair inside longer pieces: compare whole pieces
    # WRONG merged, i = [], 0
    # WRONG while i < len(word):
    # WRONG     here = set(word[i : i + 2]) == set(pair) and i + 1 < len(word)
    # WRONG     merged.append("".join(pair) if here else word[i])
    # WRONG     i += 2 if here else 1
    # WHY you merge a pair in either order; (a, b) is not (b, a)
    return merged
    # WRONG if "".join(pair) not in "".join(word) or len(word) < 2:
    # WRONG     return word
    # WRONG places = [i for i in range(len(word)) if word[i : i + 2] == list(pair)]
    # WRONG i = (places or [len(word)])[0]
    # WRONG return word[:i] + ["".join(word[i : i + 2])] * bool(places) + word[i + 2 :]
    # WHY you merge the first occurrence only; all of them become one piece
    # END SOLUTION


def learn(counts, num_merges):
    """Return the merges that a text teaches, in the order in which they are learned.

    Cut each word into its characters and END. Then, num_merges times: count pairs with
    `pair_counts`, choose one with `best_pair`, and merge it everywhere. Stop early when
    no word has two pieces.

    Args:
        counts: dict, word to how often it stands in the text.
        num_merges: int >= 0.

    Returns:
        list of [first piece, second piece].
    """
    # BEGIN SOLUTION cut, then count, choose, merge
    # HINT [*"low", END] is a list of four pieces.
    # HINT pairs = pair_counts(words, numbers), in each round anew.
    words, numbers = [[*word, END] for word in counts], list(counts.values())
    # WRONG words, numbers = [[*word] for word in counts], list(counts.values())
    # WHY the end of the word is missing: nobody can tell where words end again
    # WRONG words, numbers = [[END, *word] for word in counts], list(counts.values())
    # WHY END stands in front of your words; it belongs behind
    merges = []
    for _ in range(num_merges):
        pairs = pair_counts(words, numbers)
        if not pairs:
            break
        pair = best_pair(pairs)
        words = [merge(word, pair) for word in words]
        # WRONG pass
        # WHY you never merge, so each round finds the same pair again
        merges.append(pair)
    # WRONG pairs = pair_counts(words, numbers)
    # WRONG pairs = sorted(pairs, key=lambda p: (-p[2], p[0], p[1]))
    # WRONG merges = [[a, b] for a, b, _ in pairs[:num_merges]]
    # WHY you count once; after each merge there are new pieces and new pairs
    return merges
    # END SOLUTION


def encode(word, merges, characters):
    """Return the pieces of one word.

    Cut it into characters and END. A character that is not in `characters` becomes the
    bytes of its UTF-8, one piece of BYTES each. Then merge: of all pairs that stand in
    the word, do the one that was learned FIRST, everywhere in the word, and look again,
    until no pair is among the merges.

    Args:
        word: str.
        merges: list of [first piece, second piece], the first learned first.
        characters: list of str, the characters that have a piece.

    Returns:
        list of pieces.
    """
    # BEGIN SOLUTION cut, fall back, then merge by priority
    # HINT "é".encode() is the bytes 195 and 169; BYTES[195] is "<C3>".
    # HINT rank = {tuple(pair): i for i, pair in enumerate(merges)}
    # HINT Of the pairs in the word that have a rank, take the smallest rank.
    # HINT Or go through the merges in order: is the result the same? Try it.
    pieces = []
    for character in word:
        if character in characters:
            pieces.append(character)
        else:
            pieces.extend(BYTES[byte] for byte in character.encode())
            # WRONG pieces.append("<unk>")
            # WHY an unknown character becomes its bytes; <unk> forgets which it was
            # WRONG pieces.append(f"<{ord(character):02X}>")
            # WHY you take the number of the character; UTF-8 has one to four bytes for
            # WHY it, which .encode() gives
            # WRONG pass
            # WHY unknown characters disappear
            # WRONG pieces.append(character)
            # WHY unknown characters stay characters; they become bytes
    pieces.append(END)
    # WRONG pass
    # WHY the end of the word is missing
    rank = {tuple(pair): number for number, pair in enumerate(merges)}
    # WRONG rank = {tuple(p): (-len(p[0] + p[1]), i) for i, p in enumerate(merges)}
    # WHY you merge to the longest piece first; the order of learning decides
    # WRONG rank = {tuple(pair): -number for number, pair in enumerate(merges)}
    # WHY you begin with the merge that was learned last
    while pairs := [pair for pair in pairwise(pieces) if pair in rank]:
        pieces = merge(pieces, min(pairs, key=rank.get))
        # WRONG pieces = merge(pieces, pairs[0])
        # WHY you merge from the left whatever comes; the order of learning decides
    return pieces
    # END SOLUTION


def decode(pieces):
    """Return the words of encoded text.

    Every END ends a word; a piece of BYTES stands for one byte, and bytes make up
    characters by UTF-8. It is the inverse of `encode`, word by word, as long as no word
    holds "<", and none does.

    Args:
        pieces: list of pieces, of whole words.

    Returns:
        list of str.
    """
    # BEGIN SOLUTION turn all into bytes, then cut into words
    # HINT A character may be spread over several pieces: join bytes, decode them last.
    # HINT BYTES.index(piece) is the byte; any other piece is piece.encode().
    # HINT b"".join(…).decode() and then split at END.
    known = set(BYTES)
    parts = [
        bytes([BYTES.index(piece)]) if piece in known else piece.encode()
        for piece in pieces
    ]
    text = b"".join(parts).decode()
    # WRONG text = "".join(pieces)
    # WHY pieces such as <C3> stay in the text; they are bytes
    # WRONG text = "".join(chr(p[0]) if len(p) == 1 else p.decode() for p in parts)
    # WHY you make a character of each byte; the bytes of one character belong together
    return text.split(END)[:-1]
    # WRONG return text.split(END)
    # WHY there is an empty word at your end: behind the last END nothing follows
    # WRONG return [text.replace(END, "")]
    # WHY all words run together; each END ends one
    # WRONG return text.replace(END, " ").split()
    # WHY an empty word, or one of blanks, gets lost: cut at END and not at blanks
    # END SOLUTION


if __name__ == "__main__":
    texts = load("course_corpus/grammar", "train", batch_size=-1)["text"]
    counts = Counter(w for text in texts[:3000].numpy() for w in text.decode().split())
    merges = learn(dict(counts), 150)
    characters = sorted({character for word in counts for character in word})
    print("first merges:", ", ".join("".join(pair) for pair in merges[:8]))
    for word in (*list(counts)[:4], "notebook", "naïve", "🙂"):
        pieces = encode(word, merges, characters)
        assert decode(pieces) == [word]
        print(f"{word:12} {' '.join(pieces)}")
