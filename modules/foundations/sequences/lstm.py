"""Long short-term memory: a cell state that is added to, behind three gates.

Paper: Hochreiter and Schmidhuber, "Long Short-Term Memory", Neural Computation 9, 1997.
       The forget gate is of Gers, Schmidhuber and Cummins, "Learning to Forget", 2000.
Link:  https://doi.org/10.1162/neco.1997.9.8.1735 (section 4),
       https://doi.org/10.1162/089976600300015015 (section 3)
"""

import keras
from keras import ops

from modules.foundations.sequences.recurrent import Cell, Recurrent


@keras.saving.register_keras_serializable("foundations/sequences")
class LSTMCell(Cell):
    """One step of an LSTM.

        i, f, o = sigmoid(W x_t + U h_{t-1} + b)    input, forget and output gate
        g = tanh(W x_t + U h_{t-1} + b)             candidate, with weights of its own
        c_t = f * c_{t-1} + i * g
        h_t = o * tanh(c_t)

    There are two states, h and c. Along c the gradient is multiplied by f and by
    nothing else, unless it takes a way through h. The four blocks of the weights lie
    in the order i, f, g, o, as in Keras and PyTorch. The paper of 1997 has no forget
    gate: f = 1.

    Args:
        units: int >= 1.
        forget_bias: float, what the bias of f starts with: 1, as Gers et al. and
            Keras's unit_forget_bias have it, so that a new network remembers.

    Shapes:
        x: (B, D) float; states [h, c], each (B, units); y: (B, units), the new h.

    Example:
        >>> cell = LSTMCell(4)
        >>> y, [h, c] = cell(ops.ones((2, 3)), [ops.zeros((2, 4))] * 2)
        >>> tuple(y.shape), tuple(c.shape)
        ((2, 4), (2, 4))
    """

    blocks = 4
    carried = 2

    def __init__(self, units, forget_bias=1.0, **kwargs):
        super().__init__(units, **kwargs)
        self.forget_bias = forget_bias

    def first_bias(self, shape, dtype=None):
        forget = ops.arange(shape[0]) // self.units == 1  # the second block
        return self.forget_bias * ops.cast(forget, dtype)

    def call(self, x, states):
        h, c = states
        a = x @ self.kernel + h @ self.recurrent_kernel + self.bias  # (B, 4 units)
        i, f, g, o = ops.split(a, 4, axis=-1)
        c = ops.sigmoid(f) * c + ops.sigmoid(i) * ops.tanh(g)
        h = ops.sigmoid(o) * ops.tanh(c)
        return h, [h, c]

    def get_config(self):
        return {**super().get_config(), "forget_bias": self.forget_bias}


@keras.saving.register_keras_serializable("foundations/sequences")
class LSTM(Recurrent):
    """An LSTM over a sequence, with two states, h and c in this order.

    Args:
        units: int >= 1.
        forget_bias: float, what the bias of the forget gate starts with.
        **kwargs: as in `Recurrent`: return_sequences, return_state, go_backwards, ….

    Shapes:
        x: (B, T, D) float; y: (B, units) or (B, T, units), as in `Recurrent`.
        4 (D units + units^2 + units) weights.

    Example:
        >>> y, h, c = LSTM(4, return_sequences=True, return_state=True)(
        ...     ops.ones((2, 5, 3))
        ... )
        >>> tuple(y.shape), tuple(c.shape)
        ((2, 5, 4), (2, 4))
    """

    def __init__(self, units, forget_bias=1.0, **kwargs):
        options = {"units": units, "forget_bias": forget_bias}
        super().__init__(LSTMCell, options, **kwargs)
