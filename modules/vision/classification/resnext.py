"""ResNeXt: a block is the sum of many small transformations of the same shape.

Paper: Xie, Girshick, Dollar, Tu and He, "Aggregated Residual Transformations for Deep
       Neural Networks", CVPR 2017.
Link:  https://arxiv.org/abs/1611.05431 (section 3, equation 2, figure 3, table 1)
"""

from functools import partial

from modules.vision.classification.residual import resnet
from modules.vision.classification.residual_parts import Conv


def grouped_bottleneck(filters, strides, groups=32, width=4):
    """Return the convolutions of a block in the form of the paper's figure 3c.

        y = x + sum of T_i(x) for i = 1 ... C

    Each T_i is a 1x1 convolution to d channels, a 3x3 one and a 1x1 one. The C first
    ones side by side are one convolution to C d channels, the C second ones are one
    convolution in C groups, and the last ones, summed, are one convolution again.

    Args:
        filters: int, 64 in the first stage; the block puts out 4 * filters channels.
        strides: int, of the 3x3 convolution (in ResNet the first 1x1 has it).
        groups: int >= 1, called cardinality C in the paper.
        width: int, channels d of a group in the first stage; it grows with filters.
            groups=1, width=64 is the bottleneck of ResNet.

    Example:
        >>> [conv.filters for conv in grouped_bottleneck(64, strides=1)]
        [128, 128, 256]
    """
    inner = groups * (width * filters // 64)
    return (
        Conv(inner, 1),
        Conv(inner, 3, strides, groups),
        Conv(4 * filters, 1),
    )


def resnext(depth=50, groups=32, width=4, **options):
    """Return ResNeXt-depth (groups x width d): ResNet with grouped bottlenecks.

    ResNeXt-50 (32x4d) has 25,028,904 weights, about as many as ResNet-50.

    Args:
        depth: 50, 101 or 152.
        groups: int >= 1, called cardinality C in the paper.
        width: int >= 1, called d in the paper.
        options: num_classes, input_shape, shortcut and gate, as in `residual.resnet`.

    Returns:
        keras.Model from images to logits.

    Raises:
        ValueError: depth has no bottlenecks, or groups or width is not an int >= 1.
    """
    if depth not in (50, 101, 152):
        raise ValueError(f"depth must be 50, 101 or 152, got {depth!r}")
    for name, value in {"groups": groups, "width": width}.items():
        if not (isinstance(value, int) and value >= 1):
            raise ValueError(f"{name} must be an int >= 1, got {value!r}")
    plan = partial(grouped_bottleneck, groups=groups, width=width)
    options = {"name": f"resnext_{depth}_{groups}x{width}d", **options}
    return resnet(depth, plan=plan, **options)
