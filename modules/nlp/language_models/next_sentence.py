"""Next sentence: pairs in which one follows the other, or comes from elsewhere.

Paper: Devlin, Chang, Lee and Toutanova, "BERT: Pre-training of Deep Bidirectional
       Transformers for Language Understanding", NAACL 2019.
Link:  https://arxiv.org/abs/1810.04805 (section 3.1, task 2; appendix A.1; figure 2)
"""

import numpy as np


def sentence_pairs(documents, rng):
    """Return pairs of sentences, of which half follow each other.

    For each sentence that has a successor, with probability 1/2 the second is that
    successor, and else a random sentence of ANOTHER document. (One of the same document
    might follow after all, or be too near in subject.)

    Args:
        documents: list of lists of sentences, of any kind.
        rng: NumPy Generator.

    Returns:
        (first, second, is_next): two lists of sentences, and a bool array.

    Raises:
        ValueError: there are fewer than two documents, or one is empty.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> first, second, is_next = sentence_pairs([["a", "b"], ["c", "d"]], rng)
        >>> first, len(second), is_next.dtype
        (['a', 'c'], 2, dtype('bool'))
    """
    if len(documents) < 2 or not all(documents):
        raise ValueError("two documents or more are needed, with a sentence each")
    first, second, is_next = [], [], []
    for number, document in enumerate(documents):
        for sentence, following in zip(document, document[1:], strict=False):
            follows = rng.random() < 0.5
            if not follows:
                other = rng.integers(len(documents) - 1)
                other = documents[other + (other >= number)]  # never this one
                following = other[rng.integers(len(other))]
            first.append(sentence)
            second.append(following)
            is_next.append(follows)
    return first, second, np.array(is_next, bool)


def truncated(first, second, room):
    """Return both without last tokens, taken from the longer one, until they fit."""
    first, second = list(first), list(second)
    while len(first) + len(second) > room:
        longer = first if len(first) > len(second) else second
        longer.pop()
    return first, second


def pack_pairs(first, second, length, start, end):
    """Return sentences as BERT reads them: [CLS] first [SEP] second [SEP] padding.

    What is too long loses tokens at the end of the longer sentence, one by one.

    Args:
        first, second: lists of lists of int.
        length: int >= 5, T.
        start, end: int, [CLS] and [SEP].

    Returns:
        (tokens, segments), (B, T) int32 each: segment 1 is the second sentence and the
        [SEP] behind it; padding is token 0 of segment 0.

    Raises:
        ValueError: length is below 5, the lists differ in length, or a sentence is
            empty.

    Example:
        >>> tokens, segments = pack_pairs([[7, 8]], [[9]], 8, start=1, end=2)
        >>> print(tokens, segments)
        [[1 7 8 2 9 2 0 0]] [[0 0 0 0 1 1 0 0]]
    """
    if not (isinstance(length, int) and length >= 5):
        raise ValueError(f"length must be an int >= 5, got {length!r}")
    if len(first) != len(second):
        raise ValueError(f"got {len(first)} first and {len(second)} second sentences")
    tokens, segments = np.zeros((2, len(first), length), "int32")
    for row, (a, b) in enumerate(zip(first, second, strict=True)):
        if not (len(a) and len(b)):
            raise ValueError(f"a sentence of pair {row} is empty")
        a, b = truncated(a, b, length - 3)
        both = [start, *a, end, *b, end]
        tokens[row, : len(both)] = both
        segments[row, len(a) + 2 : len(both)] = 1
    return tokens, segments
