"""Language model: the probability of a text, one word after the other.

Paper: Bengio, Ducharme, Vincent and Jauvin, "A Neural Probabilistic Language Model",
       JMLR 2003.
Link:  https://www.jmlr.org/papers/v3/bengio03a.html (sections 1 and 2)
"""

import keras
import numpy as np
from keras import ops

from modules.nlp.language_models.perplexity import Perplexity, mean_loss, word_losses
from modules.nlp.translation.greedy import compiled, greedy


def check_tokens(tokens, vocabulary_size, max_length=None):
    """Refuse what are no sentences of known words.

    Args:
        tokens: array or tensor, or what `fit` takes: a dataset, whose first batch is
            looked at. An iterator cannot be looked at twice and is let through.
        vocabulary_size: int.
        max_length: int, the longest sentence; None for any.

    Raises:
        ValueError: tokens are not (B, T) int with T >= 1, too long, or not from 0 to
            vocabulary_size - 1.

    Example:
        >>> check_tokens(np.array([[3, 1, 2]]), vocabulary_size=5)
    """
    if not hasattr(tokens, "shape") and not isinstance(tokens, (list, tuple)):
        if tokens is None or not hasattr(tokens, "__iter__") or iter(tokens) is tokens:
            return
        tokens = next(iter(tokens))
        tokens = tokens[0] if isinstance(tokens, (tuple, list)) else tokens
    try:
        tokens = ops.convert_to_numpy(tokens)
    except (ValueError, TypeError):  # a list of rows
        raise ValueError("sentences must have one length: fill them with 0") from None
    if tokens.ndim != 2 or tokens.dtype.kind not in "iu" or not tokens.shape[1]:
        found = f"{tokens.dtype} of shape {tokens.shape}"
        raise ValueError(f"tokens must be (B, T) int with T >= 1, got {found}")
    if max_length is not None and tokens.shape[1] > max_length:
        limit = f"there are {max_length} positions"
        raise ValueError(f"{limit}, got a sentence of {tokens.shape[1]} words")
    if tokens.size and not 0 <= tokens.min() <= tokens.max() < vocabulary_size:
        found = f"{tokens.min()} to {tokens.max()}"
        raise ValueError(f"tokens must be 0 to {vocabulary_size - 1}, got {found}")


