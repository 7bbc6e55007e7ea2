"""Truncated backpropagation through time: the state goes on, the gradient does not.

Paper: Williams and Peng, "An Efficient Gradient-Based Algorithm for On-Line Training of
       Recurrent Network Trajectories", Neural Computation 2, 1990.
Link:  https://doi.org/10.1162/neco.1990.2.4.490 (the algorithm BPTT(h; h'))
"""

import keras
from keras import layers, ops


@keras.saving.register_keras_serializable("foundations/sequences")
class TruncatedCell(layers.Layer):
    """A cell that runs as before, but whose gradient is cut every k steps.

        states <- stop_gradient(states)    before the steps k, 2k, 3k, … (from 0)

    The values do not change: the state is carried over the cut and never reset. Of a
    loss at step t only the inputs since the last cut get a gradient, so its sum over
    all steps has the gradient of training on windows of k steps, one after the other,
    each starting from the state in which the last one ended.

    In the paper's words this is BPTT(h; h') with h = h' = k: the steps between two
    backward passes and the steps that each goes back. With h > h' every loss reaches
    back h' to h steps. Here all steps are still held in memory; what saves memory is
    to train on windows (`keras.layers.RNN(…, stateful=True)`).

    The cell counts steps in one more state, the last one. Steps that a mask excludes
    do not count.

    Args:
        cell: a cell, of this chapter or of Keras.
        steps: int >= 1, called k above.

    Shapes:
        x, y: as the cell's.
        states: those of the cell, then the count, (B, 1).

    Raises:
        ValueError: steps is not an int >= 1.

    Example:
        >>> cell = TruncatedCell(layers.GRUCell(4), steps=10)
        >>> tuple(layers.RNN(cell, return_sequences=True)(ops.ones((2, 30, 3))).shape)
        (2, 30, 4)
    """

    def __init__(self, cell, steps, **kwargs):
        super().__init__(**kwargs)
        if not (isinstance(steps, int) and steps >= 1):
            raise ValueError(f"steps must be an int >= 1, got {steps!r}")
        self.cell = cell
        self.steps = steps
        sizes = cell.state_size
        several = isinstance(sizes, (list, tuple))
        self.state_size = [*(sizes if several else [sizes]), 1]
        self.output_size = cell.output_size

    def build(self, input_shape):
        if not self.cell.built:  # one that was saved builds itself when loaded
            self.cell.build(input_shape)

    def call(self, x, states):
        *states, count = states
        cut = count >= self.steps  # (B, 1)
        states = [ops.where(cut, ops.stop_gradient(s), s) for s in states]
        count = ops.where(cut, ops.zeros_like(count), count) + 1
        y, states = self.cell(x, states)
        return y, [*states, count]

    def get_config(self):
        cell = keras.saving.serialize_keras_object(self.cell)
        return {**super().get_config(), "cell": cell, "steps": self.steps}

    @classmethod
    def from_config(cls, config):
        cell = keras.saving.deserialize_keras_object(config["cell"])
        return cls(**{**config, "cell": cell})
