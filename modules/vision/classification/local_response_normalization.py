"""Local response normalization: divide a channel by the energy of its neighbours.

Paper: Krizhevsky, Sutskever and Hinton, "ImageNet Classification with Deep
       Convolutional Neural Networks", NeurIPS 2012.
Link:  https://papers.nips.cc/paper/4824 (section 3.3)
"""

import keras
from keras import layers, ops


@keras.saving.register_keras_serializable("vision/classification")
class LocalResponseNormalization(layers.Layer):
    """Let neighbouring channels compete at every position; no weights.

        y[c] = x[c] / (k + alpha * sum of x[c']^2)^beta    with |c' - c| <= n // 2

    TensorFlow's function of that name wants the half width n // 2, and Caffe's
    divides alpha by n.

    Args:
        size: odd int >= 1, channels in the sum, called n in the paper.
        k: float, keeps the divisor away from zero.
        alpha: float >= 0.
        beta: float.

    Shapes:
        x: (B, H, W, C) float, C known.
        y: as x.

    Raises:
        ValueError: size is not an odd int >= 1.

    Example:
        >>> layer = LocalResponseNormalization(size=3, k=1.0, alpha=1.0, beta=1.0)
        >>> print(ops.convert_to_numpy(layer(ops.ones((1, 1, 1, 3))))[0, 0, 0])
        [0.33333334 0.25       0.33333334]
    """

    def __init__(self, size=5, k=2.0, alpha=1e-4, beta=0.75, **kwargs):
        super().__init__(**kwargs)
        if not (isinstance(size, int) and size >= 1 and size % 2):
            raise ValueError(f"size must be an odd int >= 1, got {size!r}")
        self.size = size
        self.k = k
        self.alpha = alpha
        self.beta = beta

    def call(self, x):
        half, channels = self.size // 2, x.shape[-1]
        squares = ops.pad(x * x, [(0, 0), (0, 0), (0, 0), (half, half)])
        energy = sum(squares[..., i : i + channels] for i in range(self.size))
        return x / (self.k + self.alpha * energy) ** self.beta

    def get_config(self):
        own = {"size": self.size, "k": self.k, "alpha": self.alpha, "beta": self.beta}
        return {**super().get_config(), **own}
