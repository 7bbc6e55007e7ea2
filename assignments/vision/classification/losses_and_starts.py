"""Exercise: what a network is asked for, and where it starts.

Four small pieces decide whether a deep classifier trains: the target that the loss
asks for, the slope of its activations below zero, the scale of its first weights, and
the normalization between its layers. Here you write each of them by hand, two of them
with their gradient, and a network trains with all four.

Paper: Szegedy et al., "Rethinking the Inception Architecture", CVPR 2016.
Link:  https://arxiv.org/abs/1512.00567 (section 7: label smoothing)
Paper: He, Zhang, Ren and Sun, "Delving Deep into Rectifiers", ICCV 2015.
Link:  https://arxiv.org/abs/1502.01852 (section 2: PReLU and the first weights)
See:   modules/vision/classification/label_smoothing.py, prelu.py,
       he_initialization.py and local_response_normalization.py; each does a little
       less, or something else, than is asked here
Needs: vision/classification (from AlexNet to label smoothing)
Time:  50 minutes
Grade: python -m course grade vision/classification/losses_and_starts

When your functions are right, see which first weights survive thirty layers:
python -m course demo vision/classification/losses_and_starts
"""

import math

import keras
from keras import layers, ops

from modules.vision.classification.residual_parts import classifier


def smooth_targets(labels, classes, epsilon):
    """Return the targets of label smoothing: 1 - epsilon to the label, plus a share.

    The probability epsilon is spread evenly over all classes, the right one included.

    Args:
        labels: (B,) int, from 0 to classes - 1.
        classes: int >= 2, called K.
        epsilon: float in [0, 1).

    Returns:
        (B, K) float.
    """
    # TODO: (1 - epsilon) for the label, and epsilon / K for every class
    raise NotImplementedError


def classification_loss(logits, labels, epsilon, training):
    """Return the mean cross-entropy, to smoothed targets in training only.

    In evaluation the loss is the plain one, with the label's own logarithm alone, so
    that runs with different epsilon can be compared.

    Args:
        logits: (B, K) float, before the softmax.
        labels: (B,) int.
        epsilon: float in [0, 1).
        training: bool.

    Returns:
        A scalar: the mean over examples of - sum over k of target * ln softmax.
    """
    # TODO: smooth the targets if training, then cross-entropy
    raise NotImplementedError


def epsilon_for_gap(classes, gap):
    """Return the epsilon with which the loss is smallest at a given gap of logits.

    Smoothing keeps logits finite: the loss is smallest where the softmax equals the
    target, and there the right logit is above all others by one number, the gap. Find
    the epsilon for which it is the number given.

    Args:
        classes: int >= 2, called K.
        gap: float > 0, the right logit minus any other.

    Returns:
        float in (0, 1): 0.1 for 10 classes and a gap of ln 91.
    """
    # TODO: the ratio of two targets is e^gap; solve for epsilon
    raise NotImplementedError


def prelu_start(input_shape):
    """Return the slopes with which a PReLU starts, as in the paper.

    Args:
        input_shape: (H, W, C), ints; the layer must work for other H and W too.

    Returns:
        One float tensor, the paper's channel-wise slopes with the paper's start.
    """
    # TODO: one slope a channel, each 0.25
    raise NotImplementedError


def prelu(x, slopes):
    """Return x where it is positive, and slope * x where it is negative.

    Slopes are learned, so they may also be negative, or larger than 1.

    Args:
        x: (B, H, W, C) float.
        slopes: (C,) float, called a.

    Returns:
        (B, H, W, C) float.
    """
    # TODO: the positive part, and the scaled negative part
    raise NotImplementedError


def slope_gradient(dy, x):
    """Return the gradient of the loss with respect to the slopes, by hand.

    Args:
        dy: (B, H, W, C) float, the gradient with respect to prelu(x, slopes).
        x: (B, H, W, C) float.

    Returns:
        (C,) float.
    """
    # TODO: add up what every place contributes
    raise NotImplementedError


