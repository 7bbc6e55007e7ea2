"""Exercise: LSTM, GRU, and a loop that cuts gradients.

A recurrent network is one step and a loop. Here you write both: the steps of an
LSTM and of a GRU, and a loop that skips padding and carries the state over the
places where it cuts the gradient.

Paper: Gers, Schmidhuber and Cummins, "Learning to Forget", 2000; Bahdanau, Cho and
       Bengio, "Neural Machine Translation by Jointly Learning to Align and
       Translate", ICLR 2015; Williams and Peng, 1990.
Link:  https://arxiv.org/abs/1409.0473 (appendix A.1.1, for the GRU)
See:   modules/foundations/sequences/recurrent.py
Needs: foundations/sequences (LSTM, GRU, truncated backpropagation through time)
Time:  60 minutes
Grade: python -m course grade foundations/sequences/recurrent_cells

The layouts here are not those of Keras: weights act on x and h side by side, their
blocks lie in another order, and the GRU is that of Bahdanau et al. Read the
statements, not your memory. Throughout, n is the width of a state.

When your functions are right, see how far gradients reach:
python -m course demo foundations/sequences/truncated_gradients
"""

import keras
from keras import layers, ops

from modules.foundations.sequences.layer_norm import LayerNorm


def lstm_step(x, h, c, w, b):
    """Return the states of an LSTM after one more step.

        f, i, o = sigmoid(...)    forget, input and output gate
        g = tanh(...)             candidate
        new c = f * c + i * g
        new h = o * tanh(new c)

    The dots are four blocks of n columns of [x, h] w + b, in the order f, i, o, g.
    [x, h] means the two side by side, x first.

    Args:
        x: (B, D) float.
        h, c: (B, n) float, the states before the step.
        w: (D + n, 4 n) float.
        b: (4 n,) float.

    Returns:
        Two tensors (h, c), each (B, n), after the step.
    """
    # TODO: one matrix product, four blocks, two states
    raise NotImplementedError


def first_bias(n):
    """Return the bias with which an LSTM of this layout should start.

    The forget gate's block is 1, so that a new network remembers (Gers et al.; Keras:
    unit_forget_bias). All others are 0.

    Args:
        n: int >= 1, the width of a state.

    Returns:
        (4 n,) float.
    """
    # TODO: ones in the block of the forget gate
    raise NotImplementedError


def gru_step(x, h, w, u, b):
    """Return the state of a GRU after one more step, as Bahdanau et al. define it.

        r, z = sigmoid(x w + h u + b)        reset and update gate
        g = tanh(x w + (r * h) u + b)        candidate
        new h = (1 - z) * h + z * g

    w, u and b hold three blocks of n columns, in the order r, z, g; each line above
    uses its own. Mind that r acts in front of u, and that z is the share of what is
    new: in Cho et al. and in Keras it is the share of what stays.

    Args:
        x: (B, D) float.
        h: (B, n) float, the state before the step.
        w: (D, 3 n) float.
        u: (n, 3 n) float.
        b: (3 n,) float.

    Returns:
        (B, n) float, the state after the step.
    """
    # TODO: the gates first, then the candidate, which needs r
    raise NotImplementedError


def unroll(step, x, states, mask, k):
    """Run a step over a sequence, with padding and truncated backpropagation.

    At a step that the mask excludes for an example, all its states stay as they were
    before the step; y repeats the last h. Before the steps k, 2 k, 3 k, ... (the first
    step is step 0) no gradient may flow back through any state: its value goes on, its
    gradient does not (ops.stop_gradient). Steps are counted whether padded or not. The
    gradient with respect to the given states is not cut.

    T is known; a Python loop will do.

    Args:
        step: function of (x_t, states) with x_t (B, D), which returns new states.
        x: (B, T, D) float.
        states: list of (B, n) floats, h the first.
        mask: (B, T) bool, True where a step counts.
        k: int >= 1.

    Returns:
        y: (B, T, n) float, h after every step.
        states: list of (B, n), after the last step.
    """
    # TODO: cut, step, mask, collect
    raise NotImplementedError


def adding_step(u, w, b):
    """Return a step with two states, h and the sum c of all h so far; given.

    new h = tanh(x u + c w + b), and new c = c + new h.
    """

    def step(x, states):
        h = ops.tanh(x @ u + states[1] @ w + b)
        return [h, states[1] + h]

    return step


@keras.saving.register_keras_serializable("foundations/sequences/recurrent_cells")
class HandLSTM(layers.Layer):
    """Your functions as a layer that returns the last h; given."""

    def __init__(self, units, cut_every, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.cut_every = cut_every
        self.supports_masking = True

    def build(self, input_shape):
        columns = 4 * self.units
        self.w = self.add_weight((input_shape[-1] + self.units, columns), name="w")
        self.b = self.add_weight((columns,), "zeros", name="b")
        self.b.assign(first_bias(self.units))

    def call(self, x, mask=None):
        def step(x, states):
            return list(lstm_step(x, *states, self.w, self.b))

        zeros = ops.zeros((ops.shape(x)[0], self.units))
        if mask is None:
            mask = ops.ones(ops.shape(x)[:2], "bool")
        y, _ = unroll(step, x, [zeros, zeros], mask, self.cut_every)
        return y[:, -1]

    def compute_mask(self, x, mask=None):
        return None


def network(cut_every, steps=5):
    """Return a network that should say what the first token was; given."""
    tokens = keras.Input((steps,), dtype="int32")
    embed = layers.Embedding(6, 8, "orthogonal", mask_zero=True)
    h = LayerNorm()(HandLSTM(24, cut_every)(embed(tokens)))
    model = keras.Model(tokens, layers.Dense(6)(h))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(0.03), loss, jit_compile=False)
    return model


if __name__ == "__main__":
    tokens = keras.random.randint((64, 5), 1, 6, seed=0)
    for cut_every in (5, 3):
        keras.utils.set_random_seed(0)
        model = network(cut_every)
        loss = model.fit(tokens, tokens[:, 0], 64, epochs=40, verbose=0).history["loss"]
        print(f"a cut every {cut_every} steps: loss {loss[0]:.2f} -> {loss[-1]:.2f}")
