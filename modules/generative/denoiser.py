"""Denoiser: a U-Net that is told the time and says what noise is in an image.

Paper: Ho, Jain and Abbeel, "Denoising Diffusion Probabilistic Models", NeurIPS 2020.
Link:  https://arxiv.org/abs/2006.11239 (section 4, appendix B)
"""

import keras
from keras import layers

from modules.generative.denoiser_parts import (
    attention_block,
    conv,
    down,
    norm_silu,
    time_block,
    time_features,
    up,
)


def denoiser(
    filters=(128, 256, 256, 256),
    blocks=2,
    attention=(1,),
    rate=0.1,
    input_shape=(32, 32, 3),
):
    """Return the network epsilon(x_t, t), by default the paper's for CIFAR-10.

    Level by level the maps are halved and then doubled again. On the way up each block
    also gets the map of the same size from the way down. 35,746,307 weights by default.

    Args:
        filters: ints, multiples of 4, one a level.
        blocks: int >= 1, blocks of a level on the way down; one more on the way up.
        attention: ints, the levels, from 0, whose blocks are followed by attention. The
            middle always has it.
        rate: float, of the dropout in every block.
        input_shape: (H, W, C); H and W may be None, and must else be multiples of
            2^(levels - 1).

    Returns:
        keras.Model from [x, t], (B, H, W, C) float and (B,) int, to (B, H, W, C).

    Raises:
        ValueError: a size cannot be halved that often, or filters are not multiples
            of 4.
    """
    _refuse(filters, blocks, input_shape)
    x = images = keras.Input(input_shape, name="x")
    t = keras.Input((), dtype="int32", name="t")
    time = time_features(t, filters[0], 4 * filters[0])

    def level_block(x, level, name):
        x = time_block(x, time, filters[level], rate, name)
        return attention_block(x, f"{name}_look") if level in attention else x

    x = conv(x, filters[0], "stem")
    x, kept = _way_down(x, len(filters), blocks, level_block)
    x = time_block(x, time, filters[-1], rate, "middle1")
    x = attention_block(x, "middle_look")
    x = time_block(x, time, filters[-1], rate, "middle2")
    x = _way_up(x, kept, len(filters), blocks, level_block)
    noise = conv(norm_silu(x, "out"), input_shape[-1], "noise")
    return keras.Model([images, t], noise, name="denoiser")


def _way_down(x, levels, blocks, level_block):
    """Return the smallest map, and all that the way up will be given."""
    kept = [x]
    for level in range(levels):
        for block in range(blocks):
            x = level_block(x, level, f"down{level}_block{block}")
            kept.append(x)
        if level < levels - 1:
            x = down(x, f"down{level}")
            kept.append(x)
    return x, kept


def _way_up(x, kept, levels, blocks, level_block):
    kept = list(kept)
    for level in reversed(range(levels)):
        for block in range(blocks + 1):
            name = f"up{level}_block{block}"
            x = layers.Concatenate(name=f"{name}_both")([x, kept.pop()])
            x = level_block(x, level, name)
        if level > 0:
            x = up(x, f"up{level}")
    return x


def _refuse(filters, blocks, input_shape):
    if not filters or any(f < 4 or f % 4 for f in filters):
        raise ValueError(f"filters must be multiples of 4, got {filters}")
    if not (isinstance(blocks, int) and blocks >= 1):
        raise ValueError(f"blocks must be an int >= 1, got {blocks!r}")
    multiple = 2 ** (len(filters) - 1)
    if any(size and size % multiple for size in input_shape[:2]):
        raise ValueError(
            f"height and width must be multiples of {multiple}, got {input_shape}"
        )
