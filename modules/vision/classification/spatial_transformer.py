"""Spatial transformer: a layer that looks at the image and warps it.

Paper: Jaderberg, Simonyan, Zisserman and Kavukcuoglu, "Spatial Transformer Networks",
       NeurIPS 2015.
Link:  https://arxiv.org/abs/1506.02025 (section 3, equations 1 and 5)
"""

import keras
from keras import layers, ops


def affine_grid(theta, height, width):
    """Return, for every pixel of the output, where to look in the input.

        (x_s, y_s) = theta (x_t, y_t, 1)

    Coordinates run from -1 to 1 between the centres of the corner pixels (elsewhere
    called align_corners=True), so that the identity looks at pixels exactly. Theta
    maps output to input: one that doubles x and y shows the image at half its size.

    Args:
        theta: (B, 2, 3) float.
        height, width: int, size of the output.

    Returns:
        (B, height, width, 2): x_s, y_s.
    """
    y, x = ops.meshgrid(
        _axis(height, theta.dtype), _axis(width, theta.dtype), indexing="ij"
    )
    target = ops.stack([x, y, ops.ones_like(x)], axis=-1)  # (h, w, 3)
    return ops.einsum("hwk,bjk->bhwj", target, theta)


def bilinear_sample(images, grid):
    """Return the images at the points of the grid, between pixels by bilinear weights.

        y = sum over n, m of U[n, m] max(0, 1 - |x_s - m|) max(0, 1 - |y_s - n|)

    Outside the image U is 0.

    Args:
        images: (B, H, W, C) float, called U in the paper.
        grid: (B, h, w, 2) float, x and y in [-1, 1] as in affine_grid.

    Returns:
        (B, h, w, C), in the dtype of the images.
    """
    height, width = ops.shape(images)[1:3]
    x = _to_pixels(grid[..., 0], width)  # (B, h, w), 0 to W - 1
    y = _to_pixels(grid[..., 1], height)
    left, top = ops.floor(x), ops.floor(y)
    total = 0.0
    for column in (left, left + 1):
        for row in (top, top + 1):
            weight = (1 - ops.abs(x - column)) * (1 - ops.abs(y - row))
            weight = ops.cast(weight, images.dtype)[..., None]  # (B, h, w, 1)
            total = total + weight * _pixels(images, row, column)
    return total


@keras.saving.register_keras_serializable("vision/classification")
class SpatialTransformer(layers.Layer):
    """Warp each image by an affine map that a small network reads off it.

        theta = W localisation(x) + b,    y = bilinear_sample(x, affine_grid(theta))

    W starts at zero and b at the identity, so an untrained layer changes nothing. It
    learns from the loss of the task alone; nobody tells it where the object is.

    Args:
        localisation: layer or model from (B, H, W, C) to features (B, D).
        output_size: (height, width) of y, or None for that of x.

    Shapes:
        x: (B, H, W, C) float; what may be unknown is up to the localisation.
        y: (B, height, width, C).

    Example:
        >>> layer = SpatialTransformer(layers.GlobalAveragePooling2D(), (3, 4))
        >>> tuple(layer(ops.ones((2, 7, 5, 1))).shape)
        (2, 3, 4, 1)
    """

    def __init__(self, localisation, output_size=None, **kwargs):
        super().__init__(**kwargs)
        self.localisation = localisation
        self.output_size = output_size

    def build(self, input_shape):
        if not self.localisation.built:
            self.localisation.build(input_shape)
        identity = keras.initializers.Constant([1.0, 0, 0, 0, 1, 0])
        self.regress = layers.Dense(
            6,
            kernel_initializer="zeros",
            bias_initializer=identity,
            dtype="float32",  # half precision would miss pixels
        )
        self.regress.build(self.localisation.compute_output_shape(input_shape))

    def call(self, x):
        theta = ops.reshape(self.regress(self.localisation(x)), (-1, 2, 3))
        height, width = self.output_size or ops.shape(x)[1:3]
        return bilinear_sample(x, affine_grid(theta, height, width))

    def get_config(self):
        localisation = keras.saving.serialize_keras_object(self.localisation)
        own = {"localisation": localisation, "output_size": self.output_size}
        return {**super().get_config(), **own}

    @classmethod
    def from_config(cls, config):
        network = keras.saving.deserialize_keras_object(config["localisation"])
        return cls(**{**config, "localisation": network})


def _axis(size, dtype):
    """Return size points from -1 to 1; a single one stands at 0."""
    last = ops.cast(size, dtype) - 1
    return (2 * ops.arange(size, dtype=dtype) - last) / ops.maximum(last, 1)


def _to_pixels(coordinate, size):
    last = ops.cast(size, coordinate.dtype) - 1
    return (coordinate * last + last) / 2


def _pixels(images, row, column):
    """Return the pixels of the given rows and columns, and 0 outside the images."""
    batch, height, width, channels = ops.shape(images)
    row, column = ops.cast(row, "int32"), ops.cast(column, "int32")
    inside = (row >= 0) & (row < height) & (column >= 0) & (column < width)
    row, column = ops.clip(row, 0, height - 1), ops.clip(column, 0, width - 1)
    index = ops.reshape(row * width + column, (batch, -1, 1))
    flat = ops.reshape(images, (batch, height * width, channels))
    values = ops.take_along_axis(flat, index, axis=1)  # (B, h w, C)
    values = ops.reshape(values, (*ops.shape(inside), channels))
    return ops.where(inside[..., None], values, 0)
