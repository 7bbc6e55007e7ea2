"""Vocabulary: every word gets a number, rare and unknown words share one.

Source: folklore; the two special numbers are those of `keras.layers.TextVectorization`.
"""

from collections import Counter

import numpy as np

PADDING, UNKNOWN = 0, 1


class Vocabulary:
    """The words of a corpus, numbered from 2 on: the most frequent first.

    Number 0 is padding and 1 every word that is not in the vocabulary. Words that are
    equally frequent follow in alphabetical order.

    Args:
        sentences: iterable of lists of str; empty ones are allowed.
        least: int >= 1, words that occur less often are unknown.

    Attributes:
        words: list of V str; the first two stand for padding and unknown words.
        counts: (V,) int array, how often each occurs; counts[0] is 0, and counts[1] is
            that of all rare words together.

    Raises:
        ValueError: least is not an int >= 1, or a sentence is a str.

    Example:
        >>> words = Vocabulary(["the cat saw the dog".split(), ["the", "cat"]], least=2)
        >>> words.words[2:], words.counts.tolist()
        (['the', 'cat'], [0, 2, 3, 2])
        >>> words.rows([["the", "zebra"], []])
        array([[2, 1],
               [0, 0]], dtype=int32)
    """

    def __init__(self, sentences, least=1):
        if not (isinstance(least, int) and least >= 1):
            raise ValueError(f"least must be an int >= 1, got {least!r}")
        counts = Counter(word for s in sentences for word in _words_of(s))
        order = sorted(counts, key=lambda word: (-counts[word], word))
        known = [word for word in order if counts[word] >= least]
        rare = counts.total() - sum(counts[word] for word in known)
        self.words = ["(padding)", "(unknown)", *known]
        self.counts = np.array([0, rare, *(counts[word] for word in known)])
        self.numbers = {word: i for i, word in enumerate(known, 2)}

    def __len__(self):
        return len(self.words)

    def number(self, word):
        """Return the number of a word, 1 if it is not in the vocabulary."""
        return self.numbers.get(word, UNKNOWN)

    def rows(self, sentences, length=None):
        """Return sentences as rows of numbers, padded with 0 at the end.

        Args:
            sentences: list of lists of str.
            length: int >= 1, T; what is longer is cut. None for the longest sentence.

        Returns:
            (N, T) int32, T >= 1 also if all sentences are empty.
        """
        numbers = [[self.number(word) for word in _words_of(s)] for s in sentences]
        if length is None:
            length = max([1, *map(len, numbers)])
        rows = np.zeros((len(numbers), length), "int32")
        for row, found in zip(rows, numbers, strict=True):
            row[: len(found)] = found[:length]
        return rows


def _words_of(sentence):
    if isinstance(sentence, str):
        raise ValueError(f"a sentence must be a list of words, got {sentence!r}")
    return sentence


def check_numbers(name, numbers, size=None):
    """Return numbers of words as an int32 array.

    Args:
        name: str, what the message calls them.
        numbers: int array.
        size: int, the size of the vocabulary; None if any number from 0 on will do.

    Raises:
        ValueError: they are no integers, or one is below 0 or not below size.

    Example:
        >>> check_numbers("centers", [3, 0], size=4)
        array([3, 0], dtype=int32)
    """
    numbers = np.asarray(numbers)
    if numbers.size and numbers.dtype.kind not in "iu":
        raise ValueError(f"{name} must be integers, got {numbers.dtype}")
    if numbers.size and (numbers.min() < 0 or size and numbers.max() >= size):
        most = "" if size is None else f" to {size - 1}"
        found = f"{numbers.min()} to {numbers.max()}"
        raise ValueError(f"{name} must be 0{most or ' or more'}, got {found}")
    return numbers.astype("int32")
