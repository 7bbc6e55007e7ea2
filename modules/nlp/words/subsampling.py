"""Subsampling: drop most occurrences of the words that say least.

Paper: Mikolov et al., "Distributed Representations of Words and Phrases and their
       Compositionality", NeurIPS 2013.
Link:  https://arxiv.org/abs/1310.4546 (section 2.3, equation 5)
"""

import numpy as np

from modules.nlp.words.vocabulary import PADDING, check_numbers


def keep_probability(counts, threshold=1e-5):
    """Return the probability with which an occurrence of each word is KEPT.

        1 - P(w) = min(1, sqrt(t / f(w)))

    The paper's P(w) = 1 - sqrt(t / f(w)) is the probability to discard. f is the share
    of w among all words. A word with f <= t is always kept, and of a more frequent one
    about sqrt(t f) of all places is left: the order of frequencies stays.

    Practice: the authors' program keeps with sqrt(t / f) + t / f, a little more. For a
    small corpus t must be larger, 1e-3 or so.

    Args:
        counts: (V,) floats >= 0.
        threshold: float > 0, called t.

    Returns:
        (V,) float64 NumPy array in (0, 1]; 1 for words that do not occur.

    Raises:
        ValueError: threshold is not > 0, or a count is negative.

    Example:
        >>> keep_probability([0, 1, 99], threshold=0.01).round(4)
        array([1.    , 1.    , 0.1005])
    """
    counts = np.asarray(counts, "float64")
    if not threshold > 0:
        raise ValueError(f"threshold must be > 0, got {threshold!r}")
    if (counts < 0).any():
        raise ValueError(f"counts must be >= 0, got {counts}")
    frequency = counts / max(counts.sum(), 1.0)
    there = frequency > threshold
    return np.where(there, np.sqrt(threshold / np.where(there, frequency, 1.0)), 1.0)


def subsample(rows, keep, rng):
    """Return sentences from which words were dropped at random.

    What is left moves together, so that a window afterwards reaches further.

    Args:
        rows: (N, T) int, padded with 0.
        keep: (V,) float, the probability with which each word stays.
        rng: NumPy Generator.

    Returns:
        (N, T) int32, padded with 0 at the end; a row may have no word left.

    Raises:
        ValueError: a number is none of a word.

    Example:
        >>> rows = np.array([[3, 2, 3, 1]])
        >>> subsample(rows, np.array([1, 1, 0, 1]), np.random.default_rng(0))
        array([[3, 3, 1, 0]], dtype=int32)
    """
    rows = check_numbers("rows", rows, len(keep))
    stays = (rng.random(rows.shape) < np.asarray(keep)[rows]) & (rows != PADDING)
    order = np.argsort(~stays, axis=1, kind="stable")  # what stays comes first
    return np.take_along_axis(np.where(stays, rows, PADDING), order, axis=1)
