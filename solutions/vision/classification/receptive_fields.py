"""Exercise: output sizes, receptive fields and weights, from the layer table alone.

Kernels, strides and dilations settle how large every map is, how much of the image
one of its pixels can see, and how many weights it costs. You derive these numbers
and then watch GoogLeNet agree with them.

Paper: Szegedy et al., "Going Deeper with Convolutions", CVPR 2015.
Link:  https://arxiv.org/abs/1409.4842 (section 5, table 1)
Paper: Dumoulin and Visin, "A guide to convolution arithmetic for deep learning", 2016.
Link:  https://arxiv.org/abs/1603.07285 (sections 2 and 5.1)
See:   modules/vision/classification/inception.py, googlenet.py
Needs: vision/classification (Network in Network, Inception), foundations/convolution
Time:  50 minutes
Grade: python -m course grade vision/classification/receptive_fields

Everything is counted along one side of square kernels and images. A kernel with
dilation d has gaps: its taps are d pixels apart. Pooling counts as a layer like any
other: it has a kernel and a stride, but no weights.

When your functions are right, put them beside a measurement:
python -m course demo vision/classification/receptive_fields
"""

import keras
import numpy as np
from keras import ops

from modules.vision.classification.googlenet import MODULES, stem
from modules.vision.classification.inception import Inception


