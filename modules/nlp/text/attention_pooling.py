"""Attention pooling: a mean of states, weighted by how much each matters.

Paper: Yang et al., "Hierarchical Attention Networks for Document Classification",
       NAACL 2016.
Link:  https://aclanthology.org/N16-1174 (section 2.2, equations 5 to 7)
"""

import keras
from keras import layers, ops

from modules.nlp.translation.scaled_dot_product import masked_softmax


@keras.saving.register_keras_serializable("nlp/text")
class AttentionPooling(layers.Layer):
    """One vector for a row of states.

        u_t = tanh(W h_t + b)
        alpha_t = exp(u_t . u_w) / sum over t of exp(u_t . u_w)
        s = sum over t of alpha_t h_t

    u_w is learned and the same for all rows: "what is a word that matters?" The
    weights multiply h, not u. With u_w = 0 it is the mean over words. Padding gets no
    weight; a row of nothing but padding gives s = 0.

    Args:
        units: int >= 1, width of u; 100 in the paper.

    Shapes:
        h: (B, T, D) float; mask: (B, T) bool.
        s: (B, D). With return_attention_scores also alpha, (B, T).
        D units + 2 units weights.

    Raises:
        ValueError: units is not an int >= 1.

    Example:
        >>> s, alpha = AttentionPooling(4)(
        ...     ops.ones((2, 5, 3)), return_attention_scores=True
        ... )
        >>> tuple(s.shape), tuple(alpha.shape)
        ((2, 3), (2, 5))
    """

    def __init__(self, units=100, **kwargs):
        super().__init__(**kwargs)
        if not (isinstance(units, int) and units >= 1):
            raise ValueError(f"units must be an int >= 1, got {units!r}")
        self.units = units
        self.supports_masking = True

    def build(self, input_shape):
        self.dense = layers.Dense(self.units, "tanh", dtype=self.dtype_policy)
        self.dense.build(input_shape)
        self.context = self.add_weight((self.units,), "random_normal", name="context")

    def call(self, h, mask=None, return_attention_scores=False):
        scores = ops.sum(self.dense(h) * self.context, axis=-1)  # (B, T)
        alpha = ops.cast(masked_softmax(scores, mask), h.dtype)
        s = ops.sum(alpha[:, :, None] * h, axis=1)  # (B, D)
        return (s, alpha) if return_attention_scores else s

    def compute_mask(self, h, mask=None):
        return None  # there are no steps any more

    def get_config(self):
        return {**super().get_config(), "units": self.units}
