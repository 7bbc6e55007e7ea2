"""Gated recurrent unit: one state, one gate that keeps it and one that hides it.

Paper: Cho et al., "Learning Phrase Representations using RNN Encoder-Decoder for
       Statistical Machine Translation", EMNLP 2014.
Link:  https://arxiv.org/abs/1406.1078 (section 2.3, equations 5 to 8)
"""

import keras
from keras import ops

from modules.foundations.sequences.recurrent import Cell, Recurrent


@keras.saving.register_keras_serializable("foundations/sequences")
class GRUCell(Cell):
    """One step of a GRU.

        z, r = sigmoid(W x_t + U h_{t-1} + b)       update and reset gate
        h~ = tanh(W x_t + U (r * h_{t-1}) + b)      candidate, weights of its own
        h_t = z * h_{t-1} + (1 - z) * h~

    Here z says how much of the old state stays, as in this paper, Keras and PyTorch.
    Bahdanau et al. and Chung et al. (both 2014), and hierarchical attention networks,
    write h = (1 - z) * h_{t-1} + z * h~: their z is our 1 - z.

    With reset_after the reset gate acts behind U and not in front of it, and U has a
    bias of its own there:

        h~ = tanh(W x_t + b + r * (U h_{t-1} + b'))

    This is the default of Keras and the only form of cuDNN and PyTorch; the paper's
    is reset_after=False. The blocks of the weights lie in the order z, r, h~.

    Args:
        units: int >= 1.
        reset_after: bool.

    Shapes:
        x: (B, D) float; states [h] with h (B, units); y: (B, units), the new h.
        With reset_after there is a fourth weight, recurrent_bias (3 units,): b'. Keras
        keeps b and b' in one array of (2, 3 units).

    Example:
        >>> cell = GRUCell(4)
        >>> y, [h] = cell(ops.ones((2, 3)), [ops.zeros((2, 4))])
        >>> tuple(y.shape)
        (2, 4)
    """

    blocks = 3

    def __init__(self, units, reset_after=True, **kwargs):
        super().__init__(units, **kwargs)
        self.reset_after = reset_after

    def build(self, input_shape):
        super().build(input_shape)
        if self.reset_after:
            shape = (3 * self.units,)
            self.recurrent_bias = self.add_weight(shape, "zeros", name="recurrent_bias")

    def call(self, x, states):
        [h] = states
        u, split = self.recurrent_kernel, [2 * self.units]
        gates, new = ops.split(x @ self.kernel + self.bias, split, axis=-1)
        if self.reset_after:
            behind = ops.split(h @ u + self.recurrent_bias, split, axis=-1)
            z, r = ops.split(ops.sigmoid(gates + behind[0]), 2, axis=-1)
            new = new + r * behind[1]
        else:
            in_gates, in_new = ops.split(u, split, axis=-1)
            z, r = ops.split(ops.sigmoid(gates + h @ in_gates), 2, axis=-1)
            new = new + (r * h) @ in_new
        h = z * h + (1 - z) * ops.tanh(new)  # (B, units)
        return h, [h]

    def get_config(self):
        return {**super().get_config(), "reset_after": self.reset_after}


@keras.saving.register_keras_serializable("foundations/sequences")
class GRU(Recurrent):
    """A GRU over a sequence, with one state, h.

    Args:
        units: int >= 1.
        reset_after: bool, whether the reset gate acts behind the recurrent map.
        **kwargs: as in `Recurrent`: return_sequences, return_state, go_backwards, ….

    Shapes:
        x: (B, T, D) float; y: (B, units) or (B, T, units), as in `Recurrent`.
        3 (D units + units^2 + units) weights, and 3 units more with reset_after.

    Example:
        >>> y, h = GRU(4, return_state=True)(ops.ones((2, 5, 3)))
        >>> tuple(h.shape)
        (2, 4)
    """

    def __init__(self, units, reset_after=True, **kwargs):
        options = {"units": units, "reset_after": reset_after}
        super().__init__(GRUCell, options, **kwargs)
