"""What video networks are put together from: one tower, and where time is gathered.

Paper: Karpathy et al., "Large-scale Video Classification with Convolutional Neural
       Networks", CVPR 2014.
Link:  https://cs.stanford.edu/people/karpathy/deepvideo/ (sections 3.1 and 3.2)

Every network of the family is made of the parts in this file. What they vary:

    where time is gathered    a Fusion (fusion.py has those of the paper)
    the table of the tower    KARPATHY, TWO_STREAM (flow_stacking.py), or your own
    normalization             local response normalization or GroupNorm (group_norm.py)
    how many towers           one, or context and fovea (multiresolution.py)
"""

from typing import NamedTuple

from keras import layers, ops

from modules.video.clips import ClipClassifier
from modules.vision.classification.local_response_normalization import (
    LocalResponseNormalization,
)


class Stage(NamedTuple):
    """A row of a tower: a convolution, and what follows it.

    Args:
        filters, size, strides: int >= 1, of the convolution, in space.
        norm: bool, whether normalization follows.
        pool: int >= 1, side of the max pooling that follows; 1 for none.
    """

    filters: int
    size: int
    strides: int = 1
    norm: bool = False
    pool: int = 1


KARPATHY = (
    Stage(96, 11, 3, norm=True, pool=2),
    Stage(256, 5, norm=True, pool=2),
    Stage(384, 3),
    Stage(384, 3),
    Stage(256, 3, pool=2),
)


class Fusion(NamedTuple):
    """Where a tower gathers time: all in which the fusions of the paper differ.

    Args:
        frames: int >= 1, how many frames are looked at.
        gap: int >= 1, from one of them to the next.
        extents: frames that a filter of conv1, conv2, ... sees; 1 in later ones.
        strides: frames from one output of conv1, conv2, ... to the next; likewise.
    """

    frames: int = 1
    gap: int = 1
    extents: tuple = ()
    strides: tuple = ()

    def of_stage(self, number):
        """Return (extent, stride) of a stage, the first being 0."""
        both = zip(self.extents, self.strides, strict=True)
        return dict(enumerate(both)).get(number, (1, 1))

    def steps(self):
        """Return the frames that go in, and what each convolution leaves of them.

        Raises:
            ValueError: a convolution sees more frames than there are.

        Example:
            >>> Fusion(10, extents=(4, 2, 2), strides=(2, 2, 2)).steps()
            [10, 4, 2, 1]
        """
        found = [self.frames]
        for number in range(len(self.extents)):
            extent, stride = self.of_stage(number)
            if found[-1] < extent:
                have = f"of {self.frames} frames {found[-1]} are left"
                raise ValueError(f"conv{number + 1} sees {extent} frames, but {have}")
            found.append((found[-1] - extent) // stride + 1)
        return found

    def look(self, length):
        """Return the slice of the frames that are looked at, in the middle of a clip.

        Raises:
            ValueError: the clip has fewer frames than that.

        Example:
            >>> Fusion(frames=2, gap=15).look(18)
            slice(1, 17, 15)
        """
        span = (self.frames - 1) * self.gap + 1
        if not (length and length >= span):
            raise ValueError(f"a clip must have {span} frames or more, got {length}")
        first = (length - span) // 2
        return slice(first, first + span, self.gap)


def tower(x, fusion, plan=KARPATHY, norm=LocalResponseNormalization, name=""):
    """Return the maps of a clip: convolutions, ReLU, normalization, max pooling.

    Convolutions pad size // 2 zeros on each side in space, none in time.

    Args:
        x: (B, T, H, W, C) Keras tensor, all but B known, T that of the fusion.
        fusion: Fusion.
        plan: Stages.
        norm: function without arguments that returns a new layer.
        name: str, begins the names of its layers, conv1 and so on.

    Returns:
        (B, T', H', W', filters), T' being the last of fusion.steps().

    Raises:
        ValueError: maps become smaller than the pooling window.
    """
    fusion.steps()  # says what is wrong with it
    for number, stage in enumerate(plan):
        x = _convolve(x, stage, *fusion.of_stage(number), f"{name}conv{number + 1}")
        x = per_position(norm(), x) if stage.norm else x
        if stage.pool == 1:
            continue
        if min(x.shape[2:4]) < stage.pool:
            left = f"{x.shape[2]} x {x.shape[3]} are left"
            raise ValueError(f"H and W are too small: before pool{number + 1} {left}")
        pool = layers.MaxPooling2D(stage.pool, name=f"{name}pool{number + 1}")
        x = per_frame(pool, x)
    return x


def per_frame(layer, x):
    """Return what a layer for images makes of each frame of a clip by itself."""
    y = layer(ops.reshape(x, (-1, *x.shape[2:])))  # (B T, H, W, C)
    return ops.reshape(y, (-1, x.shape[1], *y.shape[1:]))


def per_position(layer, x):
    """Return what a layer for images makes of a clip whose frames are one image."""
    frames, height, *rest = x.shape[1:]
    y = layer(layers.Reshape((frames * height, *rest))(x))
    return layers.Reshape((frames, height, *rest))(y)


def classify(inputs, x, units=(4096, 4096), num_classes=487, name=None):
    """Close a network: dense layers of ReLUs over all of x, then one of logits.

    Args:
        inputs: Keras tensor, where the network begins.
        x: (B, ...) Keras tensor.
        units: int >= 1, of each hidden layer.
        num_classes: int >= 1.
        name: str.

    Returns:
        ClipClassifier. Its layers are named fc1, fc2, logits.
    """
    x = layers.Flatten(name="flatten")(x)
    for number, width in enumerate(units, 1):
        x = layers.Dense(width, "relu", name=f"fc{number}")(x)
    logits = layers.Dense(num_classes, name="logits")(x)
    return ClipClassifier(inputs, logits, name=name)


def _convolve(x, stage, extent, stride, name):
    pad = stage.size // 2
    if pad:
        x = per_frame(layers.ZeroPadding2D(pad, name=f"{name}_pad"), x)
    return layers.Conv3D(
        stage.filters,
        (extent, stage.size, stage.size),
        (stride, stage.strides, stage.strides),
        activation="relu",
        kernel_initializer="he_normal",
        name=name,
    )(x)
