"""SqueezeNet: few channels go into 3x3 filters, and the map stays large for long.

Paper: Iandola, Han, Moskewicz, Ashraf, Dally and Keutzer, "SqueezeNet: AlexNet-level
       accuracy with 50x fewer parameters and < 0.5MB model size", 2016.
Link:  https://arxiv.org/abs/1602.07360 (sections 3 and 5, figure 1, table 1)
"""

import keras
from keras import layers

from modules.vision.classification.global_average_pooling import GlobalAverageClassifier

STEMS = {  # version: (filters, size) of conv1, and behind which modules it pools
    "1.0": ((96, 7), (1, 4, 8)),
    "1.1": ((64, 3), (1, 3, 5)),
}


def fire(x, squeeze, expand1, expand3, name="fire"):
    """Return x after a fire module: squeeze, then expand in two ways side by side.

        s = relu(1x1(x))        y = [relu(1x1(s)), relu(3x3(s))]

    The squeeze has few channels, so that the 3x3 filters, which cost nine times as much
    as 1x1, have little to read. All convolutions have biases and no BN.

    Args:
        x: (B, H, W, C) Keras tensor.
        squeeze: int >= 1, called s_1x1; less than expand1 + expand3.
        expand1, expand3: int >= 1, called e_1x1 and e_3x3.
        name: str, the name of the output's layer and prefix of the others.

    Returns:
        (B, H, W, expand1 + expand3).

    Raises:
        ValueError: squeeze is not less than expand1 + expand3.

    Example:
        >>> fire(keras.Input((55, 55, 96)), squeeze=16, expand1=64, expand3=64).shape
        (None, 55, 55, 128)
    """
    if not 1 <= squeeze < expand1 + expand3:
        wanted = f"from 1 to {expand1 + expand3 - 1}"
        raise ValueError(f"squeeze must be {wanted}, got {squeeze!r}")
    x = _conv(x, squeeze, 1, f"{name}_squeeze")  # (B, H, W, s)
    sides = (
        _conv(x, expand1, 1, f"{name}_expand1"),
        _conv(x, expand3, 3, f"{name}_expand3"),
    )
    return layers.Concatenate(name=name)(sides)  # (B, H, W, e)


def fire_sizes(module, ratio=0.125, share=0.5):
    """Return (s_1x1, e_1x1, e_3x3) of module 2, 3, ..., 9 (section 5.1).

    The modules expand to 128, 128, 256, 256, 384, 384, 512, 512 channels.

    Args:
        module: int from 2 to 9: conv1 is the first layer.
        ratio: float in (0, 1), called SR: squeezed over expanded channels.
        share: float in (0, 1), called pct_3x3: of the expanded channels.

    Raises:
        ValueError: module is below 2, or ratio or share outside (0, 1).

    Example:
        >>> fire_sizes(2), fire_sizes(9)
        ((16, 64, 64), (64, 256, 256))
    """
    if module < 2:
        raise ValueError(f"module must be an int >= 2, got {module!r}")
    for name, value in {"ratio": ratio, "share": share}.items():
        if not 0 < value < 1:
            raise ValueError(f"{name} must be in (0, 1), got {value!r}")
    expand = 128 * (module // 2)
    expand3 = int(expand * share)
    return max(1, int(expand * ratio)), expand - expand3, expand3


def squeezenet(
    version="1.0",
    ratio=0.125,
    share=0.5,
    bypass=False,
    rate=0.5,
    num_classes=1000,
    input_shape=(227, 227, 3),
):
    """Return the network of table 1, from images to logits: 1,248,424 weights.

    AlexNet has 48.8 times as many (60,965,224). No layer is dense: conv10 is 1x1 with a
    channel for each class, and its mean over the map is the logit. Like AlexNet it
    needs images of 227x227 to have the maps of table 1, which says 224.

    Args:
        version: "1.0", or "1.1", the authors' later one: pools earlier, with 1,235,496
            weights and 2.4 times less work.
        ratio, share: as in fire_sizes.
        bypass: bool, whether modules 3, 5, 7 and 9 are residual (section 6).
        rate: float in [0, 1), of the dropout behind the last fire module.
        num_classes: int >= 1, number of logits.
        input_shape: (H, W, C); H and W may be None.

    Raises:
        ValueError: version is unknown, or ratio or share outside (0, 1).
    """
    if version not in STEMS:
        raise ValueError(f"version must be one of {sorted(STEMS)}, got {version!r}")
    (filters, size), pooled = STEMS[version]
    inputs = keras.Input(input_shape)
    x = _conv(inputs, filters, size, "conv1", strides=2, padding="valid")
    for module in range(1, 10):
        if module > 1:
            y = fire(x, *fire_sizes(module, ratio, share), name=f"fire{module}")
            x = layers.Add(name=f"add{module}")([x, y]) if bypass and module % 2 else y
        if module in pooled:
            x = layers.MaxPooling2D(3, 2, name=f"pool{module}")(x)
    x = layers.Dropout(rate, name="dropout")(x)
    x = _conv(x, num_classes, 1, "conv10")
    logits = GlobalAverageClassifier(activation=None, name="logits")(x)
    return keras.Model(inputs, logits, name=f"squeezenet_{version}")


def _conv(x, filters, size, name, strides=1, padding="same"):
    return layers.Conv2D(
        filters,
        size,
        strides,
        padding=padding,
        activation="relu",
        kernel_initializer="he_normal",
        name=name,
    )(x)
