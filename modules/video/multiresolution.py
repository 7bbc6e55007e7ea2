"""Context and fovea: the whole frame at half its size, its middle at full size.

Paper: Karpathy et al., "Large-scale Video Classification with Convolutional Neural
       Networks", CVPR 2014.
Link:  https://cs.stanford.edu/people/karpathy/deepvideo/ (section 3.2, figure 2)
"""

import keras
from keras import layers, ops

from modules.video.fusion import single_frame
from modules.video.tower import (
    KARPATHY,
    LocalResponseNormalization,
    classify,
    tower,
)

HALVED = (*KARPATHY[:-1], KARPATHY[-1]._replace(pool=1))  # to end in 7 x 7 all the same


def context(x):
    """Return the whole frame at half its height and width: the mean of 2 x 2 pixels.

    The paper does not say how it makes frames smaller; taking every other pixel would
    alias.

    Args:
        x: (B, ..., H, W, C) float, all sizes but B known, H and W even.

    Returns:
        (B, ..., H / 2, W / 2, C).

    Raises:
        ValueError: H or W is odd or unknown.

    Example:
        >>> context(ops.reshape(ops.arange(8.0), (1, 2, 4, 1))).numpy().tolist()
        [[[[2.5], [4.5]]]]
    """
    height, width = _half(x)
    *rest, channels = x.shape[1:-3] + x.shape[-1:]
    blocks = ops.reshape(x, (-1, *rest, height, 2, width, 2, channels))
    return ops.mean(blocks, axis=(-4, -2))


def fovea(x):
    """Return the middle of the frame at full resolution, half as high and half as wide.

    Of 178 rows those from 44 to 132. An odd remainder is cut off below and at the
    right: one row more than above.

    Args:
        x: (B, ..., H, W, C), H and W even.

    Returns:
        (B, ..., H / 2, W / 2, C).

    Raises:
        ValueError: H or W is odd or unknown.

    Example:
        >>> fovea(ops.reshape(ops.arange(8.0), (1, 2, 4, 1))).numpy().tolist()
        [[[[1.0], [2.0]]]]
    """
    height, width = _half(x)
    top, left = height // 2, width // 2
    return x[..., top : top + height, left : left + width, :]


def multiresolution_network(
    fusion=None,
    plan=HALVED,
    units=(4096, 4096),
    num_classes=487,
    input_shape=(16, 178, 178, 3),
    norm=LocalResponseNormalization,
):
    """Return a network of two towers, of context and fovea; 129,035,495 weights.

    Each sees a quarter of the pixels, so that two see half of them, and the time of a
    step falls by a factor of 2 to 4 in the paper. The towers have weights of their own
    and no last pooling; both end in 7 x 7 x 256, and the first dense layer sees both.

    Args:
        fusion: Fusion of both towers; None for that of one frame.
        plan: Stages of each tower.
        units: int >= 1, of each hidden dense layer.
        num_classes: int >= 1.
        input_shape: (T, H, W, C), all known, H and W even.
        norm: function without arguments that returns a new layer.

    Returns:
        ClipClassifier, with layers context_conv1, fovea_conv1 and so on.

    Raises:
        ValueError: H or W is odd, or a clip has too few frames, or too small ones.
    """
    fusion = single_frame() if fusion is None else fusion
    inputs = keras.Input(input_shape)
    x = inputs[:, fusion.look(input_shape[0])]
    ends = [
        tower(part(x), fusion, plan, norm, name=f"{part.__name__}_")
        for part in (context, fovea)
    ]
    x = layers.Concatenate(name="both")(ends)  # (B, T', H', W', 2 * filters)
    return classify(inputs, x, units, num_classes, name="multiresolution")


def _half(x):
    height, width = x.shape[-3:-1]
    if not (height and width and height % 2 == width % 2 == 0):
        raise ValueError(f"H and W must be known and even, got {height} x {width}")
    return height // 2, width // 2