def he_kernel(noise, slope):
    """Scale standard normal noise to first weights whose layer has a gain of 1.

    Forward: with inputs of any size, the second moment of prelu(x * w) shall be that
    of x on average. Weights keep the mean of the noise, zero.

    Args:
        noise: a kernel of standard normal values, (C_in, C_out) of a dense layer or
            (height, width, C_in, C_out) of a convolution.
        slope: float, the slope of the PReLU behind the layer; 0 for a ReLU.

    Returns:
        The kernel, of the shape of noise.
    """
    # TODO: find fan_in, then the standard deviation
    raise NotImplementedError


def local_response(x, size, k, alpha, beta):
    """Normalize every value by the energy of its neighbouring channels, as Caffe does.

        y[c] = x[c] / (k + alpha / size * sum of x[c']^2)^beta   |c' - c| <= size // 2

    Beyond the first and the last channel there are zeros. The paper of AlexNet, and
    the module in modules, do not divide alpha by size; trained networks that came from
    Caffe, GoogLeNet's for one, need it.

    Args:
        x: (B, H, W, C) float.
        size: odd int >= 1, channels in the sum; it may be larger than C.
        k, alpha, beta: floats.

    Returns:
        (B, H, W, C) float.
    """
    # TODO: add up squares over neighbouring channels
    raise NotImplementedError


class Start(keras.initializers.Initializer):
    """Your kernel as an initializer; given."""

    def __init__(self, slope, seed):
        self.slope, self.seed = slope, seed

    def __call__(self, shape, dtype=None):
        return he_kernel(keras.random.normal(shape, seed=self.seed), self.slope)


class Activation(layers.Layer):
    """Your PReLU and, before it, your normalization; given."""

    def build(self, input_shape):
        start = prelu_start(input_shape[1:])
        self.slopes = self.add_weight(shape=start.shape)
        self.slopes.assign(start)

    def call(self, x):
        return prelu(local_response(x, 5, 1.0, 0.1, 0.75), self.slopes)


def signal(depth=30, width=128, networks=10):
    """Return the second moment behind that many layers, relative to the input's; given.

    Each layer is dense, with your kernel and your PReLU; it is the mean over networks.
    """
    found = []
    for network in range(networks):
        seeds = keras.random.SeedGenerator(network)
        x = start = keras.random.normal((4, 1, 1, width), seed=seeds)
        for _ in range(depth):
            noise = keras.random.normal((width, width), seed=seeds)
            slopes = prelu_start((1, 1, width))
            x = prelu(x @ he_kernel(noise, 0.25), slopes)
        found.append(float(ops.mean(x**2) / ops.mean(start**2)))
    return sum(found) / networks


def network():
    """Return a small classifier of images with all your pieces, compiled; given."""
    x = inputs = keras.Input((None, None, 3))
    for depth, filters in enumerate((8, 12, 16), 1):
        start = Start(slope=0.25, seed=depth)
        x = layers.Conv2D(filters, 3, padding="same", kernel_initializer=start)(x)
        x = Activation(name=f"activation{depth}")(x)
    model = classifier(inputs, x, num_classes=3, name="losses_and_starts")

    def loss(y, logits):
        labels = ops.cast(ops.reshape(y, (-1,)), "int32")  # Keras makes them float
        return classification_loss(logits, labels, 0.1, training=True)

    model.compile(keras.optimizers.SGD(0.1, momentum=0.9), loss, run_eagerly=True)
    return model


if __name__ == "__main__":
    print(f"thirty layers with your weights: second moment x {signal():.3g}")
    scale = he_kernel

    def he_kernel(noise, slope):
        return scale(noise, slope) / math.sqrt(2)

    print(f"with half of their variance:     second moment x {signal():.3g}")
    he_kernel = scale
    labels = ops.arange(24) % 3
    images = 2 * ops.one_hot(labels, 3)[:, None, None]
    images += keras.random.normal((24, 6, 7, 3), seed=0)
    model = network()
    history = model.fit(images, labels, 24, epochs=15, verbose=0).history["loss"]
    print(f"a network with all your pieces: loss {history[0]:.3f} -> {history[-1]:.3f}")
