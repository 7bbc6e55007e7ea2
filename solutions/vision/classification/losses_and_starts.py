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
    # BEGIN SOLUTION (1 - epsilon) for the label, and epsilon / K for every class
    # HINT With K = 4 and epsilon = 0.2 a target has three 0.05 and one 0.85.
    # HINT ops.one_hot(labels, classes) has a 1 at the label of each example.
    # HINT The target is a mixture: (1 - epsilon) one-hot + epsilon uniform.
    hard = ops.one_hot(labels, classes)
    return (1 - epsilon) * hard + epsilon / classes
    # WRONG return (1 - epsilon) * hard + epsilon / (classes - 1) * (1 - hard)
    # WHY you share epsilon among the wrong classes only; it is spread over all K, the
    # WHY right one included
    # WRONG return (1 - epsilon) * hard + epsilon / classes * (1 - hard)
    # WHY your rows sum to less than 1: the right class gets its share of epsilon too
    # WRONG return hard + epsilon / classes
    # WHY your rows sum to more than 1: the label gives up epsilon before it is shared
    # WRONG return (1 - epsilon) * hard + epsilon
    # WHY each class gets the whole epsilon; they share it, so divide by K
    # WRONG labels = (labels + ops.arange(len(labels)) % 2) % classes
    # WRONG return ops.one_hot(labels, classes)
    # WHY you give some examples a false label; label smoothing draws nothing, it
    # WHY softens the target of every example
    # WRONG some = ops.cast(ops.arange(len(labels)) % 2, "float32")[:, None]
    # WRONG return hard + some * epsilon * (1 / classes - hard)
    # WHY you soften the targets of some examples only; every example's is softened
    # END SOLUTION


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
    # BEGIN SOLUTION smooth the targets if training, then cross-entropy
    # HINT Evaluation is training with epsilon = 0.
    # HINT ops.log_softmax(logits) is the logarithm of the softmax, without overflow.
    # HINT Sum over the classes, then average over the examples, and mind the sign.
    epsilon = epsilon if training else 0.0
    # WRONG pass
    # WHY you smooth in evaluation too; there the loss is the plain cross-entropy
    # WRONG epsilon = 0.0 if training else epsilon
    # WHY you smooth in evaluation and not in training: the other way round
    targets = smooth_targets(labels, logits.shape[-1], epsilon)
    each = -ops.sum(targets * ops.log_softmax(logits), axis=-1)
    # WRONG each = -ops.mean(targets * ops.log_softmax(logits), axis=-1)
    # WHY you average over the classes; cross-entropy is their sum
    # WRONG each = ops.sum(targets * ops.log_softmax(logits), axis=-1)
    # WHY the minus is missing: this rises when the network gets better
    return ops.mean(each)
    # WRONG return ops.sum(each)
    # WHY you add up the examples; asked is their mean
    # END SOLUTION


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
    # BEGIN SOLUTION the ratio of two targets is e^gap; solve for epsilon
    # HINT A difference of logits is the logarithm of a ratio of probabilities.
    # HINT The two probabilities are (1 - epsilon) + epsilon / K and epsilon / K.
    # HINT Their ratio is K (1 - epsilon) / epsilon + 1.
    return classes / (math.exp(gap) - 1 + classes)
    # WRONG return classes / (math.exp(gap) + classes)
    # WHY you take 1 - epsilon as the right class's target and forget its own share,
    # WHY epsilon / K
    # WRONG return (classes - 1) / (math.exp(gap) - 1 + classes)
    # WHY you share epsilon among the wrong classes only; all K have a share
    # WRONG return 1 / (math.exp(gap) - 1 + classes)
    # WHY this is the target of one wrong class, epsilon / K, not epsilon
    # END SOLUTION


def prelu_start(input_shape):
    """Return the slopes with which a PReLU starts, as in the paper.

    Args:
        input_shape: (H, W, C), ints; the layer must work for other H and W too.

    Returns:
        One float tensor, the paper's channel-wise slopes with the paper's start.
    """
    # BEGIN SOLUTION one slope a channel, each 0.25
    # HINT How many channels are there? The paper has one slope for each.
    # HINT The paper starts all of them at 0.25 (section 2.1).
    # HINT ops.full(shape, value) fills a tensor.
    return ops.full((input_shape[-1],), 0.25)
    # WRONG return ops.full(tuple(input_shape), 0.25)
    # WHY you have a slope for every element of the map, as Keras has by default; the
    # WHY paper has one for each channel
    # WRONG return ops.zeros((input_shape[-1],))
    # WHY your slopes start at 0, as a ReLU and as in Keras; in the paper at 0.25
    # WRONG return ops.full((input_shape[-1],), 0.01)
    # WHY your slopes start at the leaky ReLU's 0.01; in the paper at 0.25
    # WRONG return ops.full((1,), 0.25)
    # WHY you have one slope for all channels (the paper's channel-shared variant)
    # END SOLUTION


