"""What generative models of images share: no labels, a known range, a loss an example.

Source: course; VAE, GAN and DDPM of this chapter derive from it.
"""

import copy

import keras
import numpy as np
from keras import ops


def check_images(x, low, high):
    """Refuse images that are not floats from low to high.

    Args:
        x: array or tensor, or what `fit` takes: a dataset, whose first batch is looked
            at. An iterator cannot be looked at twice and is let through.
        low, high: float.

    Raises:
        ValueError: they are integers, not finite, or outside the range.

    Example:
        >>> check_images(np.zeros((2, 8, 8, 1), "float32"), 0, 1)
    """
    if not hasattr(x, "shape"):
        if x is None or not hasattr(x, "__iter__") or iter(x) is x:
            return
        x = next(iter(x))
        x = x[0] if isinstance(x, (tuple, list)) else x
    meant = f"images must be floats from {low:g} to {high:g}"
    x = ops.convert_to_numpy(x)
    if x.dtype.kind in "iub":
        raise ValueError(f"{meant}, got {x.dtype}: rescale them")
    least, most = np.min(x), np.max(x)
    if not (low - 1e-3 <= least and most <= high + 1e-3):  # NaN is refused too
        found = f"from {least:g} to {most:g}"
        raise ValueError(f"{meant}, got them {found}: rescale them")


class GenerativeModel(keras.Model):
    """A model of images that learns without labels: `model.fit(x)`.

    A subclass says what the loss of each example is, in `objective`; what is minimised
    is its mean over the batch. Labels are ignored, as in `fit(x, y)`.

    Args:
        seed: int or None, for all that the model draws.
    """

    low, high = -1.0, 1.0  # the range of images

    def __init__(self, seed=None, **kwargs):
        super().__init__(**kwargs)
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)
        self.built = True  # its parts are

    def objective(self, x, y_pred, training):
        """Return a dict of losses, (B,) each: "loss" is minimised, all are reported."""
        raise NotImplementedError

    def compute_loss(
        self, x=None, y=None, y_pred=None, sample_weight=None, training=True
    ):
        found = self.objective(x, y_pred, training)
        for name, value in found.items():
            if name != "loss":
                self.trackers[name].update_state(ops.mean(value))
        loss = ops.cast(found["loss"], "float32")
        if sample_weight is not None:
            loss = loss * ops.cast(sample_weight, "float32")
        return ops.mean(loss) + sum(self.losses)

    def track(self, *names):
        """Report these entries of `objective` beside the loss."""
        self.trackers = {name: keras.metrics.Mean(name=name) for name in names}

    def noise(self, shape):
        """Return standard normal noise in the compute dtype of the model."""
        return keras.random.normal(
            shape, dtype=self.compute_dtype, seed=self.seed_generator
        )

    def fit(self, x=None, *args, **kwargs):
        check_images(x, self.low, self.high)
        return super().fit(x, *args, **kwargs)

    def evaluate(self, x=None, *args, **kwargs):
        check_images(x, self.low, self.high)
        return super().evaluate(x, *args, **kwargs)


def saved(*models):
    """Return models as a config holds them."""
    return [keras.saving.serialize_keras_object(model) for model in models]


def restored(config, *names):
    """Return a config in which the models of these names are models again."""
    config = copy.deepcopy(config)  # Keras empties what it deserialises
    models = {n: keras.saving.deserialize_keras_object(config[n]) for n in names}
    return {**config, **models}
