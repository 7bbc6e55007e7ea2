"""Conditional random field: a softmax over whole rows of tags instead of single ones.

Paper: Lample et al., "Neural Architectures for Named Entity Recognition", NAACL 2016.
Link:  https://arxiv.org/abs/1603.01360 (section 2.2)
"""

import keras
from keras import layers, ops

from modules.nlp.text.linear_chain import (
    Chain,
    best_path,
    log_partition,
    path_score,
)


@keras.saving.register_keras_serializable("nlp/text")
class CRF(layers.Layer):
    """The logarithm of the probability of tags, given the emissions of a network.

        log p(y | x) = s(x, y) - log sum over all y' of exp(s(x, y'))

    s is `path_score`, the sum `log_partition`. What is minimised is -log p, which is
    never negative. With transitions, start and end of 0 the tags are independent, and
    log p is a sum of log softmaxes. All sums are taken in float32 at least.

    The paper keeps START and END as two more tags, and so has (K + 2)^2 scores, of
    which only these K^2 + 2 K are ever used.

    Args:
        num_tags: int >= 1, called K.

    Shapes:
        emissions: (B, T, K) float, T >= 1.
        tags: (B, T) int from 0 to K - 1; anything at padding.
        mask: (B, T) bool, padding at the end; None if there is none.
        y: (B,) float <= 0; 0 where all is padding. K^2 + 2 K weights.

    Raises:
        ValueError: num_tags is not an int >= 1, the emissions have another width, or a
            tag is out of range.

    Example:
        >>> layer = CRF(3)
        >>> tuple(layer(ops.zeros((2, 5, 3)), ops.zeros((2, 5), "int32")).shape)
        (2,)
    """

    def __init__(self, num_tags, **kwargs):
        super().__init__(**kwargs)
        if not (isinstance(num_tags, int) and num_tags >= 1):
            raise ValueError(f"num_tags must be an int >= 1, got {num_tags!r}")
        self.num_tags = num_tags
        self.supports_masking = True

    def build(self, emissions_shape, tags_shape=None):
        k = self.num_tags
        if emissions_shape[-1] != k:
            raise ValueError(f"emissions must be (B, T, {k}), got {emissions_shape}")
        self.transitions = self.add_weight((k, k), "glorot_uniform", name="transitions")
        self.start = self.add_weight((k,), "zeros", name="start")
        self.end = self.add_weight((k,), "zeros", name="end")

    @property
    def chain(self):
        return Chain(self.transitions, self.start, self.end)

    def call(self, emissions, tags, mask=None):
        emissions = ops.convert_to_tensor(emissions)
        p = ops.cast(emissions, keras.backend.result_type(emissions.dtype, "float32"))
        score = path_score(p, tags, self.chain, mask)
        return ops.cast(score - log_partition(p, self.chain, mask), emissions.dtype)

    def compute_mask(self, emissions, tags=None, mask=None):
        return None  # a number for each sentence

    def compute_output_shape(self, emissions_shape, tags_shape=None):
        return emissions_shape[:1]

    def decode(self, emissions, mask=None):
        """Return the best tags (B, T) int32, 0 at padding."""
        return best_path(ops.cast(emissions, "float32"), self.chain, mask)[0]

    def get_config(self):
        return {**super().get_config(), "num_tags": self.num_tags}
