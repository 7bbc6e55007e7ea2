"""AlexNet: five convolutions and three dense layers, with ReLU and dropout.

Paper: Krizhevsky, Sutskever and Hinton, "ImageNet Classification with Deep
       Convolutional Neural Networks", NeurIPS 2012.
Link:  https://papers.nips.cc/paper/4824 (sections 3 and 4.2, figure 2)
"""

import keras
from keras import layers

from modules.vision.classification.local_response_normalization import (
    LocalResponseNormalization,
)


def alexnet(groups=2, rate=0.5, num_classes=1000, input_shape=(227, 227, 3)):
    """Return the network of figure 2, from images to logits: 60,965,224 weights.

    The second, fourth and fifth convolution are in two groups, because two GPUs held
    half of the channels each and met in the third. With groups=1 there are 62,378,344
    weights. Pooling windows of 3 overlap, since they are 2 apart.

    The paper says 224 x 224 and 55 x 55 maps, which do not fit: without padding
    (227 - 11) / 4 + 1 = 55, and 224 pixels give 54.

    Args:
        groups: int >= 1, of those three convolutions; 2 in the paper.
        rate: float in [0, 1), of the dropout behind the first two dense layers.
        num_classes: int >= 1.
        input_shape: (H, W, C), at least 67 x 67.

    Returns:
        keras.Model. Its layers have the names that the literature uses: conv1 to conv5,
        pool1, pool2, pool5, fc6, fc7.

    Raises:
        ValueError: groups does not divide the channels, or an image is too small.
    """
    if 96 % groups or groups < 1:
        raise ValueError(f"groups must divide 96, got {groups!r}")
    if not all(size and size >= 67 for size in input_shape[:2]):
        raise ValueError(f"H and W must be at least 67, got {tuple(input_shape)}")
    inputs = keras.Input(input_shape)
    x = layers.Conv2D(96, 11, 4, activation="relu", name="conv1")(inputs)  # 55 x 55
    x = layers.MaxPooling2D(3, 2, name="pool1")(LocalResponseNormalization()(x))  # 27
    x = _conv(x, 256, 5, groups, "conv2")
    x = layers.MaxPooling2D(3, 2, name="pool2")(LocalResponseNormalization()(x))  # 13
    x = _conv(x, 384, 3, 1, "conv3")
    x = _conv(x, 384, 3, groups, "conv4")
    x = _conv(x, 256, 3, groups, "conv5")
    x = layers.MaxPooling2D(3, 2, name="pool5")(x)  # 6 x 6
    return keras.Model(inputs, dense_head(x, rate, num_classes), name="alexnet")


def dense_head(x, rate, num_classes):
    """Return logits from maps, through two layers of 4,096 units with dropout.

    Args:
        x: (B, H, W, C) Keras tensor, H and W known.
        rate: float in [0, 1); 0 for no dropout.
        num_classes: int >= 1.
    """
    x = layers.Flatten(name="flatten")(x)
    for name in ("fc6", "fc7"):
        x = layers.Dense(4096, "relu", name=name)(x)
        x = layers.Dropout(rate, name=f"{name}_dropout")(x) if rate else x
    return layers.Dense(num_classes, name="logits")(x)


def _conv(x, filters, size, groups, name):
    options = {"padding": "same", "activation": "relu", "groups": groups}
    return layers.Conv2D(filters, size, **options, name=name)(x)
