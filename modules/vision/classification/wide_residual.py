"""Wide residual networks: fewer layers, k times as many channels.

Paper: Zagoruyko and Komodakis, "Wide Residual Networks", BMVC 2016.
Link:  https://arxiv.org/abs/1605.07146 (sections 2.3 and 2.4, table 1)
"""

from modules.vision.classification.preactivation import cifar_preact_resnet


def wide_resnet(depth=28, k=10, rate=0.0, **options):
    """Return WRN-depth-k: pre-activation basic blocks of 16k, 32k and 64k channels.

    A 3x3 convolution from C to C channels has 9 C^2 weights, so the number of
    weights grows with k^2 but only linearly with the depth. WRN-28-10 has
    36,479,194 for CIFAR-10. The depth counts a projection as a layer.

    Args:
        depth: int, 6n + 4 for n >= 1 blocks in each stage.
        k: int >= 1, the widening factor; 1 gives the thin pre-activation network.
        rate: float in [0, 1), dropout between the two convolutions of a block; the
            paper uses 0.3 on CIFAR.
        options: num_classes, input_shape, shortcut and gate, as in
            `preactivation.cifar_preact_resnet`.

    Returns:
        keras.Model from images to logits.

    Raises:
        ValueError: depth is not 6n + 4, or k is not an int >= 1.

    Example:
        >>> wide_resnet(depth=10, k=2, input_shape=(None, None, 1)).output_shape
        (None, 10)
    """
    if depth < 10 or (depth - 4) % 6:
        raise ValueError(f"depth must be 6n + 4 with n >= 1, got {depth!r}")
    if not (isinstance(k, int) and k >= 1):
        raise ValueError(f"k must be an int >= 1, got {k!r}")
    options = {"name": f"wide_resnet_{depth}_{k}", "rate": rate, **options}
    widths = (16 * k, 32 * k, 64 * k)
    return cifar_preact_resnet((depth - 4) // 6, filters=widths, **options)
