"""Exercise: the blocks of Xception, MobileNetV2 and ShuffleNet, weights in hand.

Small networks save by splitting a convolution: filters for each channel alone, mixtures
of channels at each pixel, mixtures within groups. What remains to be decided is where
there is no activation, when the input is added, and how groups learn of each other.
Here you write four blocks as functions of explicit weights, and count a network.

Paper: Chollet, "Xception: Deep Learning with Depthwise Separable Convolutions", 2017.
Link:  https://arxiv.org/abs/1610.02357 (section 2; figure 10: no activation between)
Paper: Sandler et al., "MobileNetV2", CVPR 2018.
Link:  https://arxiv.org/abs/1801.04381 (section 3)
Paper: Zhang, Zhou, Lin and Sun, "ShuffleNet", CVPR 2018.
Link:  https://arxiv.org/abs/1707.01083 (section 3, figures 1 and 2, table 1)
See:   modules/vision/efficient/separable_parts.py, inverted_residual.py
Needs: vision/efficient (separable convolutions, inverted residuals)
Time:  60 minutes
Grade: python -m course grade vision/efficient/mobile_blocks

Here no block has a normalization or a bias. Padding is "same" as Keras does it. Height
and width may be unknown (None) inside a network, so do not loop over them. Gradients
must flow: use keras.ops and not NumPy.

When your functions are right, see what groups and shuffling cost:
python -m course demo vision/efficient/mobile_blocks
"""

import keras
from keras import layers, ops

from modules.vision.classification.residual_parts import Conv, classifier
from modules.vision.efficient.separable_parts import conv, norm_relu6


def separable(x, kernel, pointwise, strides):
    """Return Xception's separable convolution: depthwise, then 1x1, nothing between.

    Channel c of x gives m channels, c m to c m + m - 1, by the filters
    kernel[:, :, c, 0] to kernel[:, :, c, m - 1]: m is the depth multiplier. The strides
    are those of the depthwise convolution. There is no activation, in between or
    behind.

    Args:
        x: (B, H, W, C) float.
        kernel: (3, 3, C, m) float.
        pointwise: (C * m, N) float.
        strides: 1 or 2.

    Returns:
        (B, ceil(H / strides), ceil(W / strides), N) float.
    """
    # TODO: filter each channel alone, then mix
    raise NotImplementedError


def inverted_residual(x, expand, kernel, project, strides):
    """Return MobileNetV2's block: expand, filter, project; x is added where it fits.

    1x1 to t C channels, ReLU6; 3x3 depthwise with the strides, ReLU6; 1x1 to N
    channels, linear. ReLU6(a) is min(max(a, 0), 6). x is added if strides is 1 and
    N = C, and in no other case, even if the shapes would allow it.

    Args:
        x: (B, H, W, C) float.
        expand: (C, t C) float.
        kernel: (3, 3, t C, 1) float.
        project: (t C, N) float.
        strides: 1 or 2.

    Returns:
        (B, ceil(H / strides), ceil(W / strides), N) float.
    """
    # TODO: wide inside, linear at the end
    raise NotImplementedError


def grouped_pointwise(x, kernel, groups):
    """Return a 1x1 convolution in groups: each sees its own channels only.

    The channels of x are divided into groups of neighbours, and so are those of the
    output. Group i of the output is group i of x, mixed by its columns of the kernel.

    Args:
        x: (B, H, W, C) float.
        kernel: (C / groups, N) float; columns i N / groups to (i + 1) N / groups - 1
            are those of group i.
        groups: int >= 1 that divides C and N.

    Returns:
        (B, H, W, N) float.
    """
    # TODO: one matrix product a group, side by side
    raise NotImplementedError


def channel_shuffle(x, groups):
    """Return x with its channels dealt out, so that every group gets some of each.

    The channels are g groups of n neighbours. The output has first the first channel of
    every group, in the order of the groups, then the second of every group, and so on:
    [0, 1, 2, 3, 4, 5] in 2 groups becomes [0, 3, 1, 4, 2, 5]. Nothing is random.

    Args:
        x: (B, H, W, C) float.
        groups: int >= 1, called g.

    Returns:
        (B, H, W, C) float.

    Raises:
        ValueError: groups does not divide C.
    """
    # TODO: a table of g rows and n columns, read by columns
    raise NotImplementedError


