"""Fusion in time: one frame, all at once, two far apart, or little by little.

Paper: Karpathy et al., "Large-scale Video Classification with Convolutional Neural
       Networks", CVPR 2014.
Link:  https://cs.stanford.edu/people/karpathy/deepvideo/ (section 3.1, figure 1)

    single  the tower sees one frame
    early   conv1 sees all T frames: filters of T x 11 x 11 pixels
    late    the tower sees two frames, 15 apart, one after the other, with the same
            weights; the first dense layer sees both
    slow    conv1 sees 4 frames, 2 apart; conv2 and conv3 see 2: 10, 4, 2, 1

Each is one tower and one `Fusion`. Late fusion needs nothing of its own: filters of one
frame pass over two frames as over one, and Flatten lays their maps side by side.
"""

import keras

from modules.video.tower import (
    KARPATHY,
    Fusion,
    LocalResponseNormalization,
    classify,
    tower,
)


def single_frame():
    """Return the Fusion of the middle frame alone."""
    return Fusion()


def early_fusion(frames=10):
    """Return the Fusion in which conv1 gathers all frames.

    Args:
        frames: int >= 1, called T.

    Example:
        >>> early_fusion().steps()
        [10, 1]
    """
    _at_least_one("frames", frames)
    return Fusion(frames, extents=(frames,), strides=(1,))


def late_fusion(gap=15):
    """Return the Fusion of two frames that meet in the first dense layer.

    Args:
        gap: int >= 1, from the first to the second.
    """
    _at_least_one("gap", gap)
    return Fusion(frames=2, gap=gap)


def slow_fusion(frames=10, extents=(4, 2, 2), strides=(2, 2, 2)):
    """Return the Fusion in which conv1, conv2, conv3 gather the frames step by step.

    Args:
        frames: int >= 1.
        extents: frames that each of the three sees.
        strides: frames from one output to the next.

    Raises:
        ValueError: the frames do not suffice.

    Example:
        >>> slow_fusion().steps()
        [10, 4, 2, 1]
        >>> slow_fusion(frames=8)
        Traceback (most recent call last):
        ValueError: conv3 sees 2 frames, but of 8 frames 1 are left
    """
    fusion = Fusion(frames, 1, tuple(extents), tuple(strides))
    fusion.steps()
    return fusion


def fusion_network(
    fusion,
    plan=KARPATHY,
    units=(4096, 4096),
    num_classes=487,
    input_shape=(16, 170, 170, 3),
    norm=LocalResponseNormalization,
):
    """Return a network from clips to logits; 73,908,071 weights with one frame.

    It takes clips of T frames whatever the fusion, and looks at those in the middle.
    The last pooling leaves 7 x 7 positions of 256 channels for each step that is left.

    Args:
        fusion: Fusion.
        plan: Stages of the tower, those of the paper by default.
        units: int >= 1, of each hidden dense layer.
        num_classes: int >= 1; Sports-1M has 487.
        input_shape: (T, H, W, C), all known.
        norm: function without arguments that returns a new layer.

    Returns:
        ClipClassifier, with layers conv1 to conv5, pool1, pool2, pool5, fc1, fc2.

    Raises:
        ValueError: a clip has too few frames, or they are too small, or sizes are
            unknown.
    """
    if len(input_shape) != 4 or None in input_shape:
        raise ValueError(f"a clip must be (T, H, W, C), all known, got {input_shape}")
    inputs = keras.Input(input_shape)
    x = inputs[:, fusion.look(input_shape[0])]
    x = tower(x, fusion, plan, norm)
    return classify(inputs, x, units, num_classes, name="fusion")


def _at_least_one(name, value):
    if not (isinstance(value, int) and value >= 1):
        raise ValueError(f"{name} must be an int >= 1, got {value!r}")
