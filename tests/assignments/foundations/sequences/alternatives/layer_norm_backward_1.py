"""Exercise: layer normalization, backwards and inside a recurrent network.

Each vector is standardised by its own mean and variance, so every unit of a vector
influences every other. Here you derive the gradient, do the same for RMS
normalization, which leaves the mean alone, and put normalization where the paper
wants it in a recurrent network: on the sums, not on the state.

Paper: Ba, Kiros and Hinton, "Layer Normalization", 2016; Zhang and Sennrich, "Root
       Mean Square Layer Normalization", NeurIPS 2019.
Link:  https://arxiv.org/abs/1607.06450 (section 3), https://arxiv.org/abs/1910.07467
       (section 4)
See:   modules/foundations/sequences/layer_norm.py (the forward pass as a layer)
Needs: foundations/sequences (layer normalization), the chain rule
Time:  50 minutes
Grade: python -m course grade foundations/sequences/layer_norm_backward

Throughout, x is (B, D) or (B, T, D). A vector is what lies along the last axis: D
units. Every example and every step has a vector of its own. Your functions must
handle both ranks.

    layer normalization   y = gain * x_hat + bias,  x_hat = (x - mean) / std
    RMS normalization     y = gain * x_hat,         x_hat = x / rms

    std = sqrt(mean((x - mean)^2) + epsilon)    rms = sqrt(mean(x^2) + epsilon)

The means run over the D units of one vector.
"""

import keras
from keras import layers, ops

from modules.foundations.sequences.recurrent import Cell

EPSILON = 1e-3


def standardise(x, epsilon):
    """Return what both the forward and the backward pass need: x_hat and std.

    Args:
        x: (B, D) or (B, T, D) float.
        epsilon: float > 0.

    Returns:
        x_hat: of the shape of x.
        std: (B, 1) or (B, T, 1), one number for each vector.
    """
    centred = x - ops.expand_dims(ops.sum(x, -1) / x.shape[-1], -1)
    std = ops.sqrt(
        ops.einsum("...d,...d->...", centred, centred) / x.shape[-1] + epsilon
    )
    return centred / std[..., None], std[..., None]


def parameter_gradients(dy, x_hat):
    """Return the gradients of the loss with respect to gain and bias.

    Args:
        dy: the gradient of the loss with respect to y, (B, D) or (B, T, D).
        x_hat: of the shape of dy.

    Returns:
        Two tensors (dgain, dbias), each (D,).
    """
    units = dy.shape[-1]
    g, hat = ops.reshape(dy, (-1, units)), ops.reshape(x_hat, (-1, units))
    return [ops.einsum("md,md->d", g, hat), ops.einsum("md->d", g)]


def input_gradient(dy, x_hat, std, gain):
    """Return the gradient of the loss with respect to x, for layer normalization.

    The mean and the standard deviation change when x changes; your gradient must take
    account of that.

    Args:
        dy: the gradient of the loss with respect to y, (B, D) or (B, T, D).
        x_hat, std: as `standardise` returns them.
        gain: (D,) float.

    Returns:
        dx, of the shape of dy.
    """
    # the Jacobian of x_hat, a symmetric matrix for each vector
    units = dy.shape[-1]
    outer = ops.einsum("...i,...j->...ij", x_hat, x_hat)
    jacobian = ops.eye(units) - (1 + outer) / units
    return ops.einsum("...ij,...j,j->...i", jacobian, dy, gain) / std


def rms_gradient(dy, x, gain, epsilon):
    """Return the gradient of the loss with respect to x, for RMS normalization.

    Args:
        dy: the gradient of the loss with respect to y, (B, D) or (B, T, D).
        x: of the shape of dy.
        gain: (D,) float.
        epsilon: float > 0.

    Returns:
        dx, of the shape of dy.
    """
    squares = ops.mean(x * x, axis=-1, keepdims=True) + epsilon
    g = gain * dy
    along = ops.mean(g * x, axis=-1, keepdims=True)
    return g * ops.rsqrt(squares) - x * along * squares**-1.5


def normalized_step(x, h, w, u, gain, bias, epsilon):
    """Return the state of a layer-normalized recurrent network after one more step.

    a = x w + h u, the sums that enter the tanh, are normalized together:

        new h = tanh(gain * (a - mean) / std + bias)

    The paper's section 3.1 (its equation 4), with f = tanh.

    Args:
        x: (B, D) float.
        h: (B, n) float, the state before the step.
        w: (D, n) float; u: (n, n) float.
        gain, bias: (n,) float each.
        epsilon: float > 0.

    Returns:
        (B, n) float, the state after the step.
    """
    sums = ops.concatenate([x, h], axis=1) @ ops.concatenate([w, u], axis=0)
    centred = sums - ops.mean(sums, axis=1, keepdims=True)
    scale = ops.rsqrt(ops.mean(centred**2, axis=1, keepdims=True) + epsilon)
    return ops.tanh(centred * (scale * gain) + bias)


@ops.custom_gradient
def layer_norm(x, gain, bias):
    """Normalize vectors: forward and backward through your functions; given."""
    x_hat, std = standardise(x, EPSILON)

    def gradients(dy):
        return input_gradient(dy, x_hat, std, gain), *parameter_gradients(dy, x_hat)

    return gain * x_hat + bias, gradients


@keras.saving.register_keras_serializable("foundations/sequences/layer_norm_backward")
class NormalizedCell(Cell):
    """Your step as a cell of the chapter's recurrent networks; given."""

    def build(self, input_shape):
        super().build(input_shape)
        self.gain = self.add_weight((self.units,), "ones", name="gain")

    def call(self, x, states):
        maps = self.kernel, self.recurrent_kernel
        h = normalized_step(x, states[0], *maps, self.gain, self.bias, EPSILON)
        return h, [h]


@keras.saving.register_keras_serializable("foundations/sequences/layer_norm_backward")
class HandNormalization(layers.Layer):
    """Your normalization with your gradients as a layer; given."""

    def build(self, input_shape):
        self.gain = self.add_weight(input_shape[-1:], "ones", name="gain")
        self.bias = self.add_weight(input_shape[-1:], "zeros", name="bias")

    def call(self, x):
        # copies: a custom gradient cannot take variables
        return layer_norm(x, ops.copy(self.gain), ops.copy(self.bias))


def network(cell=NormalizedCell, steps=6):
    """Return a network that should say what the first token was; given."""
    tokens = keras.Input((steps,), dtype="int32")
    x = layers.Embedding(6, 8, "orthogonal")(tokens)
    h = layers.RNN(cell(24))(HandNormalization()(x))
    model = keras.Model(tokens, layers.Dense(6)(HandNormalization()(h)))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(0.03), loss, jit_compile=False)
    return model


if __name__ == "__main__":
    from modules.foundations.sequences.recurrent import SimpleRNNCell

    tokens = keras.random.randint((64, 6), 1, 6, seed=0)
    for cell in (SimpleRNNCell, NormalizedCell):
        keras.utils.set_random_seed(0)
        model = network(cell)
        for weight in model.layers[3].weights[:2]:
            weight.assign(8 * weight)  # far too large for a tanh
        loss = model.fit(tokens, tokens[:, 0], 64, epochs=40, verbose=0).history["loss"]
        print(f"{cell.__name__}: loss {loss[0]:.2f} -> {loss[-1]:.2f}")
