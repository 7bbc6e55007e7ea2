"""Additive attention: before each word, look again at the whole source.

Paper: Bahdanau, Cho and Bengio, "Neural Machine Translation by Jointly Learning to
       Align and Translate", ICLR 2015.
Link:  https://arxiv.org/abs/1409.0473 (section 3.1; appendices A.1.2 and A.2.2)
"""

import keras
from keras import layers, ops


@keras.saving.register_keras_serializable("nlp/translation")
class AdditiveScore(layers.Layer):
    """How well a state of the decoder matches each annotation of the source.

        e_ij = v^T tanh(W s_{i-1} + U h_j)

    The weights are alpha_i = softmax over j of e_ij, the context c_i is the sum of
    alpha_ij h_j, and it goes into the step that makes s_i: so the state must be the
    PREVIOUS one (`DecoderCell` with a score). U h_j does not depend on i and is
    computed once.

    Luong et al.'s "concat", v^T tanh(W [h_t; h_s]), is the same function, since a
    matrix that is applied to two vectors side by side is two matrices; they give it
    the CURRENT state. `keras.layers.AdditiveAttention` has v only: W and U are yours.

    Args:
        units: int >= 1, the length of v; 1,000 in the paper.

    Shapes:
        query: (B, T, D), annotations: (B, S, M); D and M may differ.
        e: (B, T, S). D units + M units + units weights, and no bias.

    Raises:
        ValueError: units is not an int >= 1.

    Example:
        >>> e = AdditiveScore(4)(ops.ones((2, 1, 3)), ops.ones((2, 5, 6)))
        >>> tuple(e.shape)
        (2, 1, 5)
    """

    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        if not (isinstance(units, int) and units >= 1):
            raise ValueError(f"units must be an int >= 1, got {units!r}")
        self.units = units

    def build(self, query_shape, annotations_shape):
        plain = {"use_bias": False, "dtype": self.dtype_policy}
        self.w = layers.Dense(self.units, name="w", **plain)
        self.u = layers.Dense(self.units, name="u", **plain)
        self.w.build(query_shape)
        self.u.build(annotations_shape)
        self.v = self.add_weight((self.units,), "glorot_uniform", name="v")

    def keys(self, annotations):
        """Return U h_j, (B, S, units)."""
        return self.u(annotations)

    def match(self, query, keys):
        """Return v^T tanh(W s + key), (B, T, S)."""
        both = self.w(query)[:, :, None] + keys[:, None]  # (B, T, S, units)
        return ops.sum(self.v * ops.tanh(both), axis=-1)

    def call(self, query, annotations):
        return self.match(query, self.keys(annotations))

    def get_config(self):
        return {**super().get_config(), "units": self.units}
