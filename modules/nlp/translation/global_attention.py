"""Global attention: first take the step, then look, with a score that may be a product.

Paper: Luong, Pham and Manning, "Effective Approaches to Attention-based Neural Machine
       Translation", EMNLP 2015.
Link:  https://arxiv.org/abs/1508.04025 (sections 3.1 and 3.3, equations 5 to 8)
"""

import keras
from keras import layers, ops

from modules.nlp.translation.decoder_cell import DecoderCell


@keras.saving.register_keras_serializable("nlp/translation")
class DotScore(layers.Layer):
    """How well states match: score(h_t, h_s) = h_t . h_s.

    It has no weights, and both vectors must have the same width. Divided by the root
    of that width it is the Transformer's.

    Shapes:
        query: (B, T, D), annotations: (B, S, D), score: (B, T, S).

    Raises:
        ValueError: the widths differ.

    Example:
        >>> tuple(DotScore()(ops.ones((2, 1, 3)), ops.ones((2, 5, 3))).shape)
        (2, 1, 5)
    """

    def build(self, query_shape, annotations_shape):
        widths = query_shape[-1], annotations_shape[-1]
        if widths[0] != widths[1]:
            raise ValueError(f"a dot product needs equal widths, got {widths}")

    def keys(self, annotations):
        """Return (B, S, D) that are multiplied by the query."""
        return annotations

    def match(self, query, keys):
        return ops.matmul(query, ops.swapaxes(keys, 1, 2))

    def call(self, query, annotations):
        return self.match(query, self.keys(annotations))


@keras.saving.register_keras_serializable("nlp/translation")
class GeneralScore(DotScore):
    """A dot product in which a matrix has its say: score(h_t, h_s) = h_t . W h_s.

    With W = I it is `DotScore`. The widths may differ.

    Shapes:
        query: (B, T, D), annotations: (B, S, M), score: (B, T, S). D M weights.

    Example:
        >>> tuple(GeneralScore()(ops.ones((2, 1, 3)), ops.ones((2, 5, 4))).shape)
        (2, 1, 5)
    """

    def build(self, query_shape, annotations_shape):
        width, policy = query_shape[-1], self.dtype_policy
        self.w = layers.Dense(width, use_bias=False, name="w", dtype=policy)
        self.w.build(annotations_shape)

    def keys(self, annotations):
        """Return W h_s, once for each sentence."""
        return self.w(annotations)


class GlobalCell(DecoderCell):
    """One step with attention behind it.

        h_t = GRU(y_{t-1}, h_{t-1})              or GRU([y_{t-1}; h~_{t-1}], h_{t-1})
        a_t = softmax over s of score(h_t, h_s)  with the CURRENT state
        c_t = sum over s of a_t(s) h_s
        h~_t = tanh(W_c [c_t; h_t])                  from which the word is predicted

    The second form is input feeding: otherwise a step does not know where the one
    before has looked. Bahdanau et al. look first, with h_{t-1}, and the context goes
    into the GRU. Both attend to all of the source. The paper's units are LSTMs and W_c
    has no bias.

    Args:
        units: int >= 1, of h and of h~.
        score: layer with `keys` and `match`.
        input_feeding: bool.

    Shapes:
        As in `DecoderCell`; with input feeding the states are [h, h~].
    """

    def __init__(self, units, score, input_feeding=False, **kwargs):
        super().__init__(units, score, **kwargs)
        self.input_feeding = input_feeding
        self.state_size = [units] * (1 + input_feeding)

    def widths(self, y, source):
        return y + self.units * self.input_feeding, source + self.units

    def call(self, y, states):
        h, *fed = states
        h, _ = self.gru(ops.concatenate([y, *fed], axis=-1), [h])
        c, weights = self.look(h)
        o = self.readout(ops.concatenate([c, h], axis=-1))
        fed = [o] if self.input_feeding else []
        return ops.concatenate([o, weights], axis=-1), [h, *fed]
