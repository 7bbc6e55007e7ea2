"""Feature pyramid: maps of every resolution that all know what the deepest one knows.

Paper: Lin, Dollár, Girshick, He, Hariharan and Belongie, "Feature Pyramid Networks for
       Object Detection", CVPR 2017.
Link:  https://arxiv.org/abs/1612.03144 (section 3, figure 3; 4.1 and 4.2, equation 1)
"""

import keras
from keras import layers, ops


@keras.saving.register_keras_serializable("detection")
class FeaturePyramid(layers.Layer):
    """Hand what deep maps know down to the large ones, by addition.

        M_top = conv1x1(C_top)        M_l = conv1x1(C_l) + up(M_{l+1})
        P_l = conv3x3(M_l)

    The 1x1 convolution acts on the lateral map C_l and gives it the common number of
    channels; the map from above is doubled by repeating pixels, added, not
    concatenated, and handed on without the 3x3 convolution, which only smooths what
    leaves the pyramid. There is no activation function. All convolutions have biases.

    Args:
        filters: int >= 1, channels of every P; 256 in the paper.
        extra_levels: int >= 0, further levels on top, each every second pixel of the
            one below: the P_6 of section 4.1. (RetinaNet has 3x3 convolutions there.)

    Shapes:
        maps: list of (B, H_l, W_l, C_l) float, from the largest to the smallest,
            each ceil(1 / 2) of the one before. Only the C_l must be known.
        y: list of (B, H_l, W_l, filters), then the extra levels.

    Raises:
        ValueError: filters or extra_levels is out of range.

    Example:
        >>> maps = [ops.ones((1, 8, 6, 16)), ops.ones((1, 4, 3, 32))]
        >>> [tuple(y.shape) for y in FeaturePyramid(filters=5)(maps)]
        [(1, 8, 6, 5), (1, 4, 3, 5)]
    """

    def __init__(self, filters=256, extra_levels=0, **kwargs):
        super().__init__(**kwargs)
        for name, value, least in (
            ("filters", filters, 1),
            ("extra_levels", extra_levels, 0),
        ):
            if not (isinstance(value, int) and value >= least):
                raise ValueError(f"{name} must be an int >= {least}, got {value!r}")
        self.filters = filters
        self.extra_levels = extra_levels

    def build(self, input_shape):
        self.laterals, self.smooths = [], []
        options = {"padding": "same", "dtype": self.dtype_policy}
        for i, shape in enumerate(input_shape):
            lateral = layers.Conv2D(self.filters, 1, name=f"lateral_{i}", **options)
            smooth = layers.Conv2D(self.filters, 3, name=f"smooth_{i}", **options)
            lateral.build((None, None, None, shape[-1]))
            smooth.build((None, None, None, self.filters))
            self.laterals.append(lateral)
            self.smooths.append(smooth)

    def call(self, maps):
        merged = []  # from the top down
        for lateral, c in zip(reversed(self.laterals), reversed(maps), strict=True):
            m = lateral(c)
            merged.append(m + up(merged[-1], ops.shape(m)) if merged else m)
        pyramid = [p(m) for p, m in zip(self.smooths, reversed(merged), strict=True)]
        for _ in range(self.extra_levels):
            pyramid.append(pyramid[-1][:, ::2, ::2])
        return pyramid

    def get_config(self):
        own = {"filters": self.filters, "extra_levels": self.extra_levels}
        return {**super().get_config(), **own}


def up(x, shape):
    """Return x with every pixel doubled both ways, cut to the given height and width.

    The half of a map of 7 is one of 4, which doubles to 8.
    """
    x = ops.repeat(ops.repeat(x, 2, axis=1), 2, axis=2)
    return x[:, : shape[1], : shape[2]]


def feature_pyramid_network(backbone, names, filters=256, extra_levels=0):
    """Return the model from images to the list of maps of a feature pyramid.

    Args:
        backbone: functional Keras model, such as resnet(50).
        names: names of the layers whose outputs are C_2, C_3, ..., each half as large
            as the one before: the last block of every stage.
        filters, extra_levels: as in FeaturePyramid.
    """
    maps = [backbone.get_layer(name).output for name in names]
    pyramid = FeaturePyramid(filters, extra_levels, name="feature_pyramid")
    return keras.Model(backbone.input, pyramid(maps), name=f"{backbone.name}_fpn")


def level_of(width, height, base=4, lowest=2, highest=5):
    """Return the level on which an object of that size is looked for (equation 1).

        k = floor(k_0 + log2(sqrt(w h) / 224))

    within lowest and highest. 224 is the size of the images on which the backbone was
    trained; an object half as large is looked for one level lower.

    Args:
        width, height: (...) float, in pixels, > 0.
        base: int, called k_0 in the paper.
        lowest, highest: int, the levels that there are.

    Returns:
        (...) int32.

    Example:
        >>> level_of([224.0, 112.0, 448.0], [224.0, 112.0, 448.0]).numpy().tolist()
        [4, 3, 5]
    """
    size = ops.sqrt(ops.multiply(width, height)) / 224
    level = ops.floor(base + ops.log2(size) + 1e-6)  # 1e-6: 224 itself is on base
    return ops.cast(ops.clip(level, lowest, highest), "int32")
