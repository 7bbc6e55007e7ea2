"""U-Net: maps are halved to the whole image, and doubled with those of the way down.

Paper: Ronneberger, Fischer and Brox, "U-Net: Convolutional Networks for Biomedical
       Image Segmentation", MICCAI 2015.
Link:  https://arxiv.org/abs/1505.04597 (section 2, figure 1)
"""

import keras
from keras import layers

from modules.vision.segmentation.crop import CropTo
from modules.vision.segmentation.segmenter import Segmenter

FILTERS = (64, 128, 256, 512, 1024)


def unet(
    filters=FILTERS,
    padding="valid",
    rate=0.5,
    num_classes=2,
    input_shape=(572, 572, 1),
):
    """Return the network of figure 1, from images to logits: 31,030,658 weights.

    Level by level two 3x3 convolutions with ReLU and a halving; then a doubling, the
    map from the way down beside it (first), and two 3x3 convolutions. The authors
    published a network with a ReLU behind each doubling as well.

    - padding "valid", the paper's: a map loses 4 pixels a level, the skips are cropped
      around the middle, and the logits are those of the inner 388 x 388 pixels of 572 x
      572. Nothing outside the image is made up; see `output_size` for what fits.
    - padding "same": as many logits as pixels, for images of any size. Where a size
      cannot be halved, the map is halved up, and cropped when it is doubled again.

    Args:
        filters: ints >= 1, of the levels from the top.
        padding: "valid" or "same".
        rate: float in [0, 1), of the dropout behind the two lowest levels on the way
            down; 0 for none.
        num_classes: int >= 1.
        input_shape: (H, W, C); H and W may be None.

    Returns:
        Segmenter, a keras.Model.

    Raises:
        ValueError: there is no level, padding is neither, or "valid" and the size does
            not fit.
    """
    _refuse(filters, padding, input_shape)
    x = inputs = keras.Input(input_shape)
    kept = []
    for level, width in enumerate(filters):
        if level:
            x = layers.MaxPooling2D(2, padding=padding, name=f"halve{level}")(x)
        x = double_conv(x, width, padding, f"down{level}")
        if rate and level >= len(filters) - 2:
            x = layers.Dropout(rate, name=f"down{level}_dropout")(x)
        kept.append(x)
    for level in reversed(range(len(filters) - 1)):
        x = join(x, kept[level], padding, f"up{level}")
        x = double_conv(x, filters[level], padding, f"up{level}")
    logits = layers.Conv2D(num_classes, 1, name="logits")(x)
    return Segmenter(inputs, logits, name="unet")


def double_conv(x, filters, padding, name):
    """Return x after two 3x3 convolutions, each with ReLU, started as He et al. do."""
    start = {"activation": "relu", "kernel_initializer": "he_normal"}
    for i in (1, 2):
        conv = layers.Conv2D(filters, 3, padding=padding, **start, name=f"{name}_{i}")
        x = conv(x)
    return x


def join(x, skip, padding, name):
    """Return x doubled by a 2x2 up-convolution to half its channels, behind the skip.

    Args:
        x: (B, H, W, C) Keras tensor.
        skip: Keras tensor from the way down; with "valid" cut to the size of x
            doubled, with "same" the one to whose size x is cut.
        padding, name: str.
    """
    channels = max(1, x.shape[-1] // 2)
    x = layers.Conv2DTranspose(channels, 2, 2, name=f"{name}_double")(x)
    if padding == "valid":
        skip = CropTo("middle", name=f"{name}_crop")(skip, x)
    else:
        x = CropTo("start", name=f"{name}_crop")(x, skip)
    return layers.Concatenate(name=f"{name}_join")([skip, x])


def output_size(size, levels=4):
    """Return how many logits in a row a valid U-Net gives for so many pixels.

    Every halved map must be even, so that each pixel of it stands for two: of sizes up
    to 1000 one in sixteen fits, such as 572. All that fit lose the same rim.

    Args:
        size: int, pixels.
        levels: int, halvings.

    Raises:
        ValueError: size does not fit; the message names the nearest that do.

    Example:
        >>> output_size(572)
        388
    """
    found = _through(size, levels)
    if found is None:
        fits = [n for n in range(1, size + 2**levels * 16) if _through(n, levels)]
        below = max((n for n in fits if n < size), default=None)
        above = min(n for n in fits if n > size)
        near = f"{below} and {above}" if below else f"{above}"
        raise ValueError(f"an image of {size} pixels does not fit, the nearest: {near}")
    return found


def _refuse(filters, padding, input_shape):
    if padding not in ("valid", "same"):
        raise ValueError(f"padding must be 'valid' or 'same', got {padding!r}")
    if not filters or any(width < 1 for width in filters):
        raise ValueError(f"filters must be ints >= 1, got {filters!r}")
    for size in input_shape[:2]:
        if size and padding == "valid":
            output_size(size, len(filters) - 1)


def _through(size, levels):
    """Return what is left of a size on the way down and up; None if it does not fit."""
    size -= 4
    if not levels:
        return size if size > 0 else None
    if size <= 0 or size % 2:
        return None
    inner = _through(size // 2, levels - 1)
    return inner and (2 * inner - 4 if inner > 2 else None)
