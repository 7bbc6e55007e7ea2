"""FCN: a classifier that answers at every pixel, by summing scores of three sizes.

Paper: Long, Shelhamer and Darrell, "Fully Convolutional Networks for Semantic
       Segmentation", CVPR 2015.
Link:  https://arxiv.org/abs/1411.4038 (section 4, figure 3)
"""

import keras
from keras import layers

from modules.vision.classification.vgg import vgg_maps
from modules.vision.segmentation.bilinear import upsample
from modules.vision.segmentation.crop import CropTo
from modules.vision.segmentation.segmenter import Segmenter

SKIPS = {32: (), 16: ("pool4",), 8: ("pool4", "pool3")}


def fuse_scores(maps, num_classes):
    """Return the sum of the scores of several maps, on the grid of the last one.

        s_1 = score(maps_1)        s_i = up(s_(i-1)) + score(maps_i)

    score is a 1x1 convolution that starts with zeros, so a new map changes nothing
    before it has learned something. up starts as bilinear.

    Args:
        maps: Keras tensors (B, H, W, C), coarse first, each halved (up) to the last.
        num_classes: int >= 1.

    Returns:
        (B, H, W, num_classes) Keras tensor.

    Raises:
        ValueError: a map is more than twice as large as the one before.
    """
    total = None
    for i, x in enumerate(maps):
        scores = layers.Conv2D(
            num_classes, 1, kernel_initializer="zeros", name=f"score_{i}"
        )(x)
        if total is not None:
            total = upsample(total, 2, name=f"up_{i}")
            total = CropTo("start", name=f"crop_{i}")(total, scores)
            scores = layers.Add(name=f"sum_{i}")([total, scores])
        total = scores
    return total


def fcn(
    stride=8,
    depth=16,
    units=4096,
    rate=0.5,
    num_classes=21,
    input_shape=(None, None, 3),
):
    """Return FCN-32s, FCN-16s or FCN-8s on VGG, from images to logits of every pixel.

    The dense layers of VGG become convolutions, fc6 of 7 x 7 and fc7 of 1 x 1, and give
    scores at every 32nd pixel. FCN-16s adds scores of pool4, FCN-8s also those of
    pool3. The last upsampling, by `stride`, stays bilinear. With the defaults
    134,376,863 weights are trained; take_weights(model, vgg()) fills all that VGG has.

    The authors pad the image by 100 pixels and crop by offsets, and fc6 has no padding;
    here padding is "same", and maps of odd size are halved up and cropped at the end,
    so an image may have any size.

    Args:
        stride: 32, 16 or 8.
        depth: 11, 13, 16 or 19, of VGG.
        units: int >= 1, channels of fc6 and fc7.
        rate: float in [0, 1), of the dropout behind both.
        num_classes: int >= 1; with the background 21 for PASCAL VOC.
        input_shape: (H, W, C).

    Returns:
        Segmenter, a keras.Model.

    Raises:
        ValueError: stride or depth is none of those above.
    """
    if stride not in SKIPS:
        raise ValueError(f"stride must be one of {sorted(SKIPS)}, got {stride!r}")
    inputs = keras.Input(input_shape)
    maps = vgg_maps(inputs, depth, padding="same")
    x = maps["pool5"]
    for name, size in (("fc6", 7), ("fc7", 1)):
        x = layers.Conv2D(units, size, padding="same", activation="relu", name=name)(x)
        x = layers.Dropout(rate, name=f"{name}_dropout")(x)
    x = fuse_scores([x, *(maps[name] for name in SKIPS[stride])], num_classes)
    x = upsample(x, stride, trainable=False, name="up")
    x = CropTo("start", name="logits")(x, inputs)
    return Segmenter(inputs, x, name=f"fcn_{stride}s")
