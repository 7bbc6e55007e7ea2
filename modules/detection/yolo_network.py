"""The network of YOLO: 24 convolutions and two dense layers, from image to grid.

Paper: Redmon, Divvala, Girshick and Farhadi, "You Only Look Once: Unified, Real-Time
       Object Detection", CVPR 2016.
Link:  https://arxiv.org/abs/1506.02640 (section 2.1, figure 3)
"""

import keras
from keras import layers

# size, filters, strides of each convolution; None for a halving
LAYERS = (
    [(7, 64, 2), None, (3, 192, 1), None]
    + [(1, 128, 1), (3, 256, 1), (1, 256, 1), (3, 512, 1), None]
    + 4 * [(1, 256, 1), (3, 512, 1)]
    + [(1, 512, 1), (3, 1024, 1), None]
    + 2 * [(1, 512, 1), (3, 1024, 1)]
    + [(3, 1024, 1), (3, 1024, 2), (3, 1024, 1), (3, 1024, 1)]
)


def yolo_network(
    num_classes=20, boxes=2, layout=LAYERS, units=4096, input_shape=(448, 448, 3)
):
    """Return the network of figure 3: for VOC a grid of 7 x 7 x 30, 1,470 numbers.

    Behind every layer but the last stands a leaky ReLU of slope 0.1, behind the first
    dense layer dropout of 0.5. Three quarters of its 271,703,550 weights are in that
    one dense layer, through which every cell sees the whole image.

        YOLO(yolo_network(), num_classes=20)

    Args:
        num_classes, boxes: as in YOLO.
        layout: list of (size, filters, strides), or None for a halving.
        units: int >= 1, of the first dense layer.
        input_shape: (H, W, C).

    Returns:
        keras.Model from images to (B, S, S, 5 boxes + num_classes), S as wide as the
        map of the last convolution.

    Example:
        >>> small = yolo_network(6, 2, [(3, 8, 2), None], 32, (32, 32, 3))
        >>> small.output_shape
        (None, 8, 8, 16)
    """
    x = images = keras.Input(input_shape)
    for layer in layout:
        if layer is None:
            x = layers.MaxPooling2D(2)(x)
            continue
        size, filters, strides = layer
        x = layers.Conv2D(filters, size, strides, "same")(x)
        x = layers.LeakyReLU(0.1)(x)
    cells = x.shape[1:3]
    x = layers.Dense(units)(layers.Flatten()(x))
    x = layers.Dropout(0.5)(layers.LeakyReLU(0.1)(x))
    numbers = 5 * boxes + num_classes
    x = layers.Dense(cells[0] * cells[1] * numbers)(x)
    return keras.Model(images, layers.Reshape((*cells, numbers))(x), name="yolo")
