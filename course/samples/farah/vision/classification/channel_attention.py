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
    k = int((math.log2(channels) + 1) / 2)
    while k % 2 == 0:
        k = k + 2  # next odd number
    return k


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
    x = ops.mean(x, axis=(1, 2))
    x = ops.conv(x[:, :, None], kernel[:, None, None], padding="same")
    return ops.sigmoid(x[:, :, 0])


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
