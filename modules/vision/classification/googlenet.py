"""GoogLeNet: nine inception modules, and two more classifiers on the way.

Paper: Szegedy et al., "Going Deeper with Convolutions", CVPR 2015.
Link:  https://arxiv.org/abs/1409.4842 (section 5, table 1, figure 3)
"""

import keras
from keras import layers

from modules.vision.classification.inception import Inception
from modules.vision.classification.local_response_normalization import (
    LocalResponseNormalization,
)

MODULES = {  # 1x1, 3x3 reduce, 3x3, 5x5 reduce, 5x5, pool proj: the rows of table 1
    "3a": (64, 96, 128, 16, 32, 32),
    "3b": (128, 128, 192, 32, 96, 64),
    "4a": (192, 96, 208, 16, 48, 64),
    "4b": (160, 112, 224, 24, 64, 64),
    "4c": (128, 128, 256, 24, 64, 64),
    "4d": (112, 144, 288, 32, 64, 64),
    "4e": (256, 160, 320, 32, 128, 128),
    "5a": (256, 160, 320, 32, 128, 128),
    "5b": (384, 192, 384, 48, 128, 128),
}
AUXILIARY = {"4a": "aux1", "4d": "aux2"}  # where the two classifiers stand
LOSS_WEIGHTS = {"logits": 1.0, "aux1": 0.3, "aux2": 0.3}


def googlenet(aux=True, num_classes=1000, input_shape=(224, 224, 3)):
    """Return the network of table 1, from images to logits.

    The auxiliary classifiers bring gradient to the middle of the network while it
    trains, with weight 0.3 each; at test time they are cut off:

        model = googlenet()
        model.compile("sgd", dict.fromkeys(LOSS_WEIGHTS, loss), LOSS_WEIGHTS)
        model.fit(x, dict.fromkeys(LOSS_WEIGHTS, y))
        classifier = keras.Model(model.input, model.output["logits"])

    6,998,552 weights without the auxiliary classifiers, 13,378,280 with them.

    Args:
        aux: bool, whether to add the two auxiliary classifiers.
        num_classes: int, number of logits.
        input_shape: (H, W, C). With aux, H and W must be known, and at least 80.

    Returns:
        keras.Model. Its output is the logits, or with aux a dict of three of them:
        "logits", "aux1" and "aux2".

    Raises:
        ValueError: aux, and H or W is unknown or below 80.
    """
    if aux and not all(size and size >= 80 for size in input_shape[:2]):
        raise ValueError(f"aux needs H and W >= 80, got input_shape={input_shape}")
    inputs = keras.Input(input_shape)
    x, outputs = stem(inputs), {}  # (B, H/8, W/8, 192)
    for name, filters in MODULES.items():
        if name in ("4a", "5a"):
            x = layers.MaxPooling2D(3, 2, "same", name=f"pool_{name[0]}")(x)
        x = Inception(*filters, name=f"inception_{name}")(x)
        if aux and name in AUXILIARY:
            outputs[AUXILIARY[name]] = _auxiliary(x, num_classes, AUXILIARY[name])
    x = layers.GlobalAveragePooling2D(name="pool")(x)  # (B, 1024)
    x = layers.Dropout(0.4)(x)
    outputs["logits"] = layers.Dense(num_classes, name="logits")(x)
    return keras.Model(inputs, outputs if aux else outputs["logits"], name="googlenet")


def stem(x):
    """Return what the inception modules start from: three convolutions, two poolings.

    Args:
        x: (B, H, W, C) Keras tensor.
    """
    same = {"padding": "same", "activation": "relu"}
    x = layers.Conv2D(64, 7, 2, **same, name="stem_conv1")(x)  # (B, H/2, W/2, 64)
    x = layers.MaxPooling2D(3, 2, "same")(x)  # (B, H/4, W/4, 64)
    x = LocalResponseNormalization()(x)
    x = layers.Conv2D(64, 1, **same, name="stem_conv2")(x)
    x = layers.Conv2D(192, 3, **same, name="stem_conv3")(x)
    x = LocalResponseNormalization()(x)
    return layers.MaxPooling2D(3, 2, "same", name="stem")(x)  # (B, H/8, W/8, 192)


def _auxiliary(x, num_classes, name):
    x = layers.AveragePooling2D(5, 3)(x)  # (B, 4, 4, C) of an image of 224 x 224
    x = layers.Conv2D(128, 1, activation="relu", name=f"{name}_conv")(x)
    x = layers.Dense(1024, "relu", name=f"{name}_dense")(layers.Flatten()(x))
    return layers.Dense(num_classes, name=name)(layers.Dropout(0.7)(x))
