"""CropTo: cut a map to the height and width of another one.

Paper: Ronneberger, Fischer and Brox, "U-Net: Convolutional Networks for Biomedical
       Image Segmentation", MICCAI 2015.
Link:  https://arxiv.org/abs/1505.04597 (section 2: the cropping of the skips)
"""

import keras
from keras import layers, ops


@keras.saving.register_keras_serializable("vision/segmentation")
class CropTo(layers.Layer):
    """Cut x to the size of another map, so that the two can be joined.

        y[i, j] = x[top + i, left + j]

    Around the middle, top = (H - h) / 2: convolutions without padding took as much
    from every side, so the middles show the same place. From the start, top = 0: where
    an odd map was halved up and doubled again there is a row too many at the end.

    Args:
        place: "middle" or "start".

    Shapes:
        x: (B, H, W, C). like: (B, h, w, D), only its size matters.
        y: (B, h, w, C).

    Raises:
        ValueError: place is neither, like is larger than x, or around the middle
            H - h or W - w is odd.

    Example:
        >>> x = ops.reshape(ops.arange(6.0), (1, 1, 6, 1))
        >>> CropTo("middle")(x, ops.zeros((1, 1, 2, 1))).numpy().ravel().tolist()
        [2.0, 3.0]
    """

    def __init__(self, place="middle", **kwargs):
        super().__init__(**kwargs)
        if place not in ("middle", "start"):
            raise ValueError(f"place must be 'middle' or 'start', got {place!r}")
        self.place = place

    def call(self, x, like):
        self._refuse(x.shape[1:3], like.shape[1:3])
        height, width = ops.shape(like)[1:3]
        top = left = 0
        if self.place == "middle":
            top = (ops.shape(x)[1] - height) // 2
            left = (ops.shape(x)[2] - width) // 2
        return x[:, top : top + height, left : left + width]

    def compute_output_spec(self, x, like):
        self._refuse(x.shape[1:3], like.shape[1:3])
        shape = (x.shape[0], *like.shape[1:3], x.shape[-1])
        return keras.KerasTensor(shape, dtype=self.compute_dtype)

    def _refuse(self, sizes, wanted):
        for size, want in zip(sizes, wanted, strict=True):
            if size is None or want is None:
                continue
            if want > size:
                raise ValueError(f"a map of {size} cannot be cropped to {want}")
            if self.place == "middle" and (size - want) % 2:
                raise ValueError(
                    f"a map of {size} has no middle of {want}, the difference is odd: "
                    "the image has a size that cannot be halved as often as needed"
                )

    def get_config(self):
        return {**super().get_config(), "place": self.place}
