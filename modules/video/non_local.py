"""A non-local block: each place of a clip sees all places of all frames.

Paper: Wang, Girshick, Gupta and He, "Non-local Neural Networks", CVPR 2018.
Link:  https://arxiv.org/abs/1711.07971 (section 3, equations 1 to 6, figure 2)
"""

import keras
from keras import layers, ops

from modules.nlp.translation.scaled_dot_product import attention_weights

PAIRWISE = ("embedded_gaussian", "gaussian", "dot_product")


@keras.saving.register_keras_serializable("video")
class NonLocal(layers.Layer):
    """Add to each place a mean of all places, weighted by how well they match.

        y_i = 1 / C(x) * sum over j of f(x_i, x_j) g(x_j)        z_i = W_z y_i + x_i

        f: gaussian           exp(x_i . x_j)             C: sum over j of f(x_i, x_j)
           embedded gaussian  exp(theta_i . phi_j)          likewise
           dot product        theta_i . phi_j            C: N, the number of places j

    theta, phi and g are linear maps of each place to half the channels, W_z leads back.
    i and j run over all T H W places. With a Gaussian, f / C is a softmax over j: self-
    attention with one head, but without its 1 / sqrt(d). A batch normalization whose
    gamma starts at 0 follows W_z, so the block is the identity at first and can be put
    into a network that is trained already.

    Args:
        pairwise: "embedded_gaussian", "gaussian" or "dot_product", called f.
        filters: int >= 1, channels of theta, phi and g; None for C / 2.
        pool: int >= 1, side of a max pooling in space after phi and g (in the Gaussian
            x is in the place of phi); z keeps its size.

    Shapes:
        x: (B, T, H, W, C), (B, H, W, C) or (B, T, C) float. C must be known.
        z: as x. With h filters 3 (C h + h) + h C + C + 2 C weights, without theta and
            phi C h + h + h C + C + 2 C.

    Raises:
        ValueError: pairwise is none of those, filters or pool is not an int >= 1, or x
            has another rank.

    Example:
        >>> x = keras.random.normal((2, 4, 7, 7, 6))
        >>> bool(ops.all(NonLocal()(x) == x))
        True
    """

    def __init__(self, pairwise="embedded_gaussian", filters=None, pool=1, **kwargs):
        super().__init__(**kwargs)
        if pairwise not in PAIRWISE:
            raise ValueError(f"pairwise must be one of {PAIRWISE}, got {pairwise!r}")
        for name, value in (("filters", filters), ("pool", pool)):
            given = name == "pool" or value is not None
            if given and not (isinstance(value, int) and value >= 1):
                raise ValueError(f"{name} must be an int >= 1, got {value!r}")
        self.pairwise = pairwise
        self.filters = filters
        self.pool = pool

    def build(self, input_shape):
        if len(input_shape) not in (3, 4, 5) or input_shape[-1] is None:
            raise ValueError(f"x must have C known and rank 3 to 5, got {input_shape}")
        channels = input_shape[-1]
        filters = max(1, channels // 2) if self.filters is None else self.filters
        names = ("g",) if self.pairwise == "gaussian" else ("theta", "phi", "g")
        self.maps = [self._dense(channels, filters, name) for name in names]
        self.out = self._dense(filters, channels, "z")
        self.norm = layers.BatchNormalization(
            gamma_initializer="zeros", dtype=self.dtype_policy
        )
        self.norm.build(input_shape)

    def _dense(self, channels, filters, name):
        layer = layers.Dense(filters, name=name, dtype=self.dtype_policy)
        layer.build((None, channels))
        return layer

    def weights_of(self, x):
        """Return f / C, (B, N, N'): how much place i takes of place j.

        Args:
            x: as in a call; N is its number of places, N' that after pooling.
        """
        theta = phi = x
        if self.pairwise != "gaussian":
            theta, phi = (dense(x) for dense in self.maps[:2])
        theta, phi = places(theta), places(max_pool(phi, self.pool))
        if self.pairwise != "dot_product":
            return attention_weights(theta, phi, scale=1.0)
        count = ops.cast(ops.shape(phi)[1], phi.dtype)
        return ops.matmul(theta, ops.swapaxes(phi, 1, 2)) / count

    def call(self, x, training=False):
        g = places(max_pool(self.maps[-1](x), self.pool))  # (B, N', h)
        y = ops.matmul(self.weights_of(x), g)  # (B, N, h)
        y = ops.reshape(y, (*ops.shape(x)[:-1], g.shape[-1]))
        return x + self.norm(self.out(y), training=training)

    def get_config(self):
        own = ("pairwise", "filters", "pool")
        return {**super().get_config(), **{name: getattr(self, name) for name in own}}


def places(x):
    """Return (B, ..., C) as (B, N, C): one row a place, frame by frame, row by row."""
    return ops.reshape(x, (ops.shape(x)[0], -1, x.shape[-1]))


def max_pool(x, size):
    """Return the largest of size x size places: in space, where x has space.

    Args:
        x: (B, T, H, W, C), (B, H, W, C) or (B, T, C) float.
        size: int >= 1; what is left over at the ends is pooled too.
    """
    if size == 1:
        return x
    sizes = ops.shape(x)
    if len(sizes) == 5:  # TensorFlow has no 3-D pooling in half precision
        x = ops.reshape(x, (-1, *sizes[2:]))  # (B T, H, W, C)
    x = ops.max_pool(x, size, padding="same")
    return ops.reshape(x, (*sizes[:2], *ops.shape(x)[1:])) if len(sizes) == 5 else x
