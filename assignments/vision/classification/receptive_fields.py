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
    # TODO: the size of the dilated kernel, then the number of places for it
    raise NotImplementedError


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
    # TODO: go through the stack with the field and the jump so far
    raise NotImplementedError


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
    # TODO: one branch of each module, and do not forget what has no weights
    raise NotImplementedError


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

    # TODO: count one convolution, then six of them
    raise NotImplementedError


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
    # TODO: the maps, then one number for each
    raise NotImplementedError


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
