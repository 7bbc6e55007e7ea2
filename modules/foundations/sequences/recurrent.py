"""Recurrent network: one step, repeated, hands its state to the next.

Paper: Elman, "Finding Structure in Time", Cognitive Science 14, 1990.
Link:  https://doi.org/10.1207/s15516709cog1402_1 (the network of figure 2)
"""

import keras
from keras import layers, ops


class Cell(layers.Layer):
    """One step of a recurrent network: what all cells of this chapter share.

    A cell has maps from x and from the state h to `blocks` vectors of its width, which
    lie side by side as in Keras, and carries `carried` vectors from step to step, h
    the first. A subclass writes `call(x, states)`, which returns y and new states.

    Args:
        units: int >= 1, the width of every state.

    Shapes:
        x: (B, D) float. D must be known when the cell is built.
        states: list of (B, units).
        y: (B, units). Weights: kernel (D, blocks units), recurrent_kernel
            (units, blocks units), bias (blocks units,).

    Raises:
        ValueError: units is not an int >= 1.
    """

    blocks = 1
    carried = 1

    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        if not (isinstance(units, int) and units >= 1):
            raise ValueError(f"units must be an int >= 1, got {units!r}")
        self.units = units
        self.state_size = [units] * self.carried
        self.output_size = units

    def build(self, input_shape):
        width = self.blocks * self.units
        self.kernel = self.add_weight(
            (input_shape[-1], width), "glorot_uniform", name="kernel"
        )
        self.recurrent_kernel = self.add_weight(
            (self.units, width), "orthogonal", name="recurrent_kernel"
        )
        self.bias = self.add_weight((width,), self.first_bias, name="bias")

    def first_bias(self, shape, dtype=None):
        return ops.zeros(shape, dtype)

    def get_config(self):
        return {**super().get_config(), "units": self.units}


class Recurrent(layers.RNN):
    """A cell run over all steps by Keras's loop: what all layers here share.

    It behaves as `keras.layers.RNN`: at a step that the mask excludes the states stay
    as they are and the last y is repeated, so padding behind a sequence changes
    nothing. Keras 3.15 loses the mask of an Embedding when an initial state is given;
    here it is kept. On a GPU Keras's own LSTM and GRU use cuDNN and are faster. A
    subclass passes its cell's class and arguments.

    Args:
        cell: class of the cell.
        options: dict, the arguments of the cell, which are also those of the layer.
        **kwargs: return_sequences (y of every step instead of the last),
            return_state, go_backwards, stateful, and others of `keras.layers.RNN`.

    Shapes:
        x: (B, T, D) float; B and T may be unknown.
        mask: (B, T) bool, in `layer(x, mask=mask)` or from an Embedding.
        initial_state: list of (B, units), zeros if not given.
        y: (B, units), or (B, T, units) with return_sequences; with return_state
            followed by the final states.
    """

    def __init__(self, cell, options, **kwargs):
        self.options = options
        super().__init__(cell(**options, dtype=kwargs.get("dtype")), **kwargs)

    def call(
        self,
        sequences,
        initial_state=None,
        mask=None,
        sequences_mask=None,  # so Keras calls the mask that sequences bring with them
        training=False,
    ):
        mask = sequences_mask if mask is None else mask
        return super().call(sequences, initial_state, mask, training)

    def get_config(self):
        config = {**super().get_config(), **self.options}
        del config["cell"]
        return config

    @classmethod
    def from_config(cls, config):
        return cls(**config)


@keras.saving.register_keras_serializable("foundations/sequences")
class SimpleRNNCell(Cell):
    """One step of a plain recurrent network.

        h_t = tanh(W h_{t-1} + U x_t + b)

    U is `kernel` and W `recurrent_kernel`. Elman's units were logistic and W had no
    gradient through time; tanh and backpropagation through time (Werbos 1990) are
    today's form, and Keras's.

    Example:
        >>> cell = SimpleRNNCell(4)
        >>> y, [h] = cell(ops.ones((2, 3)), [ops.zeros((2, 4))])
        >>> tuple(y.shape), y is h
        ((2, 4), True)
    """

    def call(self, x, states):
        [h] = states
        h = x @ self.kernel + h @ self.recurrent_kernel + self.bias
        h = ops.tanh(h)  # (B, units)
        return h, [h]


@keras.saving.register_keras_serializable("foundations/sequences")
class SimpleRNN(Recurrent):
    """A plain recurrent network over a sequence, with one state, h.

    Args:
        units: int >= 1.
        **kwargs: as in `Recurrent`.

    Shapes:
        x: (B, T, D) float; y and states as in `Recurrent`.
        D units + units^2 + units weights.

    Example:
        >>> y, h = SimpleRNN(4, return_state=True)(ops.ones((2, 5, 3)))
        >>> tuple(h.shape)
        (2, 4)
    """

    def __init__(self, units, **kwargs):
        super().__init__(SimpleRNNCell, {"units": units}, **kwargs)
