"""DenseNet: every layer reads all maps before it, and adds a few of its own.

Paper: Huang, Liu, van der Maaten and Weinberger, "Densely Connected Convolutional
       Networks", CVPR 2017.
Link:  https://arxiv.org/abs/1608.06993 (section 3, equation 2, table 1)
"""

import keras
from keras import layers

from modules.vision.classification.residual_parts import (
    Conv,
    classifier,
    conv,
    imagenet_stem,
    norm_relu,
)

BLOCKS = {121: (6, 12, 24, 16), 169: (6, 12, 32, 32), 201: (6, 12, 48, 32)}


def dense_block(x, count, growth_rate, bottleneck=True, rate=0.0, name="block"):
    """Return [x, H_1(x), H_2([x, H_1(x)]), ...], concatenated.

        x_l = H_l([x_0, x_1, ..., x_(l-1)])

    H is BN, ReLU, 3x3 convolution to k channels. With a bottleneck, BN, ReLU and a 1x1
    convolution to 4k channels stand before that. From k0 channels, L layers make
    k0 + k L, by L (L + 1) / 2 connections.

    Args:
        x: (B, H, W, C) Keras tensor; C is called k0.
        count: int >= 1, layers in the block, called L here.
        growth_rate: int >= 1, the channels that a layer adds, called k.
        bottleneck: bool, the paper's B.
        rate: float in [0, 1), of the dropout after every convolution.
        name: str, prefix of the layers' names; the last concatenation has it itself.

    Example:
        >>> dense_block(keras.Input((8, 8, 16)), count=6, growth_rate=12).shape
        (None, 8, 8, 88)
    """
    for i in range(1, count + 1):
        own = f"{name}_layer{i}"
        y = norm_relu(x, f"{own}_1")
        if bottleneck:
            y = _conv(y, Conv(4 * growth_rate, 1), rate, f"{own}_conv1")
            y = norm_relu(y, f"{own}_2")
        y = _conv(y, Conv(growth_rate, 3), rate, f"{own}_conv2")
        x = layers.Concatenate(name=name if i == count else f"{own}_concat")([x, y])
    return x


def transition(x, compression=0.5, rate=0.0, name="transition"):
    """Return x with fewer channels and half the size: BN, ReLU, 1x1, average pooling.

    Args:
        x: (B, H, W, C) Keras tensor.
        compression: float in (0, 1], theta in the paper; C * theta channels remain.
        rate: float in [0, 1), of the dropout after the convolution.
        name: str, the name of the output's layer and prefix of the others.

    Raises:
        ValueError: compression is outside (0, 1].
    """
    if not 0 < compression <= 1:
        raise ValueError(f"compression must be in (0, 1], got {compression!r}")
    filters = int(x.shape[-1] * compression)
    x = _conv(norm_relu(x, name), Conv(filters, 1), rate, f"{name}_conv")
    return layers.AveragePooling2D(2, name=name)(x)


def cifar_densenet(
    depth=40,
    growth_rate=12,
    bottleneck=False,
    compression=1.0,
    rate=0.0,
    num_classes=10,
    input_shape=(32, 32, 3),
):
    """Return the CIFAR network of three dense blocks, from images to logits.

    DenseNet (k = 12, depth 40) has 1,019,722 weights. DenseNet-BC (k = 12, depth 100,
    bottleneck=True, compression=0.5) has 769,162: it starts from 2k channels instead
    of 16. Without augmentation the paper has rate = 0.2.

    Args:
        depth: int, 3n + 4 without and 6n + 4 with bottlenecks, for n layers a block.
        growth_rate, bottleneck, rate: as in dense_block.
        compression: as in transition.
        num_classes: int, number of logits.
        input_shape: (H, W, C); H and W may be None.

    Raises:
        ValueError: depth does not divide into three equal blocks.
    """
    step = 6 if bottleneck else 3
    if depth < 4 + step or (depth - 4) % step:
        raise ValueError(f"depth must be {step}n + 4 with n >= 1, got {depth!r}")
    inputs = keras.Input(input_shape)
    filters = 2 * growth_rate if bottleneck else 16
    x = conv(inputs, Conv(filters, 3), "stem")
    blocks = ((depth - 4) // step,) * 3
    x = _blocks(x, blocks, growth_rate, bottleneck, compression, rate)
    return classifier(inputs, x, num_classes, f"densenet_{depth}_{growth_rate}")


def densenet(depth=121, num_classes=1000, input_shape=(224, 224, 3)):
    """Return the ImageNet network of table 1, from images to logits, with k = 32.

    DenseNet-121 has 7,978,856 trainable weights and 83,648 moving statistics.

    Args:
        depth: 121, 169 or 201.
        num_classes: int, number of logits.
        input_shape: (H, W, C); H and W may be None.

    Raises:
        ValueError: depth is not one of those.
    """
    if depth not in BLOCKS:
        raise ValueError(f"depth must be one of {sorted(BLOCKS)}, got {depth!r}")
    inputs = keras.Input(input_shape)
    x = _blocks(imagenet_stem(inputs), BLOCKS[depth], 32, True, 0.5, 0.0)
    return classifier(inputs, x, num_classes, f"densenet_{depth}")


def _blocks(x, blocks, growth_rate, bottleneck, compression, rate):
    """Chain dense blocks with transitions between, then BN and ReLU."""
    for i, count in enumerate(blocks, 1):
        x = dense_block(x, count, growth_rate, bottleneck, rate, f"block{i}")
        if i < len(blocks):
            x = transition(x, compression, rate, f"transition{i}")
    return norm_relu(x, "last")


def _conv(x, spec, rate, name):
    x = conv(x, spec, name)
    return layers.Dropout(rate, name=f"{name}_dropout")(x) if rate else x
