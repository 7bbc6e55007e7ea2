"""Residual networks: each block adds a correction to what it was given.

Paper: He, Zhang, Ren and Sun, "Deep Residual Learning for Image Recognition",
       CVPR 2016.
Link:  https://arxiv.org/abs/1512.03385 (sections 3 and 4.2, figures 2 and 5, table 1)
"""

import keras
from keras import layers

from modules.vision.classification.residual_parts import (
    Conv,
    basic,
    blocks_of,
    classifier,
    conv,
    imagenet_stem,
    norm,
    norm_relu,
    project,
    units,
)


def residual_block(x, convs, shortcut="B", gate=None, name="block"):
    """Return ReLU(F(x) + x), F being the convs with BN after each and ReLU between.

    Args:
        x: (B, H, W, C) Keras tensor.
        convs: sequence of Conv, for example basic(64, strides=1).
        shortcut: where the shape changes, "A" subsamples and pads with zeros,
            "B" projects with a 1x1 convolution and BN; elsewhere it is the identity.
        gate: function of the branch's output, such as lambda y: SqueezeExcite(16)(y).
        name: str, the name of the output's layer and prefix of the others.
    """
    y = x
    for i, spec in enumerate(convs, 1):
        y = conv(y, spec, f"{name}_conv{i}")
        last = i == len(convs)
        y = norm(y, f"{name}_{i}_norm") if last else norm_relu(y, f"{name}_{i}")
    y = gate(y) if gate else y
    s = project(x, convs, shortcut, f"{name}_shortcut")
    if shortcut == "B" and s is not x:
        s = norm(s, f"{name}_shortcut_norm")
    return layers.ReLU(name=name)(layers.Add(name=f"{name}_add")([s, y]))


def cifar_resnet(n, shortcut="A", gate=None, num_classes=10, input_shape=(32, 32, 3)):
    """Return the CIFAR network of 6n + 2 layers: stem, three stages of n basic blocks.

    Shortcut "A", as in the paper: 269,722 weights for n = 3. Keras needs
    sys.setrecursionlimit(2000) for ResNet-1202 (n = 200), the deepest of the paper.
    """
    inputs = keras.Input(input_shape)
    x = norm_relu(conv(inputs, Conv(16, 3), "stem"), "stem")
    for convs, name in units(basic, (16, 32, 64), (n, n, n)):
        x = residual_block(x, convs, shortcut, gate, name)
    return classifier(inputs, x, num_classes, f"resnet_{6 * n + 2}")


def resnet(
    depth=50,
    shortcut="B",
    gate=None,
    plan=None,
    num_classes=1000,
    input_shape=(224, 224, 3),
    name=None,
):
    """Return the ImageNet network of table 1, from images to logits.

    Args:
        depth: 18, 34, 50, 101 or 152.
        shortcut, gate: as in residual_block.
        plan: function (filters, strides) to convs, instead of the depth's own.
        num_classes: int, number of logits.
        input_shape: (H, W, C); H and W may be None.
        name: str, name of the model.

    Raises:
        ValueError: depth is not in table 1, or shortcut neither "A" nor "B".
    """
    own_plan, blocks = blocks_of(depth)
    inputs = keras.Input(input_shape)
    x = imagenet_stem(inputs)
    for convs, name in units(plan or own_plan, (64, 128, 256, 512), blocks):
        x = residual_block(x, convs, shortcut, gate, name)
    return classifier(inputs, x, num_classes, name or f"resnet_{depth}")
