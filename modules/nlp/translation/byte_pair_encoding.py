"""Byte-pair encoding: frequent words stay whole, rare ones fall into frequent pieces.

Paper: Sennrich, Haddow and Birch, "Neural Machine Translation of Rare Words with
       Subword Units", ACL 2016. The compression: Gage, "A New Algorithm for Data
       Compression", C Users Journal 12, 1994.
Link:  https://arxiv.org/abs/1508.07909 (section 3.2, figure 1)

A word is a tuple of symbols, first its characters, of which the last has the end of the
word, </w>, attached. Learning merges the most frequent PAIR of neighbours to one new
symbol, again and again; it never looks over the end of a word. Where two pairs are
equally frequent, the one that is first in the order of code points is merged: a rule is
needed, and the paper has none.
"""

from collections import Counter
from itertools import pairwise

END = "</w>"


def symbols(word):
    """Return the characters of a word, the last with the end of the word.

    Raises:
        ValueError: the word is empty, or holds white space or </w>.

    Example:
        >>> symbols("low")
        ('l', 'o', 'w</w>')
    """
    if word.split() != [word] or END in word:
        raise ValueError(f"a word must have characters but no {END}, got {word!r}")
    return (*word[:-1], word[-1] + END)


def merge(word, pair):
    """Return a tuple of symbols with every occurrence of a pair merged, from the left.

    Example:
        >>> merge(("a", "a", "a", "b"), ("a", "a"))
        ('aa', 'a', 'b')
    """
    merged, i = [], 0
    while i < len(word):
        here = word[i : i + 2] == pair
        merged.append(word[i] + word[i + 1] if here else word[i])
        i += 2 if here else 1
    return tuple(merged)


def learn(counts, num_merges, symbols=symbols):
    """Return the merges that a text teaches, the first learned first.

    After each merge only the words that hold the pair are counted again.

    Args:
        counts: dict, word to how often it occurs, as `Counter(text.split())`.
        num_merges: int >= 0. Fewer are returned when every word is one symbol.
        symbols: function from a word to its first symbols, a tuple.

    Returns:
        list of pairs of str.

    Raises:
        ValueError: num_merges is not an int >= 0, or a word is none.

    Example:
        >>> learn({"low": 5, "lower": 2, "newest": 6, "widest": 3}, 3)
        [('e', 's'), ('es', 't</w>'), ('l', 'o')]
    """
    if not (isinstance(num_merges, int) and num_merges >= 0):
        raise ValueError(f"num_merges must be an int >= 0, got {num_merges!r}")
    words = {word: symbols(word) for word in counts}
    pairs, holders = Counter(), {}

    def count(word, sign):
        for pair in pairwise(words[word]):
            pairs[pair] += sign * counts[word]
            holders.setdefault(pair, set()).add(word)

    for word in words:
        count(word, 1)
    merges = []
    while len(merges) < num_merges and (most := max(pairs.values(), default=0)) > 0:
        merges.append(min(pair for pair, n in pairs.items() if n == most))
        for word in holders[merges[-1]]:
            count(word, -1)
            words[word] = merge(words[word], merges[-1])
        for word in list(holders.pop(merges[-1])):
            count(word, 1)
        pairs = Counter({pair: n for pair, n in pairs.items() if n > 0})
    return merges


def encode(text, merges):
    """Return the symbols of a text, word by word.

    In each word the merge that was learned first is done first, and not the longest
    symbol taken: the same merges in the same order as in learning, so that a word of
    the training text falls into the pieces it had there. A character that learning has
    not seen stays a symbol by itself; only such a character is out of vocabulary.

    Args:
        text: str; words are what white space separates.
        merges: list of pairs, from `learn`.

    Returns:
        list of str.

    Example:
        >>> encode("lowest newest", [("e", "s"), ("es", "t</w>"), ("l", "o")])
        ['lo', 'w', 'est</w>', 'n', 'e', 'w', 'est</w>']
    """
    rank = ranks(merges)
    return [x for word in text.split() for x in join(symbols(word), rank)]


def ranks(merges):
    """Return a dict, pair to when it was learned first, as `join` needs it."""
    return {pair: number for number, pair in reversed(list(enumerate(merges)))}


def join(word, rank):
    """Return a tuple of symbols with all merges done, the first learned first.

    Example:
        >>> join(("n", "e", "w"), ranks([("e", "w"), ("n", "e")]))
        ('n', 'ew')
    """
    while pairs := [pair for pair in pairwise(word) if pair in rank]:
        word = merge(word, min(pairs, key=rank.get))
    return word


def decode(pieces):
    """Return the text of symbols; the inverse of `encode` but for runs of white space.

    Example:
        >>> decode(["lo", "w", "est</w>", "n", "e", "w", "est</w>"])
        'lowest newest'
    """
    return "".join(pieces).replace(END, " ").rstrip(" ")


def vocabulary(counts, merges):
    """Return all symbols that encoding can give: first ones and merged ones, sorted.

    Raises:
        ValueError: a word is none.
    """
    first = {symbol for word in counts for symbol in symbols(word)}
    return sorted(first | {a + b for a, b in merges})
