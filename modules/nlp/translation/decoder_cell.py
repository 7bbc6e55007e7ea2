"""A recurrent decoder with one vector: all that it knows of the source fits in c.

Paper: Cho et al., "Learning Phrase Representations using RNN Encoder-Decoder for
       Statistical Machine Translation", EMNLP 2014.
Link:  https://arxiv.org/abs/1406.1078 (section 2.2, equations 2 and 4; appendix A.1)
"""

from keras import layers, ops

from modules.foundations.sequences.gru import GRUCell
from modules.nlp.translation.scaled_dot_product import masked_softmax


class DecoderCell(layers.Layer):
    """One step: read the word before, and say what is known about the next one.

        h_t = GRU([y_{t-1}; c], h_{t-1})
        o_t = tanh(W [h_t; y_{t-1}; c])

    The word before AND the state: h_t carries what was written long ago, y_{t-1} which
    of the possible words was chosen last. Here c is fixed, the last state of the
    encoder. With a score, c changes at every step: a mean of annotations, weighted by
    how well each matches the state, as a subclass says.

    The paper's o_t is a maxout layer, here a tanh as in Luong et al. (2015). A cell is
    a part of `EncoderDecoder`, which makes it anew when a saved model is loaded.

    Args:
        units: int >= 1, of h and of o.
        score: layer (B, T, units) and (B, S, M) to (B, T, S), or None for a fixed c.

    Shapes:
        y: (B, E) float. States: a list [h], (B, units). The source that it looks at,
            `cell.source`, is set by whoever runs it: keys (B, S, K), annotations
            (B, S, M), mask (B, S) bool, and the encoder's last state (B, M).
        The result is o and the weights of the source's words side by side,
        (B, units + S). Without a score, all weights are 0.
    """

    def __init__(self, units, score=None, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.score = score
        self.state_size = [units]
        self.source = None

    def build(self, y_shape, source_width):
        plain = {"dtype": self.dtype_policy}
        self.gru = GRUCell(self.units, reset_after=False, **plain)
        self.readout = layers.Dense(self.units, "tanh", name="readout", **plain)
        width, known = self.widths(y_shape[-1], source_width)
        self.gru.build((None, width))
        self.readout.build((None, known))
        if self.score is not None:
            self.score.build((None, None, self.units), (None, None, source_width))
        self.built = True

    def widths(self, y, source):
        """Return what the GRU reads, and what the readout reads."""
        return y + source, self.units + y + source

    def keys(self, annotations):
        """Return what the score makes of annotations, once for each sentence."""
        return annotations if self.score is None else self.score.keys(annotations)

    def look(self, h):
        """Return the context c, (B, M), and the weights, (B, S)."""
        keys, annotations, mask, last = self.source
        if self.score is None:
            return last, ops.zeros_like(annotations[:, :, 0])
        scores = self.score.match(h[:, None], keys)  # (B, 1, S)
        weights = ops.cast(masked_softmax(scores, mask[:, None]), h.dtype)
        return ops.matmul(weights, annotations)[:, 0], weights[:, 0]

    def call(self, y, states):
        [h] = states
        c, weights = self.look(h)
        h, _ = self.gru(ops.concatenate([y, c], axis=-1), [h])
        o = self.readout(ops.concatenate([h, y, c], axis=-1))
        return ops.concatenate([o, weights], axis=-1), [h]


class Decoder(layers.RNN):
    """A cell run over all words, looking at one source; Keras's loop does the work.

    Args:
        cell: a `DecoderCell`.

    Shapes:
        y: (B, T, E); source as the cell has it; states a list.
        o: (B, T, units), weights (B, T, S), and a list of the new states.
    """

    def __init__(self, cell, **kwargs):
        super().__init__(cell, return_sequences=True, return_state=True, **kwargs)

    def call(self, y, source, states):
        self.cell.source = source
        both, *states = super().call(y, initial_state=list(states))
        self.cell.source = None
        units = self.cell.units
        return both[..., :units], both[..., units:], states