def prelu(x, slopes):
    """Return x where it is positive, and slope * x where it is negative.

    Slopes are learned, so they may also be negative, or larger than 1.

    Args:
        x: (B, H, W, C) float.
        slopes: (C,) float, called a.

    Returns:
        (B, H, W, C) float.
    """
    # BEGIN SOLUTION the positive part, and the scaled negative part
    # HINT Split x into ops.maximum(x, 0) and ops.minimum(x, 0).
    # HINT Slopes of 0 make a ReLU, slopes of 1 the identity. Does yours?
    # HINT (C,) meets the last axis of x by itself.
    return ops.maximum(x, 0) + slopes * ops.minimum(x, 0)
    # WRONG return ops.maximum(x, slopes * x)
    # WHY the larger of x and a x is a PReLU only while a < 1; slopes are learned and
    # WHY may become larger
    # WRONG return ops.maximum(x, 0) + slopes * x
    # WHY the slope reaches the positive part too; there x passes as it is
    # WRONG return slopes * ops.maximum(x, 0) + ops.minimum(x, 0)
    # WHY you scale the positive part; the slope belongs to the negative one
    # WRONG return ops.maximum(x, 0) - slopes * ops.minimum(x, 0)
    # WHY the negative part comes out with the wrong sign
    # END SOLUTION


def slope_gradient(dy, x):
    """Return the gradient of the loss with respect to the slopes, by hand.

    Args:
        dy: (B, H, W, C) float, the gradient with respect to prelu(x, slopes).
        x: (B, H, W, C) float.

    Returns:
        (C,) float.
    """
    # BEGIN SOLUTION add up what every place contributes
    # HINT For one value, the derivative of max(0, x) + a min(0, x) in a is min(0, x).
    # HINT The chain rule multiplies by dy.
    # HINT One slope acts at B H W places, so its gradient is a sum of as many terms.
    return ops.sum(dy * ops.minimum(x, 0), axis=(0, 1, 2))
    # WRONG return ops.mean(dy * ops.minimum(x, 0), axis=(0, 1, 2))
    # WHY you average over the places where the slope acts; the chain rule adds them up
    # WRONG return ops.sum(dy * ops.minimum(x, 0), axis=0)
    # WHY you add up the examples only, as if every pixel had a slope of its own
    # WRONG return ops.sum(dy * x, axis=(0, 1, 2))
    # WHY positive values count here, but they do not see the slope
    # WRONG return ops.sum(dy * ops.cast(x < 0, dy.dtype), axis=(0, 1, 2))
    # WHY you count the negative places; each contributes its value, min(0, x)
    # WRONG return ops.sum(ops.minimum(x, 0), axis=(0, 1, 2))
    # WHY dy is missing: the chain rule multiplies by the gradient that comes from above
    # END SOLUTION


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
    # BEGIN SOLUTION find fan_in, then the standard deviation
    # HINT fan_in is how many weights meet in one output value, before the activation.
    # HINT It is the product of all axes of the kernel but the last.
    # HINT The condition is 1/2 (1 + slope^2) fan_in Var[w] = 1 (equation 15).
    fan_in = math.prod(noise.shape[:-1])
    # WRONG fan_in = noise.shape[-1] * math.prod(noise.shape[:-2])
    # WHY this is fan_out, which keeps the gradient's size; forward it is fan_in
    # WRONG fan_in = noise.shape[-2]
    # WHY you count the input channels only; every position of the window adds weights,
    # WHY fan_in = height * width * C_in
    variance = 2 / ((1 + slope**2) * fan_in)
    # WRONG variance = 1 / fan_in
    # WHY this is Xavier's variance, for linear layers; a ReLU halves the second moment,
    # WHY hence the 2
    # WRONG variance = 2 / fan_in
    # WHY you forget the slope: what passes below zero adds to the second moment
    # WRONG variance = 2 / ((1 + slope) ** 2 * fan_in)
    # WHY it is 1 + slope^2, a sum of two second moments, not (1 + slope)^2
    return noise * math.sqrt(variance)
    # WRONG return noise * variance
    # WHY you scale by the variance; the standard deviation is its root
    # WRONG return 1 + noise * math.sqrt(variance)
    # WHY your weights are centred at 1; they have mean 0, and it is the layer's gain
    # WHY that is 1
    # END SOLUTION


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
    # BEGIN SOLUTION add up squares over neighbouring channels
    # HINT Pad the squares with size // 2 zero channels on both sides.
    # HINT Then the sum is over size shifted slices, each of C channels.
    # HINT The divisor is (k + alpha / size * energy) ** beta.
    half, channels = size // 2, x.shape[-1]
    squares = ops.pad(ops.square(x), [(0, 0), (0, 0), (0, 0), (half, half)])
    # WRONG squares = ops.pad(x, [(0, 0), (0, 0), (0, 0), (half, half)])
    # WHY you add up the values; the energy is the sum of their squares
    # WRONG squares = ops.pad(ops.square(x), [(0, 0), (0, 0), (0, 0), (2 * half, 0)])
    # WHY your window ends at the channel itself; it reaches to both sides
    energy = sum(squares[..., i : i + channels] for i in range(size))
    # WRONG energy = size * size * ops.average_pool(ops.square(x), size, 1, "same")
    # WHY your window lies in the image; the neighbours are channels at one pixel
    return x / (k + alpha / size * energy) ** beta
    # WRONG return x / (k + alpha * energy) ** beta
    # WHY you do not divide alpha by size: that is the paper's convention, asked is
    # WHY Caffe's
    # WRONG return x * (k + alpha / size * energy) ** beta
    # WHY you multiply where the energy must divide: strong neighbours weaken a channel
    # WRONG return x / (k + alpha / size * energy)
    # WHY the exponent beta is missing
    # END SOLUTION


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
