"""Perplexity: among how many words a language model hesitates, on average.

Paper: Jelinek, Mercer, Bahl and Baker, "Perplexity - a Measure of the Difficulty of
       Speech Recognition Tasks", Journal of the Acoustical Society of America 62, 1977.
Link:  https://doi.org/10.1121/1.2016299
"""

import keras
from keras import ops


def word_losses(labels, logits):
    """Return - ln p(word), in nats, of each word.

    Args:
        labels: (...) int, from 0 to K - 1.
        logits: (..., K) float.

    Returns:
        (...) float32 >= 0.

    Example:
        >>> print(f"{float(word_losses(ops.array(1), ops.zeros((4,)))):.4f}")
        1.3863
    """
    logits = ops.cast(logits, "float32")
    return ops.sparse_categorical_crossentropy(labels, logits, from_logits=True)


def mean_loss(losses, counts):
    """Return the mean of losses, weighted by how much each word counts.

    Where nothing counts it is 0 and no NaN.

    Args:
        losses: (B, T) float, in nats.
        counts: (B, T) float or bool >= 0; 0 for padding.

    Returns:
        float32.

    Example:
        >>> print(f"{float(mean_loss(ops.array([3.0, 9.0]), ops.array([1, 0]))):.1f}")
        3.0
    """
    used = ops.cast(counts, "float32")
    total = ops.sum(ops.where(used > 0, losses * used, 0.0))
    return total / ops.maximum(ops.sum(used), keras.config.epsilon())


@keras.saving.register_keras_serializable("nlp/language_models")
class Perplexity(keras.metrics.Metric):
    """The exponential of the mean loss of all words of all batches.

        PP = exp(-1/N sum over n of ln p(w_n | w_1 ... w_(n-1)))

    A model that gives K words the same probability has K; one that is always sure and
    right has 1. What is averaged is the LOGARITHM, over words and not over sentences or
    batches. A single word of probability 0 makes it infinite. It depends on what
    counts as a word, so numbers with other tokens cannot be compared.

    Args:
        padding: int, the label that does not count; None if all count.

    Shapes:
        labels: (B, T) int; logits: (B, T, K) float; sample_weight: broadcastable to
            (B, T), words of weight 0 do not count.
        Before the first word, the result is 1.

    Example:
        >>> metric = Perplexity()
        >>> metric.update_state(ops.array([[3, 1, 0]]), ops.zeros((1, 3, 5)))
        >>> print(f"{float(metric.result()):.2f}")
        5.00
    """

    def __init__(self, padding=0, name="perplexity", **kwargs):
        super().__init__(name=name, **kwargs)
        self.padding = padding
        self.total = self.add_variable((), "zeros", name="total")
        self.words = self.add_variable((), "zeros", name="words")

    def update_state(self, labels, logits, sample_weight=None):
        counts = ops.ones_like(labels, "float32")
        if self.padding is not None:
            counts = ops.cast(ops.not_equal(labels, self.padding), "float32")
        if sample_weight is not None:
            counts = counts * ops.cast(sample_weight, "float32")
        self.add(word_losses(labels, logits), counts)

    def add(self, losses, counts):
        """Take in losses (B, T) in nats, and how much each counts."""
        used = ops.cast(counts, "float32")
        self.total.assign_add(ops.sum(ops.where(used > 0, losses * used, 0.0)))
        self.words.assign_add(ops.sum(used))

    def result(self):
        least = keras.config.epsilon()
        return ops.exp(self.total / ops.maximum(self.words, least))

    def get_config(self):
        return {**super().get_config(), "padding": self.padding}
