"""Exercise: batch normalization's backward pass by hand.

In training the mean and the variance are computed from the batch, so every
example influences the output of every other, and the gradient has to flow
through both statistics. Here you derive it, and a network learns with it.

Paper: Ioffe and Szegedy, "Batch Normalization", ICML 2015.
Link:  https://arxiv.org/abs/1502.03167 (section 3, the gradients before 3.1; 3.3)
See:   modules/vision/classification/batch_norm.py (the forward pass as a layer)
Needs: vision/classification (batch normalization), the chain rule
Time:  60 minutes
Grade: python -m course grade vision/classification/batch_norm_backward

Throughout, x is (B, C) behind a dense layer or (B, H, W, C) behind a convolution.
A channel is one index of the last axis; m is the number of values that one channel
has in the batch: B, or B * H * W. Your functions must handle both ranks.

When they are right, see how little the network cares for the scale of its weights:
python -m course demo vision/classification/batch_norm_backward
"""

import keras
from keras import layers, ops

from modules.vision.classification.residual_parts import Conv, classifier, conv

EPSILON = 1e-3


def statistics(x):
    """Return the mean and the variance of every channel of a batch.

    The variance is the biased one: the mean of the squared deviations, divided
    by m and not by m - 1.

    Args:
        x: (B, C) or (B, H, W, C) float.

    Returns:
        Two tensors (mean, variance), each (C,).
    """
    # BEGIN SOLUTION average over every axis but the last
    # HINT All values of a channel count, wherever in the batch or image they are.
    # HINT The axes to average over are tuple(range(len(x.shape) - 1)).
    # HINT variance = ops.mean(ops.square(x - mean), axes)
    axes = tuple(range(len(x.shape) - 1))
    # WRONG axes = 0
    # WHY you average over the examples only, so each pixel of an image gets a mean
    # WHY of its own; a convolution shares its channel's statistics over all pixels
    # WRONG axes = None
    # WHY you average over the channels too; each channel has its own statistics
    mean = ops.mean(x, axes)
    variance = ops.mean(ops.square(x - mean), axes)
    # WRONG m = ops.cast(ops.size(x[..., 0]), x.dtype)
    # WRONG variance = ops.sum(ops.square(x - mean), axes) / (m - 1)
    # WHY you divide the squared deviations by m - 1: batches are normalized with the
    # WHY biased variance, divided by m
    return mean, variance
    # END SOLUTION


def normalize(x, mean, variance, gamma, beta, epsilon):
    """Return y = gamma * x_hat + beta.

    Here x_hat = (x - mean) / sqrt(variance + epsilon). In training mean and variance
    are the statistics of the batch, in inference the moving averages: one formula
    serves both.

    Args:
        x: (B, C) or (B, H, W, C) float.
        mean, variance, gamma, beta: (C,) float each.
        epsilon: float > 0.

    Returns:
        y, of the shape of x.
    """
    # BEGIN SOLUTION standardize, then scale and shift
    # HINT Arrays of shape (C,) broadcast against the last axis by themselves.
    # HINT x_hat = (x - mean) / ops.sqrt(variance + epsilon)
    x_hat = (x - mean) / ops.sqrt(variance + epsilon)
    # WRONG x_hat = (x - mean) / (ops.sqrt(variance) + epsilon)
    # WHY you add epsilon to the standard deviation; it belongs under the root, to the
    # WHY variance
    # WRONG x_hat = (x - mean) / (variance + epsilon)
    # WHY you divide by the variance; the root is missing, so x_hat has not unit scale
    return gamma * x_hat + beta
    # WRONG return gamma * (x_hat + beta)
    # WHY you scale the shift by gamma too; y is gamma times x_hat, plus beta
    # END SOLUTION


def moving_average(moving, batch, momentum):
    """Return the moving average after one more batch, in Keras's convention.

    momentum is the share of the old value that stays: with momentum 0.99 one batch
    changes the average by a hundredth of the difference. (The paper multiplies the
    variance by m / (m - 1) before it enters its average; Keras does not.)

    Args:
        moving: (C,) float, the average so far.
        batch: (C,) float, the statistic of this batch.
        momentum: float in [0, 1].

    Returns:
        (C,) float.
    """
    # BEGIN SOLUTION keep the share `momentum` of the old value
    # HINT With momentum 1 nothing changes; with momentum 0 only the batch counts.
    return momentum * moving + (1 - momentum) * batch
    # WRONG return momentum * batch + (1 - momentum) * moving
    # WHY momentum weighs the new batch here, so the average forgets at once; momentum
    # WHY is the share of the old value
    # END SOLUTION


def parameter_gradients(dy, x, mean, variance, epsilon):
    """Return the gradients of the loss with respect to gamma and beta.

    Args:
        dy: the gradient of the loss with respect to y, of the shape of x.
        x: (B, C) or (B, H, W, C) float.
        mean, variance: (C,) float each, the statistics of x.
        epsilon: float > 0.

    Returns:
        Two tensors (dgamma, dbeta), each (C,).
    """
    # BEGIN SOLUTION sum the contributions of every place where gamma and beta act
    # HINT One gamma acts on m values of y, so its gradient is a sum of m terms.
    # HINT For one value y = gamma * x_hat + beta: dy/dgamma is x_hat, dy/dbeta is 1.
    # HINT dgamma = ops.sum(dy * x_hat, axes), and dbeta is the same without x_hat.
    axes = tuple(range(len(x.shape) - 1))
    # WRONG axes = 0
    # WHY you add up the examples only, so each pixel gets a gradient of its own; the
    # WHY channel's one gamma acts on all pixels, and its gradient sums over them
    x_hat = (x - mean) / ops.sqrt(variance + epsilon)
    # WRONG x_hat = x
    # WHY gamma multiplies the normalized x_hat, and you used x itself
    return ops.sum(dy * x_hat, axes), ops.sum(dy, axes)
    # WRONG return ops.mean(dy * x_hat, axes), ops.mean(dy, axes)
    # WHY you average the contributions; the chain rule adds them up (if the loss is a
    # WHY mean, its 1/m is in dy already)
    # END SOLUTION