def shuffle_unit(x, reduce, kernel, expand, groups, strides):
    """Return ShuffleNet's unit (figure 2, b and c).

    The branch: grouped 1x1 to M channels, ReLU; channel shuffle; 3x3 depthwise with the
    strides, without activation; grouped 1x1 to N channels, without activation. Then

    - strides 1: relu(x + branch), with N = C;
    - strides 2: relu of x and the branch side by side, x first, where x is halved by
      3x3 average pooling with strides of 2 and padding "same" (as in Keras, where zeros
      outside the image do not count in the average).

    Args:
        x: (B, H, W, C) float.
        reduce: (C / groups, M) float.
        kernel: (3, 3, M, 1) float.
        expand: (M / groups, N) float.
        groups: int >= 1 that divides C, M and N.
        strides: 1 or 2.

    Returns:
        (B, H, W, C) float, or (B, ceil(H / 2), ceil(W / 2), C + N) with strides of 2.
    """
    # TODO: group, shuffle, filter, group; then add or concatenate
    raise NotImplementedError


def unit_weights(channels, filters, groups, strides, first=False):
    """Return how many weights a unit of ShuffleNet has, for any configuration.

    Each of its three convolutions has no bias, and a batch normalization with two
    weights a channel behind it. The branch has filters // 4 channels inside, whatever
    the strides are. With strides of 2 it makes only what x does not bring along, so
    that both together have `filters` channels. In the first unit of stage 2 x has so
    few channels (24) that its first 1x1 convolution is not grouped: first=True.

    Args:
        channels: int, channels of x.
        filters: int, channels of the output.
        groups: int.
        strides: 1 or 2.
        first: bool.

    Returns:
        int.
    """
    # TODO: three convolutions, each with its normalization
    raise NotImplementedError


def network_weights(groups):
    """Return the weights of the whole ShuffleNet 1x for 1,000 classes; given."""
    stages = {1: 144, 2: 200, 3: 240, 4: 272, 8: 384}[groups]
    channels, total = 24, 3 * 3 * 3 * 24 + 2 * 24  # the stem
    for stage, blocks in enumerate((4, 8, 4)):
        filters = stages * 2**stage
        for block in range(blocks):
            strides, first = (2, stage == 0) if block == 0 else (1, False)
            total += unit_weights(channels, filters, groups, strides, first)
            channels = filters
    return total + channels * 1000 + 1000


class ShuffleUnit(layers.Layer):
    """Your unit as a layer, with weights; given."""

    def __init__(self, filters, groups, strides, **kwargs):
        super().__init__(**kwargs)
        self.filters, self.groups, self.strides = filters, groups, strides

    def build(self, input_shape):
        channels, inside = input_shape[-1], self.filters // 2
        made = self.filters - channels if self.strides == 2 else self.filters
        shapes = {
            "reduce": (channels // self.groups, inside),
            "kernel": (3, 3, inside, 1),
            "expand": (inside // self.groups, made),
        }
        start = keras.initializers.RandomNormal(stddev=0.4, seed=0)
        for name, shape in shapes.items():
            weight = self.add_weight(shape=shape, initializer=start, name=name)
            setattr(self, name, weight)

    def call(self, x):
        weights = [ops.copy(w) for w in (self.reduce, self.kernel, self.expand)]
        return shuffle_unit(x, *weights, self.groups, self.strides)

    def compute_output_shape(self, input_shape):
        batch, height, width, _ = input_shape
        sizes = (n and -(-n // self.strides) for n in (height, width))
        return (batch, *sizes, self.filters)


def network():
    """Return a small ShuffleNet of your units, compiled; given."""
    inputs = keras.Input((None, None, 3))
    x = norm_relu6(conv(inputs, Conv(12, 3), "stem"), "stem")
    for i, (filters, strides) in enumerate(((24, 2), (24, 1)), 1):
        x = ShuffleUnit(filters, groups=3, strides=strides, name=f"unit{i}")(x)
    model = classifier(inputs, x, num_classes=3, name="shuffle")
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(0.02), loss, jit_compile=False)
    return model


if __name__ == "__main__":
    print("groups  weights of ShuffleNet 1x")
    for groups in (1, 2, 3, 4, 8):
        print(f"{groups:6}  {network_weights(groups):9,}")
    labels = ops.arange(24) % 3
    images = 2 * ops.one_hot(labels, 3)[:, None, None]
    images += keras.random.normal((24, 6, 7, 3), seed=0)
    keras.utils.set_random_seed(0)
    losses = network().fit(images, labels, 24, epochs=15, verbose=0).history["loss"]
    print(f"a small one learns: loss {losses[0]:.3f} -> {losses[-1]:.3f}")
