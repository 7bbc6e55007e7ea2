"""The backbone of SSD: VGG-16 whose dense layers became convolutions, and a tail.

Paper: Liu, Anguelov, Erhan, Szegedy, Reed, Fu and Berg, "SSD: Single Shot MultiBox
       Detector", ECCV 2016.
Link:  https://arxiv.org/abs/1512.02325 (figure 2, section 3)
"""

import keras
from keras import layers

from modules.detection.l2_normalization import L2Normalization
from modules.vision.classification.vgg import vgg_maps

# for each further map: filters of the 1x1, then filters, size, strides and padding
TAILS = {
    300: ((256, 512, 3, 2, 1), (128, 256, 3, 2, 1)) + 2 * ((128, 256, 3, 1, 0),),
    512: ((256, 512, 3, 2, 1),) + 3 * ((128, 256, 3, 2, 1),) + ((128, 256, 4, 1, 1),),
}
SCALES_512 = (0.07, 0.15, 0.3, 0.45, 0.6, 0.75, 0.9, 1.05)
RATIOS_512 = ((2,), (2, 3), (2, 3), (2, 3), (2, 3), (2,), (2,))


def ssd_vgg(size=300):
    """Return the model from images to the maps on which SSD predicts.

    conv4_3, brought to length 20 at every position; fc7; and the ends of four (five)
    pairs of a 1x1 and a 3x3 convolution. For 300 pixels the maps are 38, 19, 10, 5, 3
    and 1 wide. fc6 is a 3x3 convolution with dilation 6, whose weights the paper takes
    from every third of the 7x7 of VGG's, and pool5 does not halve.

        SSD(ssd_vgg(), num_classes=20)      SSD300: 8,732 priors, 26,285,486 weights
        SSD(ssd_vgg(512), 20, SCALES_512, RATIOS_512)   SSD512: 24,564 priors

    The paper's scale 0.15 to 0.9 for SSD512 is even in six steps, as its code is.

    Args:
        size: 300 or 512, pixels of a side.

    Returns:
        keras.Model.

    Raises:
        ValueError: size is neither.
    """
    if size not in TAILS:
        raise ValueError(f"size must be one of {sorted(TAILS)}, got {size!r}")
    images = keras.Input((size, size, 3))
    options = {"activation": "relu", "kernel_initializer": "he_normal"}
    maps = vgg_maps(images, padding="same")
    x = layers.MaxPooling2D(3, 1, "same", name="pool5_stay")(maps["conv5_3"])
    wide = {**options, "padding": "same", "dilation_rate": 6}
    x = layers.Conv2D(1024, 3, **wide, name="fc6")(x)
    x = layers.Conv2D(1024, 1, **options, name="fc7")(x)
    found = [L2Normalization(20.0, name="conv4_3_norm")(maps["conv4_3"]), x]
    for i, (narrow, filters, kernel, strides, padding) in enumerate(TAILS[size], 8):
        x = layers.Conv2D(narrow, 1, **options, name=f"conv{i}_1")(x)
        x = layers.ZeroPadding2D(padding, name=f"conv{i}_pad")(x)
        x = layers.Conv2D(filters, kernel, strides, **options, name=f"conv{i}_2")(x)
        found.append(x)
    return keras.Model(images, found, name=f"ssd_vgg_{size}")
