"""VGG: nothing but 3 x 3 convolutions and halvings, 11 to 19 layers deep.

Paper: Simonyan and Zisserman, "Very Deep Convolutional Networks for Large-Scale Image
       Recognition", ICLR 2015.
Link:  https://arxiv.org/abs/1409.1556 (section 2, tables 1 and 2)
"""

import keras
from keras import layers

from modules.vision.classification.alexnet import dense_head

FILTERS = (64, 128, 256, 512, 512)
CONVS = {  # 3 x 3 convolutions in each of the five blocks: columns A, B, D, E
    11: (1, 1, 2, 2, 2),
    13: (2, 2, 2, 2, 2),
    16: (2, 2, 3, 3, 3),
    19: (2, 2, 4, 4, 4),
}


def vgg_maps(x, depth=16, padding="valid"):
    """Return every map of the convolutional part by name.

    The names are those of the literature: conv1_1, conv1_2, pool1, ..., conv4_3, ...,
    conv5_3, pool5; so a detector takes what it needs:

        maps = vgg_maps(inputs, padding="same")
        x = maps["conv4_3"]

    Args:
        x: (B, H, W, C) Keras tensor, an image.
        depth: 11, 13, 16 or 19.
        padding: of the pooling, which halves an odd height down if "valid" and up if
            "same" (as Caffe does, and so SSD).

    Returns:
        dict from name to Keras tensor, in the order of computation.

    Raises:
        ValueError: depth is not in table 1.

    Example:
        >>> vgg_maps(keras.Input((64, 96, 3)))["conv4_3"].shape
        (None, 8, 12, 512)
    """
    if depth not in CONVS:
        raise ValueError(f"depth must be one of {sorted(CONVS)}, got {depth!r}")
    conv = {"padding": "same", "activation": "relu", "kernel_initializer": "he_normal"}
    maps = {}
    for block, (filters, count) in enumerate(
        zip(FILTERS, CONVS[depth], strict=True), 1
    ):
        for i in range(1, count + 1):
            name = f"conv{block}_{i}"
            x = maps[name] = layers.Conv2D(filters, 3, **conv, name=name)(x)
        name = f"pool{block}"
        x = maps[name] = layers.MaxPooling2D(2, padding=padding, name=name)(x)
    return maps


def vgg(depth=16, rate=0.5, num_classes=1000, input_shape=(224, 224, 3)):
    """Return the network of table 1, from images to logits: 138,357,544 weights.

    Two 3 x 3 convolutions see 5 x 5 pixels, three see 7 x 7, with fewer weights than
    one of that size and a ReLU more. The convolutional part of VGG-16 has 14,714,688
    weights; 89.4 % of all are in the three dense layers. keras.applications' VGG16 is
    the same without dropout.

    Args:
        depth: 11, 13, 16 or 19 layers with weights, three of them dense.
        rate: float in [0, 1), of the dropout behind the first two dense layers.
        num_classes: int >= 1, or None for the convolutional part alone, which ends in
            pool5 and takes images of any size.
        input_shape: (H, W, C).

    Returns:
        keras.Model. Its layers have the names of vgg_maps, then fc6, fc7 and logits.

    Raises:
        ValueError: depth is not in table 1.
    """
    inputs = keras.Input(input_shape)
    x = vgg_maps(inputs, depth)["pool5"]
    if num_classes is not None:
        x = dense_head(x, rate, num_classes)
    return keras.Model(inputs, x, name=f"vgg_{depth}")