def output_size(size, kernel, stride, dilation, padding):
    """Return the size of a layer's output, as Keras computes it.

    "valid" puts the kernel at the first pixel and then at every stride-th after it,
    as long as all of it lies inside the image. "same" puts zeros around the image, so
    that there is one output for every `stride` pixels of the input; a last group of
    fewer pixels has an output too.

    Args:
        size: int, size of the input; with "valid" at least that of the dilated kernel.
        kernel, stride, dilation: int >= 1.
        padding: "valid" or "same".

    Returns:
        int.
    """
    # BEGIN SOLUTION the size of the dilated kernel, then the number of places for it
    # HINT Draw 7 pixels and a kernel of 3 with stride 2: where can it stand?
    # HINT A kernel of k taps that are d apart covers d * (k - 1) + 1 pixels.
    # HINT "valid": one place, and one more for each full stride of size - span.
    # HINT "same": size / stride, rounded up.
    span = dilation * (kernel - 1) + 1
    # WRONG span = kernel
    # WHY dilation is missing: a kernel with gaps covers more pixels than it has taps
    # WRONG span = dilation * kernel
    # WHY you count a gap behind the last tap too: k taps have k - 1 gaps between them
    if padding == "same":
        return -(-size // stride)
        # WRONG return size
        # WHY "same" keeps the size only if stride is 1
        # WRONG return size // stride
        # WHY you round down with "same", but the last pixels have an output too, even
        # WHY if they are fewer than the stride
    return (size - span) // stride + 1
    # WRONG return (size - span) // stride
    # WHY the + 1 is missing: the kernel's first place counts too
    # WRONG return -(-(size - span) // stride) + 1
    # WHY you round up with "valid", as if the kernel could stick out at the end
    # WRONG return (size - span + 1) // stride
    # WHY you add the 1 before you divide; the first place counts 1 whatever the stride
    # END SOLUTION


def receptive_field(stack):
    """Return how many input pixels one output pixel sees, and how far apart these are.

    The field runs from the first input pixel that an output pixel can depend on to the
    last one; gaps of dilated kernels inside it count. The jump is the distance between
    the fields of two neighbouring output pixels. Borders do not matter here.

    Args:
        stack: list of (kernel, stride, dilation), from the image upwards.

    Returns:
        Two ints (field, jump): (5, 1) for two layers (3, 1, 1).
    """
    # BEGIN SOLUTION go through the stack with the field and the jump so far
    # HINT Without any layer a pixel sees itself and its neighbour is 1 pixel away.
    # HINT A kernel adds d * (k - 1) steps of its own input: how long is one step?
    # HINT field += dilation * (kernel - 1) * jump, and only then jump *= stride
    field, jump = 1, 1
    for kernel, stride, dilation in stack:
        field += dilation * (kernel - 1) * jump
        # WRONG field += dilation * (kernel - 1)
        # WHY you forget the strides below: one step in a layer's input is `jump`
        # WHY pixels of the image
        # WRONG field += dilation * (kernel - 1) * jump * stride
        # WHY you let a layer's stride widen its own field; it widens those of the
        # WHY layers above it
        # WRONG field += (kernel - 1) * jump
        # WHY dilation is missing: the taps are `dilation` pixels apart
        # WRONG field += dilation * kernel * jump
        # WHY you add the whole kernel; its first tap falls on what is seen already,
        # WHY so k taps add k - 1 steps
        jump *= stride
        # WRONG jump = stride
        # WHY you keep only the last stride; strides multiply up the stack
        # WRONG jump += stride
        # WHY you add the strides up; each multiplies what is below it
    return field, jump
    # END SOLUTION


def googlenet_stack():
    """Return the layers from the image to inception (3b) that see the most.

    From table 1 of the paper:

        convolution 7x7, stride 2
        max pooling 3x3, stride 2
        convolution 1x1
        convolution 3x3
        max pooling 3x3, stride 2
        inception (3a), inception (3b)

    An inception module holds four branches side by side; its output pixel sees what
    its widest branch sees:

        1x1    |    1x1, 3x3    |    1x1, 5x5    |    max pooling 3x3 of stride 1, 1x1

    Returns:
        list of (kernel, stride, dilation), in the order of the path.
    """
    # BEGIN SOLUTION one branch of each module, and do not forget what has no weights
    # HINT Branches lie side by side, so a path goes through one of them.
    # HINT The path has six layers of a kernel larger than 1; two of them pool.
    # HINT It starts with (7, 2, 1), (3, 2, 1); each module adds (1, 1, 1), (5, 1, 1).
    stem = [(7, 2, 1), (3, 2, 1), (1, 1, 1), (3, 1, 1), (3, 2, 1)]
    # WRONG stem = [(7, 2, 1), (1, 1, 1), (3, 1, 1)]
    # WHY the poolings are missing: they have no weights, but they widen the field, and
    # WHY their strides widen what every later layer adds
    module = [(1, 1, 1), (5, 1, 1)]
    # WRONG module = [(1, 1, 1), (3, 1, 1)]
    # WHY you follow the 3x3 branch; the 5x5 branch sees more
    # WRONG module = [(1, 1, 1), (3, 1, 1), (5, 1, 1), (3, 1, 1)]
    # WHY you stack the branches; they lie side by side, so a path takes only one
    return stem + module + module
    # WRONG return stem + module
    # WHY you stop at inception (3a); (3b) comes after it
    # END SOLUTION


def inception_size(channels, ones, reduce3, threes, reduce5, fives, project):
    """Return the weights and the output channels of an inception module.

    The branches are a 1x1 convolution; a 1x1 and then a 3x3; a 1x1 and then a 5x5; a
    max pooling and then a 1x1. Every convolution has biases. The module's output is
    what the four branches end in, concatenated.

    Args:
        channels: int, channels of the module's input.
        ones: int, filters of the 1x1 branch.
        reduce3, threes: int, filters of the 1x1 and of the 3x3 in the second branch.
        reduce5, fives: int, the same in the third branch.
        project: int, filters of the 1x1 after the pooling.

    Returns:
        Two ints (weights, output channels): (163696, 256) for inception (3a), which
        has channels = 192, ones = 64, 96 and 128, 16 and 32, project = 32.
    """

    # BEGIN SOLUTION count one convolution, then six of them
    # HINT A filter looks at all channels of its input: how many weights is that?
    # HINT One convolution: kernel * kernel * before * after + after. Six in all.
    # HINT The 3x3 reads the reduce3 channels that the 1x1 before it made.
    def conv(kernel, before, after):
        weights = kernel * kernel * before * after
        # WRONG weights = kernel * before * after
        # WHY you count one side of the kernel only; a k x k kernel has k * k taps
        return weights + after
        # WRONG return weights
        # WHY the biases are missing: one for every filter

    second = conv(1, channels, reduce3) + conv(3, reduce3, threes)
    # WRONG second = conv(1, channels, reduce3) + conv(3, channels, threes)
    # WHY your 3x3 reads the module's input; it reads what the 1x1 before it made
    # WRONG second = conv(3, channels, threes)
    # WHY the 1x1 reduction in front of the 3x3 is missing
    third = conv(1, channels, reduce5) + conv(5, reduce5, fives)
    fourth = conv(1, channels, project)
    # WRONG fourth = conv(3, channels, channels) + conv(1, channels, project)
    # WHY you count weights for the pooling; taking a maximum has none
    weights = conv(1, channels, ones) + second + third + fourth
    return weights, ones + threes + fives + project
    # WRONG return weights, ones + reduce3 + threes + reduce5 + fives + project
    # WHY you concatenate the reductions too; only what ends a branch is in the output
    # END SOLUTION


def gap_head(x, kernel, bias):
    """Return class logits: a 1x1 convolution to one map per class, then its average.

    Each map is averaged over the whole image, which is why the head takes images of
    any size. There is no activation function.

    Args:
        x: (B, H, W, C) float.
        kernel: (C, K) float, the 1x1 convolution, shared by all pixels.
        bias: (K,) float.

    Returns:
        (B, K) float.
    """
    # BEGIN SOLUTION the maps, then one number for each
    # HINT ops.matmul(x, kernel) multiplies the C values of every pixel by the kernel.
    # HINT Of (B, H, W, K) the axes 1 and 2 must go.
    maps = ops.matmul(x, kernel) + bias  # (B, H, W, K)
    return ops.mean(maps, axis=(1, 2))
    # WRONG return ops.mean(maps, axis=-1)
    # WHY you average over the classes at each pixel; global average pooling averages
    # WHY over the pixels, for each class on its own
    # WRONG return ops.sum(maps, axis=(1, 2))
    # WHY you add the pixels up, so a larger image has larger logits: average
    # WRONG return ops.max(maps, axis=(1, 2))
    # WHY you take each map's largest value; the head averages
    # WRONG return ops.softmax(ops.mean(maps, axis=(1, 2)))
    # WHY these are probabilities; asked are the logits, without a softmax
    # END SOLUTION


def googlenet_start():
    """Return GoogLeNet up to inception (3b), with positive weights; given.

    With weights above zero nothing cancels and no ReLU closes: whatever an output
    pixel can see, it does see.
    """
    inputs = keras.Input((None, None, 3))
    x = stem(inputs)
    for name in ("3a", "3b"):
        x = Inception(*MODULES[name])(x)
    start = keras.Model(inputs, x)
    start.set_weights([np.abs(w) for w in start.get_weights()])
    return start


def columns_seen(network, width, column):
    """Return the first and last input column that an output column sees; given.

    Image i of the batch is dark but for its column i.
    """
    images = np.eye(width, dtype="float32")[:, None, :, None].repeat(3, axis=-1)
    answers = ops.convert_to_numpy(network(images))[:, 0, column]  # (width, C)
    seen = np.flatnonzero(answers.max(axis=-1) > 0)
    return int(seen[0]), int(seen[-1])


if __name__ == "__main__":
    size, stack = 224, googlenet_stack()
    print("layer   size  field  jump")
    for depth, (kernel, stride, dilation) in enumerate(stack, 1):
        size = output_size(size, kernel, stride, dilation, "same")
        field, jump = receptive_field(stack[:depth])
        print(f"{kernel}x{kernel}/{stride}  {size:5}  {field:5}  {jump:4}")
    first, last = columns_seen(googlenet_start(), 112, 6)
    seen = last - first + 1
    print(f"measured: a pixel of (3b) sees {seen} columns, {first} to {last}")
