"""Translator: what all models here share that write a sentence after reading one.

Source: the interface of this course; see greedy.py and beam_search.py for the papers.
"""

import keras
import numpy as np
from keras import ops

from modules.nlp.translation.beam_search import beam_search
from modules.nlp.translation.greedy import compiled, greedy


def teacher_forcing(target, start=1):
    """Return what a decoder reads while it learns to write: the right words, shifted.

    At each place it reads the RIGHT word before, not the one that it would have
    written, so all places can learn at once.

    Args:
        target: (B, T) int NumPy array, words, an end token and padding: the labels.
        start: int, what stands before the first word.

    Returns:
        (B, T) int: start, and all words but the last.

    Example:
        >>> print(teacher_forcing(np.array([[7, 5, 2, 0]])))
        [[1 7 5 2]]
    """
    return np.pad(target, [(0, 0), (1, 0)], constant_values=start)[:, :-1]


class Translator(keras.Model):
    """A model that translates. A subclass writes `call` and three methods more.

    `start(source, length)` returns the state of a decoder that has written nothing and
    has room for `length` words; `step(tokens, state, index)` reads words, as greedy.py
    says; `attention(state)`, for the coverage penalty of beam search, returns what each
    word of the source has got, and 1 at padding. A subclass has a `vocabulary_size`.

    Args:
        **kwargs: those of `keras.Model`.
    """

    attention = None

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self._write = compiled(self.write)

    def write(self, source, length, start, end, beams=None, alpha=0.6, beta=0.0):
        """Return `length` words a row."""
        prompt = ops.full((ops.shape(source)[0], 1), start, "int32")
        state = self.start(source, length)
        if beams is None:
            return greedy(self.step, state, prompt, length + 1, end)[:, 1:]
        search = (beams, alpha, beta, self.attention)
        tokens, _ = beam_search(self.step, state, prompt, length + 1, end, *search)
        return tokens[:, 0, 1:]

    def translate(
        self, source, length, start=1, end=2, beams=None, alpha=0.6, beta=0.0
    ):
        """Return translations, padded behind their end token.

        Compiled once for each shape of source, so give many sentences at once.

        Args:
            source: (B, S) int, padded with 0.
            length: int >= 1, the most tokens of a translation.
            start, end: int, the tokens that stand before the first word and after the
                last one.
            beams: int >= 1, width of a beam search; None for greedy decoding.
            alpha, beta: float >= 0, of `beam_search`.

        Returns:
            (B, length) int32 NumPy array.

        Raises:
            ValueError: source is not (B, S) int, or a token is not in the vocabulary.
        """
        source = np.asarray(source)
        if source.ndim != 2 or source.dtype.kind not in "iu":
            kind = f"{source.dtype} of shape {source.shape}"
            raise ValueError(f"source must be (B, S) int, got {kind}")
        if source.size and not 0 <= source.min() <= source.max() < self.vocabulary_size:
            found = f"{source.min()} to {source.max()}"
            last = self.vocabulary_size - 1
            raise ValueError(f"tokens must be 0 to {last}, got {found}")
        if not len(source):
            return np.zeros((0, length), "int32")
        search = (beams, alpha, beta)
        source = source.astype("int32")
        return np.asarray(self._write(source, length, start, end, *search))
