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
    # BEGIN SOLUTION filter each channel alone, then mix
    # HINT A 1x1 convolution is a matrix product at each pixel.
    # HINT ops.depthwise_conv takes a kernel of (3, 3, C, m), strides and padding.
    # HINT y = ops.depthwise_conv(x, kernel, strides, padding="same"), then a product.
    y = ops.depthwise_conv(x, kernel, strides, padding="same")  # (B, H/s, W/s, C m)
    # WRONG y = ops.relu(ops.depthwise_conv(x, kernel, strides, padding="same"))
    # WHY there is a ReLU between the two; in Xception nothing stands there, and its
    # WHY absence helps
    # WRONG y = ops.depthwise_conv(x, kernel, padding="same")[:, ::strides, ::strides]
    # WHY you take every second pixel of an unstrided map: on even sizes "same" with
    # WHY strides of 2 pads below and to the right only, and looks one pixel further
    # WRONG swapped = ops.reshape(ops.transpose(kernel, (0, 1, 3, 2)), kernel.shape)
    # WRONG y = ops.depthwise_conv(x, swapped, strides, padding="same")
    # WHY your filters meet the wrong channels: those of one channel stand together
    # WRONG y = ops.depthwise_conv(x, kernel[:, :, ::-1], strides, padding="same")
    # WHY your channels are filtered in reverse order
    return y @ pointwise
    # WRONG return ops.relu(y @ pointwise)
    # WHY you end in a ReLU; the separable convolution is linear, as asked
    # END SOLUTION


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
    # BEGIN SOLUTION wide inside, linear at the end
    # HINT ops.relu6 is there; it stands behind the first and the second convolution.
    # HINT The projection is linear, and nothing follows the sum.
    # HINT if strides == 1 and project.shape[-1] == x.shape[-1]: return x + y
    y = ops.relu6(x @ expand)  # (B, H, W, t C)
    # WRONG y = ops.relu(x @ expand)
    # WHY the first activation is a ReLU without the bound of 6
    # WRONG y = x @ expand
    # WHY there is no activation behind the expansion
    # WRONG y = ops.relu6(x[:, ::strides, ::strides] @ expand)
    # WRONG strides, stride = 1, strides
    # WRONG x = x if stride == 1 else y
    # WHY the strides are on the expansion, which throws pixels away before any filter
    # WHY has seen them; they belong to the depthwise convolution
    y = ops.relu6(ops.depthwise_conv(y, kernel, strides, padding="same"))
    # WRONG y = ops.depthwise_conv(y, kernel, strides, padding="same")
    # WHY there is no activation behind the depthwise convolution; only the projection
    # WHY is linear
    y = y @ project  # (B, H/s, W/s, N)
    # WRONG y = ops.relu6(y @ project)
    # WHY the projection ends in ReLU6: it is a linear bottleneck, and a ReLU would lose
    # WHY what no other channel keeps
    if strides == 1 and project.shape[-1] == x.shape[-1]:
        return x + y
        # WRONG return ops.relu6(x + y)
        # WHY there is an activation behind the sum; nothing follows it
        # WRONG return y
        # WHY the input is never added: it is where strides is 1 and N = C
    return y
    # WRONG return x + y if strides == 1 else y
    # WHY you add x wherever strides is 1: with one channel it is broadcast to all
    # WRONG return x + y if project.shape[-1] == x.shape[-1] else y
    # WHY you add x wherever the channels agree: with strides of 2 only chance makes the
    # WHY sizes fit
    # END SOLUTION


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
    # BEGIN SOLUTION one matrix product a group, side by side
    # HINT With groups = 1 it is x @ kernel.
    # HINT ops.split(x, groups, axis=-1) gives the groups; split the kernel too.
    # HINT Multiply group by group, and concatenate the products along the last axis.
    parts = ops.split(x, groups, axis=-1)
    # WRONG parts = [x[..., i::groups] for i in range(groups)]
    # WHY a group takes every g-th channel; its channels are neighbours, that is why
    # WHY they are shuffled afterwards
    kernels = ops.split(kernel, groups, axis=-1)
    # WRONG kernels = [kernel[:, i::groups] for i in range(groups)]
    # WHY a group takes every g-th column of the kernel; its columns are neighbours
    mixed = [part @ own for part, own in zip(parts, kernels, strict=True)]
    # WRONG mixed = [part @ kernels[0] for part in parts]
    # WHY all groups are mixed by the first group's columns
    return ops.concatenate(mixed, axis=-1)
    # WRONG return ops.reshape(ops.stack(mixed, axis=-1), (*x.shape[:-1], -1))
    # WHY your groups of the output are interleaved; they stand one behind the other
    # END SOLUTION


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
    # BEGIN SOLUTION a table of g rows and n columns, read by columns
    # HINT Write the channels of the example into a table of 2 rows and 3 columns.
    # HINT Reshape to (..., g, n), swap the last two axes, and flatten them again.
    # HINT H and W may be None: use ops.shape(x) for them, or -1 for one of the sizes.
    channels = x.shape[-1]
    if channels % groups:
        raise ValueError(f"groups must divide {channels} channels, got {groups}")
    shape = ops.shape(x)
    y = ops.reshape(x, (*shape[:-1], groups, channels // groups))
    # WRONG y = ops.reshape(x, (*shape[:-1], channels // groups, groups))
    # WHY you shuffle in C / g groups, which undoes the shuffle in g groups
    y = ops.swapaxes(y, -1, -2)
    # WRONG pass
    # WHY no channel moves: without a shuffle a group never learns of the others
    return ops.reshape(y, shape)
    # WRONG return ops.flip(ops.reshape(y, shape), axis=-1)
    # WHY the channels come out in reverse order
    # END SOLUTION


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
    # BEGIN SOLUTION group, shuffle, filter, group; then add or concatenate
    # HINT All pieces are yours: grouped_pointwise twice, channel_shuffle once.
    # HINT ops.average_pool(x, 3, 2, padding="same") halves x.
    # HINT There are two ReLUs in all: one in the branch, one at the very end.
    y = ops.relu(grouped_pointwise(x, reduce, groups))
    # WRONG y = grouped_pointwise(x, reduce, groups)
    # WHY there is no ReLU behind the first 1x1
    y = channel_shuffle(y, groups)
    # WRONG pass
    # WHY no channel moves: without a shuffle a group never learns of the others
    # WRONG y = channel_shuffle(y, y.shape[-1] // groups)
    # WHY you shuffle in C / g groups, which undoes the shuffle in g groups
    y = ops.depthwise_conv(y, kernel, strides, padding="same")
    # WRONG y = ops.relu(ops.depthwise_conv(y, kernel, strides, padding="same"))
    # WHY there is a ReLU behind the depthwise convolution; ShuffleNet has none there
    y = grouped_pointwise(y, expand, groups)
    # WRONG y = ops.relu(grouped_pointwise(y, expand, groups))
    # WHY the branch ends in a ReLU of its own; the only one there is behind the sum
    if strides == 1:
        return ops.relu(x + y)
        # WRONG return x + y
        # WHY the ReLU behind the sum is missing
        # WRONG return x + ops.relu(y)
        # WHY the ReLU is on the branch alone; it comes after the sum
    halved = ops.average_pool(x, 3, 2, padding="same")
    # WRONG halved = ops.max_pool(x, 3, 2, padding="same")
    # WHY you halve x by the maximum; the unit takes the average
    # WRONG halved = ops.average_pool(x, 2, 2, padding="same")
    # WHY your windows are 2x2; the unit's are 3x3
    return ops.relu(ops.concatenate([halved, y], axis=-1))
    # WRONG return ops.relu(ops.concatenate([y, halved], axis=-1))
    # WHY the branch comes first; x does
    # WRONG return ops.concatenate([halved, ops.relu(y)], axis=-1)
    # WHY with strides of 2 only the branch goes through the last ReLU; both do
    # END SOLUTION


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
    # BEGIN SOLUTION three convolutions, each with its normalization
    # HINT A grouped 1x1 from a to b channels has a / groups * b weights.
    # HINT A depthwise 3x3 has 9 weights a channel.
    # HINT How many channels must the last convolution make if x brings some along?
    inside = filters // 4
    made = filters - channels if strides == 2 else filters
    # WRONG made = filters
    # WHY with strides of 2 the branch makes all channels; x brings its own along
    seen = channels if first else channels // groups
    # WRONG seen = channels // groups
    # WHY the first 1x1 of the first unit is grouped; with 24 channels it is not
    # WRONG seen = channels
    # WHY the first 1x1 is never grouped; it is everywhere but in the first unit
    convolutions = seen * inside + 9 * inside + inside // groups * made
    # WRONG convolutions = seen * inside + 9 * inside**2 + inside // groups * made
    # WHY your 3x3 mixes all channels; a depthwise one has 9 weights for each
    # WRONG convolutions = seen * inside + 9 * inside + inside * made
    # WHY the last 1x1 is not grouped
    return convolutions + 2 * (inside + inside + made)
    # WRONG return convolutions
    # WHY the batch normalizations are missing: two weights a channel behind each of the
    # WHY three convolutions
    # WRONG return convolutions + 4 * (inside + inside + made)
    # WHY you count the moving statistics, which are no weights
    # END SOLUTION


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
