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
    # TODO: go through the pairs of each word
    raise NotImplementedError


def best_pair(pairs):
    """Return the pair to be merged next: the most frequent one.

    Of pairs that are equally frequent, the one that Python sorts first. (The paper has
    no rule for it; without one, two programs learn different merges.)

    Args:
        pairs: list of [first piece, second piece, count], one or more.

    Returns:
        [first piece, second piece].
    """
    # TODO: largest count first, then the order of the pieces
    raise NotImplementedError


def merge(word, pair):
    """Return a word in which each occurrence of a pair has become one piece.

    From left to right: ["a", "a", "a"] with the pair a, a becomes ["aa", "a"].

    Args:
        word: list of pieces.
        pair: two pieces.

    Returns:
        list of pieces.
    """
    # TODO: walk through the word, one piece or two at a time
    raise NotImplementedError


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
    # TODO: cut, then count, choose, merge
    raise NotImplementedError


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
    # TODO: cut, fall back, then merge by priority
    raise NotImplementedError


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
    # TODO: turn all into bytes, then cut into words
    raise NotImplementedError


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
