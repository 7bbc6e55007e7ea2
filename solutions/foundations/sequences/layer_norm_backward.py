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
    # BEGIN SOLUTION mean and standard deviation of each vector
    # HINT The axis is -1, whatever the rank; keepdims=True leaves the 1.
    mean = ops.mean(x, axis=-1, keepdims=True)
    # WRONG mean = ops.mean(x, axis=0, keepdims=True)
    # WHY you average over the batch, as batch normalization does; here each vector has
    # WHY its own mean
    variance = ops.mean(ops.square(x - mean), axis=-1, keepdims=True)
    # WRONG variance = ops.sum(ops.square(x - mean), -1, True) / (x.shape[-1] - 1)
    # WHY you divide the squared deviations by D - 1; layer normalization divides by D
    std = ops.sqrt(variance + epsilon)
    # WRONG std = ops.sqrt(variance) + epsilon
    # WHY you add epsilon to the standard deviation; it belongs under the root, to the
    # WHY variance
    return (x - mean) / std, std
    # END SOLUTION


def parameter_gradients(dy, x_hat):
    """Return the gradients of the loss with respect to gain and bias.

    Args:
        dy: the gradient of the loss with respect to y, (B, D) or (B, T, D).
        x_hat: of the shape of dy.

    Returns:
        Two tensors (dgain, dbias), each (D,).
    """
    # BEGIN SOLUTION sum the contributions of all vectors
    # HINT One gain acts on its unit in every vector, so its gradient is a sum.
    # HINT The axes to sum over are all but the last.
    axes = tuple(range(len(dy.shape) - 1))
    # WRONG axes = -1
    # WHY you sum over the units of a vector; each unit has its own gain, which acts in
    # WHY all vectors, and its gradient sums over those
    # WRONG axes = 0
    # WHY you sum over the examples only, so each step gets a gradient of its own; the
    # WHY gain is the same at all steps
    return ops.sum(dy * x_hat, axes), ops.sum(dy, axes)
    # WRONG return ops.mean(dy * x_hat, axes), ops.mean(dy, axes)
    # WHY you average the contributions; the chain rule adds them up
    # WRONG return ops.sum(dy, axes), ops.sum(dy, axes)
    # WHY the gain multiplies x_hat, so its gradient is a sum of dy * x_hat
    # END SOLUTION


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
    # BEGIN SOLUTION three paths: directly, through the mean, through the deviation
    # HINT With respect to x_hat the gradient is dy * gain. Call it g.
    # HINT One unit acts on its own x_hat, on the mean and on the standard deviation.
    # HINT All in all: (g - average(g) - x_hat * average(g * x_hat)) / std.
    # HINT The averages run over the units of a vector, where the gains differ.
    g = dy * gain
    # WRONG g = dy
    # WHY gain is missing: the gradient with respect to x_hat is dy times gain
    through_mean = ops.mean(g, axis=-1, keepdims=True)
    # WRONG through_mean = 0
    # WHY the path through the mean is missing: you treat the mean as a constant
    # WRONG through_mean = ops.mean(g, axis=0, keepdims=True)
    # WHY your average runs over the batch, as in batch normalization; the mean was
    # WHY taken over the units of one vector
    # WRONG through_mean = ops.sum(g, axis=-1, keepdims=True)
    # WHY you sum where the path through the mean has an average: one unit moves the
    # WHY mean by 1/D only
    through_std = x_hat * ops.mean(g * x_hat, axis=-1, keepdims=True)
    # WRONG through_std = 0
    # WHY the path through the standard deviation is missing: you treat it as a constant
    return (g - through_mean - through_std) / std
    # WRONG return g / std
    # WHY you treat mean and deviation as constants, as if they were batch
    # WHY normalization's moving averages; each vector makes its own
    # WRONG inner = dy - ops.mean(dy, -1, True) - x_hat * ops.mean(dy * x_hat, -1, True)
    # WRONG return gain * inner / std
    # WHY you multiply by gain after averaging; that is right for batch normalization,
    # WHY which averages where gamma is one number, but here each unit has its own gain
    # WRONG return g - through_mean - through_std
    # WHY the division by std is missing
    # END SOLUTION


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
    # BEGIN SOLUTION as above, with one path less
    # HINT No mean is taken away, so no gradient flows through one.
    # HINT x_hat is x / rms here, with rms = sqrt(mean(x^2) + epsilon).
    rms = ops.sqrt(ops.mean(ops.square(x), axis=-1, keepdims=True) + epsilon)
    # WRONG rms = ops.sqrt(ops.var(x, axis=-1, keepdims=True) + epsilon)
    # WHY you divide by the standard deviation; RMS normalization takes no mean away,
    # WHY and divides by the root of the mean of x^2
    x_hat, g = x / rms, dy * gain
    dx = (g - x_hat * ops.mean(g * x_hat, axis=-1, keepdims=True)) / rms
    # WRONG centred = g - ops.mean(g, axis=-1, keepdims=True)
    # WRONG dx = (centred - x_hat * ops.mean(g * x_hat, axis=-1, keepdims=True)) / rms
    # WHY you keep the path through the mean; RMS normalization has no mean
    # WRONG dx = g / rms
    # WHY you treat rms as a constant; it depends on every unit of the vector
    return dx
    # END SOLUTION


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
    # BEGIN SOLUTION sum, standardise, scale and shift, tanh
    # HINT Your `standardise` returns x_hat first.
    a, _ = standardise(x @ w + h @ u, epsilon)
    # WRONG a = standardise(x @ w, epsilon)[0] + standardise(h @ u, epsilon)[0]
    # WHY you normalize the two sums apart; the paper normalizes their total
    # WRONG a = x @ w + standardise(h, epsilon)[0] @ u
    # WHY you normalize the state; the paper normalizes the sums that enter the tanh
    return ops.tanh(gain * a + bias)
    # WRONG return gain * standardise(ops.tanh(x @ w + h @ u), epsilon)[0] + bias
    # WHY you normalize behind the tanh; the sums are normalized in front of it
    # WRONG return ops.tanh(gain * (a + bias))
    # WHY you scale the bias by gain too; it is added behind the scaling
    # END SOLUTION


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