class LanguageModel(keras.Model):
    """Predict each word from those before it; learn by `model.fit(tokens)`.

        p(w_1 ... w_T) = product over t of p(w_t | w_1 ... w_(t-1))
        L = - mean over words of ln p(w_t | w_1 ... w_(t-1))

    The labels are the words themselves, one place further on, so there is no y. The
    first word of a row is given and not predicted: let it be a start token. Padding
    behind a sentence is no label; a row of nothing but padding adds nothing.

    A subclass has `call(tokens)`, which returns logits (B, T, vocabulary_size) of the
    word after each word; `start(batch, length)`, the state before the first word; and
    `step(tokens, state, index)`, as greedy.py says.

    Args:
        vocabulary_size: int >= 2, called K.
        padding: int, the token that fills short sentences; None if there is none.

    Raises:
        ValueError: vocabulary_size is not an int >= 2.
    """

    max_length = None  # the longest sentence

    def __init__(self, vocabulary_size, padding=0, **kwargs):
        super().__init__(**kwargs)
        if not (isinstance(vocabulary_size, int) and vocabulary_size >= 2):
            got = f"got {vocabulary_size!r}"
            raise ValueError(f"vocabulary_size must be an int >= 2, {got}")
        self.vocabulary_size = vocabulary_size
        self.padding = padding
        self.perplexity = Perplexity(padding)
        self._writers = {}  # compiled, one for each way to write

    def check(self, tokens):
        """Refuse sentences that this model cannot read, as `check_tokens` does."""
        check_tokens(tokens, self.vocabulary_size, self.max_length)

    def counts(self, labels):
        """Return which labels are words, (B, T) float32."""
        if self.padding is None:
            return ops.ones_like(labels, "float32")
        return ops.cast(ops.not_equal(labels, self.padding), "float32")

    def losses_of(self, tokens, logits, sample_weight=None):
        """Return - ln p of each word but the first of a row, and how it counts."""
        labels = tokens[:, 1:]
        counts = self.counts(labels)
        if sample_weight is not None:
            weight = ops.cast(sample_weight, "float32")
            counts = counts * ops.reshape(weight, (-1, 1))
        return word_losses(labels, logits[:, :-1]), counts

    def compute_loss(
        self, x=None, y=None, y_pred=None, sample_weight=None, training=True
    ):
        losses, counts = self.losses_of(x, y_pred, sample_weight)
        self.perplexity.add(losses, counts)
        return mean_loss(losses, counts) + sum(self.losses)

    def log_likelihood(self, tokens):
        """Return ln p of each sentence, (B,) float32, given its first word."""
        self.check(tokens)
        tokens = ops.cast(tokens, "int32")
        losses, counts = self.losses_of(tokens, self(tokens))
        return -ops.sum(losses * counts, axis=1)

    def write(self, prompt, given, noise, length, end, sampler):
        """Return (B, length) tokens that begin with the prompt."""

        def choose(logits, index):
            return sampler(logits, ops.take(noise, index, axis=1))

        state = self.start(ops.shape(prompt)[0], length)
        options = {"padding": self.padding or 0, "choose": sampler and choose}
        return greedy(self.step, state, prompt, length, end, given, **options)

    def generate(self, prompt, length, end=None, sampler=None, seed=None):
        """Return texts that begin with given words, padded behind their end.

        Compiled once for each shape of the prompt and each sampler: give many rows at
        once. Keys and values, or states, of earlier words are kept and not computed
        again.

        Args:
            prompt: (B, P) int, P >= 1; rows may be padded behind their words.
            length: int > P, words of a text with those of the prompt.
            end: int, the token that ends a text; None for none.
            sampler: a `Sampler` (sampling.py); None takes the likeliest word.
            seed: int or `SeedGenerator` for the sampler; None for other texts each
                time.

        Returns:
            (B, length) int32 NumPy array.

        Raises:
            ValueError: the prompt is no array of known words, a row of it is empty, or
                the text would be longer than the prompt or the positions allow.
        """
        self.check(prompt)
        prompt = ops.convert_to_numpy(prompt).astype("int32")
        given = self.words_given(prompt)
        if self.max_length is not None and length > self.max_length:
            limit = f"there are {self.max_length} positions"
            raise ValueError(f"{limit}, got a text of {length} words")
        if not len(prompt):
            return np.zeros((0, length), "int32")
        shape = (len(prompt), length if sampler else 1)
        noise = keras.random.uniform(shape, dtype="float32", seed=seed)
        way = (length, end, sampler)
        if way not in self._writers:
            self._writers[way] = compiled(lambda *given: self.write(*given, *way))
        return ops.convert_to_numpy(self._writers[way](prompt, given, noise))

    def words_given(self, prompt):
        """Return how many words each row of a prompt has, (B,) int32."""
        given = ops.convert_to_numpy(self.counts(prompt)).astype("int32")
        if not given.all(axis=1).all():  # with padding
            rows = np.flatnonzero(given[:, 0] == 0)
            if len(rows):
                raise ValueError(f"row {rows[0]} of the prompt has no first word")
            if (np.diff(given, axis=1) > 0).any():
                raise ValueError("padding must stand behind the words of a prompt")
        return given.sum(axis=1).astype("int32")

    def fit(self, x=None, y=None, *args, **kwargs):
        self.check_data(x, y)
        return super().fit(x, y, *args, **kwargs)

    def evaluate(self, x=None, y=None, *args, **kwargs):
        self.check_data(x, y)
        return super().evaluate(x, y, *args, **kwargs)

    def check_data(self, x, y):
        if y is not None:
            raise ValueError("the labels are the words of x, one further on: fit(x)")
        self.check(x)

    def get_config(self):
        own = {"vocabulary_size": self.vocabulary_size, "padding": self.padding}
        return {**super().get_config(), **own}
