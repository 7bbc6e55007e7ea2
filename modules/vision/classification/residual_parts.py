"""What residual networks are put together from: convolutions, shortcuts, stages.

Paper: He, Zhang, Ren and Sun, "Deep Residual Learning for Image Recognition",
       CVPR 2016.
Link:  https://arxiv.org/abs/1512.03385 (section 3.3, table 1, figures 3 and 5)

Every network of the family is made of the parts in this file. What they vary:

    the order in a block  residual_block (residual.py), preact_block (preactivation.py)
    its convolutions      basic, bottleneck, grouped_bottleneck (resnext.py)
    the shortcut          "A" or "B"
    a gate on the branch  SqueezeExcite (squeeze_excite.py)
    width and depth       filters and blocks of `units`
"""

from typing import NamedTuple

import keras
from keras import layers, ops


class Conv(NamedTuple):
    """What describes a convolution of a block: filters, size, strides, groups."""

    filters: int
    size: int
    strides: int = 1
    groups: int = 1


def basic(filters, strides):
    """Return the two 3x3 convolutions of a basic block (figure 5, left)."""
    return Conv(filters, 3, strides), Conv(filters, 3)


def bottleneck(filters, strides):
    """Return the 1x1, 3x3, 1x1 convolutions of a bottleneck (figure 5, right)."""
    return Conv(filters, 1, strides), Conv(filters, 3), Conv(4 * filters, 1)


def conv(x, spec, name):
    """Convolve without bias, with size // 2 zeros on every side.

    Padding "same" would put zeros only below and to the right when strides = 2.
    """
    pad = spec.size // 2
    if pad and spec.strides > 1:
        x = layers.ZeroPadding2D(pad, name=f"{name}_pad")(x)
    return layers.Conv2D(
        spec.filters,
        spec.size,
        spec.strides,
        padding="same" if spec.strides == 1 else "valid",
        groups=spec.groups,
        use_bias=False,
        kernel_initializer="he_normal",
        name=name,
    )(x)


def norm(x, name):
    """Batch normalization; epsilon is that of keras.applications and, nearly, Caffe."""
    return layers.BatchNormalization(momentum=0.9, epsilon=1.001e-5, name=name)(x)


def norm_relu(x, name):
    """Batch normalization, then ReLU."""
    return layers.ReLU(name=f"{name}_relu")(norm(x, f"{name}_norm"))


@keras.saving.register_keras_serializable("vision/classification")
class PadShortcut(layers.Layer):
    """Option A: a shortcut to a smaller map of more channels, without weights.

        y[i, j] = (x[strides * i, strides * j], 0, ..., 0)

    Args:
        filters: int, channels of y; at least those of x.
        strides: int >= 1.

    Shapes:
        x: (B, H, W, C) float.
        y: (B, ceil(H / strides), ceil(W / strides), filters).

    Raises:
        ValueError: x has more channels than filters.

    Example:
        >>> tuple(PadShortcut(filters=32, strides=2)(ops.ones((1, 7, 8, 16))).shape)
        (1, 4, 4, 32)
    """

    def __init__(self, filters, strides, **kwargs):
        super().__init__(**kwargs)
        self.filters = filters
        self.strides = strides

    def build(self, input_shape):
        if input_shape[-1] > self.filters:
            raise ValueError(
                f"filters must be at least {input_shape[-1]}, got {self.filters}"
            )

    def call(self, x):
        x = x[:, :: self.strides, :: self.strides]
        extra = self.filters - x.shape[-1]
        return ops.pad(x, [(0, 0), (0, 0), (0, 0), (0, extra)])

    def get_config(self):
        own = {"filters": self.filters, "strides": self.strides}
        return {**super().get_config(), **own}


def project(x, convs, shortcut, name):
    """Return x in the shape that the convs give it; x itself if that is its own."""
    if shortcut not in ("A", "B"):
        raise ValueError(f"shortcut must be 'A' or 'B', got {shortcut!r}")
    filters = convs[-1].filters
    strides = max(spec.strides for spec in convs)
    if strides == 1 and x.shape[-1] == filters:
        return x
    if shortcut == "A":
        return PadShortcut(filters, strides, name=name)(x)
    return conv(x, Conv(filters, 1, strides), name)


def units(plan, filters, blocks):
    """Yield (convs, name) for every block: stage1_block1, stage1_block2, ...

    Args:
        plan: function (filters, strides) to convs: basic, bottleneck, ...
        filters: filters of each stage.
        blocks: number of blocks of each stage; every stage but the first starts
            by halving height and width.

    Example:
        >>> [name for _, name in units(basic, filters=(16, 32), blocks=(2, 1))]
        ['stage1_block1', 'stage1_block2', 'stage2_block1']

    Raises:
        ValueError: a stage has no block.
    """
    if min(blocks) < 1:
        raise ValueError(f"every stage needs at least 1 block, got {blocks}")
    for stage, (width, count) in enumerate(zip(filters, blocks, strict=True), 1):
        for block in range(1, count + 1):
            strides = 2 if stage > 1 and block == 1 else 1
            yield plan(width, strides), f"stage{stage}_block{block}"


def imagenet_stem(x):
    """Return x after the 7x7 convolution and 3x3 max pooling, both of stride 2."""
    x = norm_relu(conv(x, Conv(64, 7, 2), "stem"), "stem")  # (B, H/2, W/2, 64)
    x = layers.ZeroPadding2D(1, name="stem_pool_pad")(x)
    return layers.MaxPooling2D(3, 2, name="stem_pool")(x)  # (B, H/4, W/4, 64)


def classifier(inputs, x, num_classes, name):
    """Close a network: global average pooling, then one dense layer of logits."""
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    return keras.Model(inputs, layers.Dense(num_classes, name="logits")(x), name=name)


DEPTHS = {
    18: (basic, (2, 2, 2, 2)),
    34: (basic, (3, 4, 6, 3)),
    50: (bottleneck, (3, 4, 6, 3)),
    101: (bottleneck, (3, 4, 23, 3)),
    152: (bottleneck, (3, 8, 36, 3)),
}


def blocks_of(depth):
    """Return the plan and the blocks of each stage of the network of that depth."""
    if depth not in DEPTHS:
        raise ValueError(f"depth must be one of {sorted(DEPTHS)}, got {depth!r}")
    return DEPTHS[depth]