def input_gradient(dy, x, mean, variance, gamma, epsilon):
    """Return the gradient of the loss with respect to x, in training.

    mean and variance are those of x itself: they change when x changes, and your
    gradient must take account of that. (They are arguments only to save you the work
    of computing them twice.)

    Args:
        dy: the gradient of the loss with respect to y, of the shape of x.
        x: (B, C) or (B, H, W, C) float.
        mean, variance: (C,) float each, the statistics of x.
        gamma: (C,) float.
        epsilon: float > 0.

    Returns:
        dx, of the shape of x.
    """
    # BEGIN SOLUTION three paths: directly, through the mean, through the variance
    # HINT With respect to x_hat the gradient is dy * gamma. Call it g.
    # HINT One value of x acts directly, through the mean and through the variance.
    # HINT d mean / d x = 1 / m, and d variance / d x = 2 * (x - mean) / m.
    # HINT All in all: (g - average(g) - x_hat * average(g * x_hat)) / std.
    axes = tuple(range(len(x.shape) - 1))
    # WRONG axes = 0
    # WHY your averages run over the examples only; the statistics of a channel were
    # WHY taken over all its pixels too, and so are the averages in the gradient
    std = ops.sqrt(variance + epsilon)
    # WRONG std = variance + epsilon
    # WHY you divide by the variance where the standard deviation belongs: the root is
    # WHY missing
    x_hat = (x - mean) / std
    g = dy * gamma
    # WRONG g = dy
    # WHY gamma is missing: the gradient with respect to x_hat is dy times gamma
    through_mean = ops.mean(g, axes)
    # WRONG through_mean = 0
    # WHY the path through the mean is missing: you treat the mean as a constant
    # WRONG through_mean = ops.sum(g, axes)
    # WHY you sum where the path through the mean has an average: one value moves the
    # WHY mean by 1/m only
    through_variance = x_hat * ops.mean(g * x_hat, axes)
    # WRONG through_variance = 0
    # WHY the path through the variance is missing: you treat it as a constant
    return (g - through_mean - through_variance) / std
    # WRONG return g / std
    # WHY you treat mean and variance as constants, which is right in inference; in
    # WHY training they depend on x, and the gradient flows through both
    # END SOLUTION


@ops.custom_gradient
def batch_norm(x, gamma, beta):
    """Normalize a batch: forward and backward through your functions; given."""
    mean, variance = statistics(x)

    def gradients(dy):
        dgamma, dbeta = parameter_gradients(dy, x, mean, variance, EPSILON)
        return input_gradient(dy, x, mean, variance, gamma, EPSILON), dgamma, dbeta

    return normalize(x, mean, variance, gamma, beta, EPSILON), gradients


class HandNormalization(layers.Layer):
    """Your functions as a layer, with moving averages for inference; given."""

    def build(self, input_shape):
        shape = input_shape[-1:]
        self.gamma = self.add_weight(shape=shape, initializer="ones")
        self.beta = self.add_weight(shape=shape, initializer="zeros")
        state = {"shape": shape, "trainable": False}
        self.mean = self.add_weight(initializer="zeros", **state)
        self.variance = self.add_weight(initializer="ones", **state)

    def call(self, x, training=False):
        gamma, beta, *moving = (
            ops.copy(w)  # a tensor: a custom gradient cannot take variables
            for w in (self.gamma, self.beta, self.mean, self.variance)
        )
        if not training:
            return normalize(x, *moving, gamma, beta, EPSILON)
        mean, variance = statistics(x)
        self.mean.assign(moving_average(moving[0], mean, 0.9))
        self.variance.assign(moving_average(moving[1], variance, 0.9))
        return batch_norm(x, gamma, beta)

    def compute_output_shape(self, input_shape):
        return input_shape


def network():
    """Return a small network of convolutions, each normalized by your layer; given."""
    x = inputs = keras.Input((None, None, 3))
    for depth, filters in enumerate((8, 12, 16), 1):
        x = conv(x, Conv(filters, 3), f"conv{depth}")
        x = layers.ReLU()(HandNormalization(name=f"norm{depth}")(x))
    model = classifier(inputs, x, num_classes=3, name="by_hand")
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.SGD(0.1, momentum=0.9), loss, run_eagerly=True)
    return model


if __name__ == "__main__":
    labels = ops.arange(24) % 3
    images = 2 * ops.one_hot(labels, 3)[:, None, None]
    images += keras.random.normal((24, 6, 7, 3), seed=0)
    for factor in (1, 10, 100):
        keras.utils.set_random_seed(1)
        model = network()
        kernel = model.get_layer("conv1").kernel
        kernel.assign(factor * kernel)
        loss = model.fit(images, labels, 24, epochs=15, verbose=0).history["loss"]
        print(
            f"first kernel x {factor}: the loss falls {loss[0]:.3f} -> {loss[-1]:.3f}"
        )
