"""Exercise: efficient channel attention.

Squeeze-and-excitation spends 2 C^2 / r weights so that every channel can see
every other. ECA-Net lets a channel see only its k nearest, and spends k.

Paper: Wang et al., "ECA-Net", CVPR 2020.
Link:  https://arxiv.org/abs/1910.03151 (section 3.2)
See:   modules/vision/classification/squeeze_excite.py
Needs: vision/classification (squeeze-and-excitation)
Time:  25 minutes
Grade: python -m course grade vision/classification/channel_attention

When your functions are right, compare what the two kinds of attention cost:
python -m course demo vision/classification/channel_attention
"""

import math

import keras
from keras import layers, ops

from modules.vision.classification.residual import residual_block
from modules.vision.classification.residual_parts import (
    Conv,
    basic,
    classifier,
    conv,
    norm_relu,
    units,
)


def kernel_size(channels):
    """Return how many neighbouring channels see each other.

    Take (log2(channels) + 1) / 2, round it down, and if that is even add 1.

    Args:
        channels: int >= 1.

    Returns:
        int, odd: 3 for 64 channels, 5 for 128.
    """
    # BEGIN SOLUTION round down first, then make it odd
    # HINT Work out 128 channels on paper: 2 to which power is 128?
    # HINT t = int((math.log2(channels) + 1) / 2) is rounded down; t may still be even.
    # HINT return t if t % 2 else t + 1
    t = int((math.log2(channels) + 1) / 2)
    # WRONG t = round((math.log2(channels) + 1) / 2)
    # WHY you round to the nearest whole number; the statement rounds down
    # WRONG t = math.ceil((math.log2(channels) + 1) / 2)
    # WHY you round up; the statement rounds down and only then looks at odd or even
    # WRONG t = int((math.log(channels) + 1) / 2)
    # WHY this is the natural logarithm; the formula takes it to base 2
    # WRONG t = int(math.log2(channels) / 2)
    # WHY the + 1 in the formula is missing
    return t if t % 2 else t + 1
    # WRONG return t if t % 2 else t - 1
    # WHY you take 1 away from an even size; the statement adds 1
    # WRONG return t
    # WHY you return even sizes as they are; a kernel without a middle has no channel
    # WHY that weighs itself
    # END SOLUTION


def gates(x, kernel):
    """Return one gate in (0, 1) per image and channel.

    Average x over the image, slide the kernel along the channels with zeros
    beyond both ends, and squash with the sigmoid. As in every convolution layer,
    the kernel is not flipped: kernel[k // 2] weighs the channel itself and the
    entries behind it weigh the channels with a higher index.

    Use keras.ops and not NumPy, since gradients must flow through. Inside a network
    B, H and W may be unknown (None) when your function is called, so do not loop
    over them; C and k are known.

    Args:
        x: (B, H, W, C) float.
        kernel: (k,) float, k odd.

    Returns:
        (B, C) float.
    """
    # BEGIN SOLUTION average, slide, squash
    # HINT The average leaves a row of C numbers per image; slide along that row.
    # HINT ops.conv wants (batch, position, feature) and a kernel of (k, 1, 1).
    # HINT s = ops.conv(s[:, :, None], kernel[:, None, None], padding="same")
    s = ops.mean(x, axis=(1, 2))[:, :, None]  # (B, C, 1)
    # WRONG s = ops.mean(x, axis=(0, 1, 2))[None, :, None]
    # WHY this averages over the batch too, so one image changes another's gate
    # WRONG s = ops.max(x, axis=(1, 2))[:, :, None]
    # WHY you take the largest value of the image; the statement averages
    s = ops.conv(s, kernel[:, None, None], padding="same")  # (B, C, 1)
    # WRONG s = ops.conv(s, ops.flip(kernel)[:, None, None], padding="same")
    # WHY your kernel runs backwards: its last entry weighs the lowest channel
    # WRONG s = ops.conv(s, kernel[:, None, None], padding="valid")
    # WHY without zeros beyond the ends the outermost channels get no gate
    # WRONG half = kernel.shape[0] // 2
    # WRONG s = ops.concatenate([s[:, -half:], s, s[:, :half]], axis=1)
    # WRONG s = ops.conv(s, kernel[:, None, None], padding="valid")
    # WHY your kernel wraps around, so the first channel sees the last one; beyond the
    # WHY ends there are zeros
    return ops.sigmoid(s[:, :, 0])  # (B, C)
    # WRONG return s[:, :, 0]
    # WHY a gate must lie in (0, 1): the sigmoid is missing
    # WRONG return ops.softmax(s[:, :, 0])
    # WHY the softmax lets the channels compete for a sum of 1; each gate is a sigmoid
    # WHY of its own
    # END SOLUTION


class EfficientChannelAttention(layers.Layer):
    """Your two functions as a layer; given, so that you can put it in a ResNet."""

    def build(self, input_shape):
        size = kernel_size(input_shape[-1])
        self.kernel = self.add_weight(shape=(size,), name="kernel")

    def call(self, x):
        return x * gates(x, self.kernel)[:, None, None, :]


def network():
    """Return a residual network with your layer at the end of each branch; given."""
    inputs = keras.Input((None, None, 3))
    x = norm_relu(conv(inputs, Conv(16, 3), "stem"), "stem")
    for convs, name in units(basic, filters=(16, 32), blocks=(1, 1)):
        gate = EfficientChannelAttention(name=f"{name}_attention")
        x = residual_block(x, convs, gate=gate, name=name)
    model = classifier(inputs, x, num_classes=3, name="attentive")
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.SGD(0.1, momentum=0.9), loss, jit_compile=False)
    return model


if __name__ == "__main__":
    print("channels  squeeze-and-excitation (r = 16)  yours")
    for channels in (64, 128, 256, 512, 1024, 2048):
        layer = EfficientChannelAttention()
        layer.build((None, None, None, channels))
        print(f"{channels:8}  {2 * channels**2 // 16:31,}  {layer.count_params():5}")
