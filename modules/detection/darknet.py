"""Darknet-19: 3x3 convolutions, and 1x1 between them that make the maps thin.

Paper: Redmon and Farhadi, "YOLO9000: Better, Faster, Stronger", CVPR 2017.
Link:  https://arxiv.org/abs/1612.08242 (section 3, table 6; section 2, passthrough)
"""

import keras
from keras import layers, ops

from modules.vision.classification.global_average_pooling import GlobalAverageClassifier

# filters and size of each convolution; None for a halving
LAYERS = (
    *((32, 3), None, (64, 3), None),
    *((128, 3), (64, 1), (128, 3), None),
    *((256, 3), (128, 1), (256, 3), None),
    *((512, 3), (256, 1), (512, 3), (256, 1), (512, 3), None),
    *((1024, 3), (512, 1), (1024, 3), (512, 1), (1024, 3)),
)
# priors of the authors' configuration for VOC, in cells: see box_clusters.py
VOC = ((1.32, 1.73), (3.19, 4.01), (5.06, 8.10), (9.47, 4.84), (11.24, 10.01))


def convolution(x, filters, size):
    """Convolve without bias; batch normalization and a leaky ReLU of slope 0.1."""
    x = layers.Conv2D(filters, size, padding="same", use_bias=False)(x)
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-5)(x)
    return layers.LeakyReLU(0.1)(x)


def darknet_maps(x, layout=LAYERS):
    """Return the last map before the last halving, and the last map.

    Args:
        x: (B, H, W, 3) Keras tensor.
        layout: list of (filters, size), or None for a halving.
    """
    fine = x
    for layer in layout:
        if layer is None:
            fine, x = x, layers.MaxPooling2D(2)(x)
        else:
            x = convolution(x, *layer)
    return fine, x


def darknet19(num_classes=1000, layout=LAYERS, input_shape=(224, 224, 3)):
    """Return the classifier of table 6, from images to logits.

    18 convolutions, and a 1x1 with a channel for each class whose mean over the map is
    the logit: 20,856,776 weights, moving statistics included, for 1000 classes. It is
    trained at 224, then for ten epochs at 448: the detector begins there.

    Args:
        num_classes: int >= 1, number of logits.
        layout: as in `darknet_maps`.
        input_shape: (H, W, 3); H and W may be None.

    Example:
        >>> darknet19(input_shape=(None, None, 3)).output_shape
        (None, 1000)
    """
    images = keras.Input(input_shape)
    _, x = darknet_maps(images, layout)
    x = layers.Conv2D(num_classes, 1)(x)
    logits = GlobalAverageClassifier(activation=None, name="logits")(x)
    return keras.Model(images, logits, name="darknet19")


@keras.saving.register_keras_serializable("detection")
class Passthrough(layers.Layer):
    """Lay 2 x 2 neighbours of a map behind each other: half as wide, no number lost.

        y[i, j, (2 a + b) C + c] = x[2 i + a, 2 j + b, c]    a, b in {0, 1}

    So a fine map can be concatenated with one of half its size. The authors' program
    orders the channels in another way; the weights behind it do not mind.

    Shapes:
        x: (B, H, W, C) float, H and W even.
        y: (B, H / 2, W / 2, 4 C).

    Raises:
        ValueError: H or W is odd.

    Example:
        >>> y = Passthrough()(ops.reshape(ops.arange(8.0), (1, 2, 4, 1)))
        >>> ops.convert_to_numpy(y)[0, 0].tolist()
        [[0.0, 1.0, 4.0, 5.0], [2.0, 3.0, 6.0, 7.0]]
    """

    def compute_output_shape(self, x_shape):
        batch, height, width, channels = x_shape
        if any(side is not None and side % 2 for side in (height, width)):
            raise ValueError(f"height and width must be even, got {height} x {width}")
        half = (side and side // 2 for side in (height, width))
        return (batch, *half, 4 * channels)

    def call(self, x):
        self.compute_output_shape(x.shape)
        height, width = ops.shape(x)[1:3]
        x = ops.reshape(x, (-1, height // 2, 2, width // 2, 2, x.shape[-1]))
        x = ops.transpose(x, (0, 1, 3, 2, 4, 5))  # (B, H/2, W/2, 2, 2, C)
        return ops.reshape(x, (-1, height // 2, width // 2, 4 * x.shape[-1]))


def yolo_v2_network(
    num_classes=20,
    priors=5,
    thin=None,
    layout=LAYERS,
    filters=1024,
    input_shape=(416, 416, 3),
):
    """Return the detection network of section 2: for VOC a grid of 13 x 13 x 125.

    Behind Darknet-19 stand two 3x3 convolutions. Then the 26 x 26 x 512 map comes in by
    a passthrough as 13 x 13 x 2048, a third 3x3 convolution sees both, and a 1x1 gives
    the numbers. No layer is dense, so images of any multiple of 32 will do: the paper
    draws a size from 320 to 608 every ten batches.

        YOLOv2(yolo_v2_network(), num_classes=20, priors=VOC)

    Practice: the authors' configuration makes the fine map thin first, by a 1x1 of 64
    filters (thin=64), and has 50,983,561 weights for the 80 classes of COCO.

    Args:
        num_classes, priors: int, numbers of both.
        thin: int, filters of a 1x1 in front of the passthrough; None for none.
        layout: as in `darknet_maps`.
        filters: int, of the three convolutions.
        input_shape: (H, W, 3); H and W may be None.

    Returns:
        keras.Model from images to (B, H / 32, W / 32, priors (5 + num_classes)).

    Example:
        >>> yolo_v2_network(layout=[(4, 3), None, (8, 3)], filters=8).output_shape
        (None, 208, 208, 125)
    """
    images = keras.Input(input_shape)
    fine, x = darknet_maps(images, layout)
    for _ in range(2):
        x = convolution(x, filters, 3)
    if thin is not None:
        fine = convolution(fine, thin, 1)
    x = layers.Concatenate()([Passthrough()(fine), x])
    x = convolution(x, filters, 3)
    grid = layers.Conv2D(priors * (5 + num_classes), 1)(x)
    return keras.Model(images, grid, name="yolo_v2")
