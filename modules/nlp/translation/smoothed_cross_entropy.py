"""Label smoothing for words: the right word gets 1 - epsilon, all share the rest.

Paper: Szegedy et al., "Rethinking the Inception Architecture for Computer Vision",
       CVPR 2016, and for translation Vaswani et al., "Attention Is All You Need", 2017.
Link:  https://arxiv.org/abs/1512.00567 (section 7)
Link:  https://arxiv.org/abs/1706.03762 (section 5.4)
"""

import keras
from keras import ops

from modules.foundations.learning.softmax import log_softmax


@keras.saving.register_keras_serializable("nlp/translation")
class SmoothedCrossEntropy(keras.losses.Loss):
    """Cross-entropy between the smoothed right word and the logits, without padding.

        q'_k = (1 - epsilon) 1[k = y] + epsilon / K
        loss = - sum over k of q'_k ln p_k, averaged over the words of the batch

    Its smallest value is not 0 but the entropy of q'. A model that is trained with it
    is never quite sure: perplexity gets worse, accuracy and BLEU better.

    Args:
        epsilon: float in [0, 1), called epsilon_ls, 0.1 in the paper.
        padding: int, the token that does not count.

    Shapes:
        y: (B, T) int, the right words. logits: (B, T, K) float.
        The loss is one number; 0 if there is nothing but padding.

    Raises:
        ValueError: epsilon is not in [0, 1).

    Example:
        >>> loss = SmoothedCrossEntropy(epsilon=0.1)
        >>> print(f"{float(loss(ops.array([[3, 0]]), ops.zeros((1, 2, 4)))):.4f}")
        1.3863
    """

    def __init__(self, epsilon=0.1, padding=0, name="smoothed_cross_entropy", **kwargs):
        super().__init__(name=name, **kwargs)
        if not 0 <= epsilon < 1:
            raise ValueError(f"epsilon must be in [0, 1), got {epsilon!r}")
        self.epsilon = epsilon
        self.padding = padding

    def call(self, y, logits):
        y = ops.cast(y, "int32")  # Keras makes the labels of a loss float
        log_p = log_softmax(logits)
        right = ops.take_along_axis(log_p, y[..., None], axis=-1)[..., 0]
        log_likelihood = (1 - self.epsilon) * right
        log_likelihood += self.epsilon * ops.mean(log_p, axis=-1)
        counts = ops.cast(ops.not_equal(y, self.padding), log_p.dtype)
        return -ops.sum(counts * log_likelihood) / ops.maximum(ops.sum(counts), 1)

    def get_config(self):
        own = {"epsilon": self.epsilon, "padding": self.padding}
        return {**super().get_config(), **own}
