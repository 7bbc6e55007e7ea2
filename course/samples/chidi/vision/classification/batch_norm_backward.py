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
    if len(x.shape) == 2:
        mean = ops.mean(x, axis=0)
        var = ops.mean((x - mean) ** 2, axis=0)
    else:
        mean = ops.mean(x, axis=(0, 1, 2))
        var = ops.mean((x - mean) ** 2, axis=(0, 1, 2))
    return mean, var


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
    x_norm = (x - mean) / ops.sqrt(variance + epsilon)
    out = gamma * x_norm + beta
    return out


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
    return momentum * moving + (1 - momentum) * batch


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
    x_norm = (x - mean) / ops.sqrt(variance + epsilon)
    axis = 0 if len(x.shape) == 2 else (0, 1, 2)
    return ops.sum(dy * x_norm, axis=axis), ops.sum(dy, axis=axis)


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
    # y = gamma * (x - mean) / sqrt(variance + epsilon) + beta
    # so dy/dx = gamma / sqrt(variance + epsilon)
    return dy * gamma / ops.sqrt(variance + epsilon)


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
