"""Pre-activation residual networks: BN and ReLU move before the convolutions.

Paper: He, Zhang, Ren and Sun, "Identity Mappings in Deep Residual Networks", ECCV 2016.
Link:  https://arxiv.org/abs/1603.05027 (figure 1b, equations 4 and 5, appendix)
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
    norm_relu,
    project,
    units,
)


def preact_block(
    x, convs, shortcut="B", gate=None, rate=0.0, activated=False, name="block"
):
    """Return x + F(x), F being the convs with BN and ReLU before each.

    Nothing follows the addition, so x_L = x_l + F_l + ... + F_(L-1): what enters a
    stage reaches its end unchanged, and so does the gradient on its way back. Where
    the shape changes, the shortcut starts after the first ReLU, and has no BN.

    Args:
        x: (B, H, W, C) Keras tensor.
        convs, shortcut, gate, name: as in residual_block.
        rate: float in [0, 1), dropout between the convs (wide networks use it).
        activated: True if x comes from BN and ReLU, as it does in the first block.

    Example:
        >>> x = keras.Input((8, 8, 16))
        >>> preact_block(x, basic(32, strides=2)).shape
        (None, 4, 4, 32)
    """
    y = x if activated else norm_relu(x, f"{name}_1")
    s = project(y, convs, shortcut, f"{name}_shortcut")
    s = x if s is y else s
    for i, spec in enumerate(convs, 1):
        if i > 1:
            y = norm_relu(y, f"{name}_{i}")
            y = layers.Dropout(rate, name=f"{name}_dropout{i}")(y) if rate else y
        y = conv(y, spec, f"{name}_conv{i}")
    y = gate(y) if gate else y
    return layers.Add(name=name)([s, y])


def cifar_preact_resnet(
    n,
    plan=basic,
    filters=(16, 32, 64),
    shortcut="B",
    gate=None,
    rate=0.0,
    num_classes=10,
    input_shape=(32, 32, 3),
    name="preact_resnet",
):
    """Return the CIFAR network: stem, three stages of n blocks, from images to logits.

    Args:
        n: int >= 1. The depth is 6n + 2 with plan=basic, 9n + 2 with bottleneck.
        plan: function (filters, strides) to convs.
        filters: filters of the three stages.
        shortcut, gate, rate: as in preact_block.
        num_classes: int, number of logits.
        input_shape: (H, W, C); H and W may be None.
        name: str, name of the model.
    """
    inputs = keras.Input(input_shape)
    x = norm_relu(conv(inputs, Conv(16, 3), "stem"), "stem")
    options = {"shortcut": shortcut, "gate": gate, "rate": rate}
    x = _blocks(x, units(plan, filters, (n, n, n)), options)
    return classifier(inputs, x, num_classes, name)


def preact_resnet(
    depth=50,
    shortcut="B",
    gate=None,
    plan=None,
    num_classes=1000,
    input_shape=(224, 224, 3),
):
    """Return the ImageNet network; arguments as in `residual.resnet`.

    keras.applications.ResNet50V2 is a relative: it halves the map in the last block
    of a stage and has biases. 25,549,352 weights for depth 50.
    """
    own_plan, blocks = blocks_of(depth)
    inputs = keras.Input(input_shape)
    x = imagenet_stem(inputs)
    plans = units(plan or own_plan, (64, 128, 256, 512), blocks)
    x = _blocks(x, plans, {"shortcut": shortcut, "gate": gate})
    return classifier(inputs, x, num_classes, f"preact_resnet_{depth}")


def _blocks(x, plans, options):
    """Chain the blocks. The stem has activated x; after the last block we must."""
    for index, (convs, name) in enumerate(plans):
        x = preact_block(x, convs, activated=index == 0, name=name, **options)
    return norm_relu(x, "last")
