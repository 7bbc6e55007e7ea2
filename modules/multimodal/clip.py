"""CLIP: images and texts become vectors in one space, each pair close together.

Paper: Radford et al., "Learning Transferable Visual Models From Natural Language
       Supervision", ICML 2021.
Link:  https://arxiv.org/abs/2103.00020 (sections 2.3 to 2.5, 3.1; figures 1 and 3)
"""

import math

import keras
import numpy as np
from keras import layers, ops

from modules.generative.generative_model import check_images, restored, saved
from modules.multimodal.contrastive_loss import contrastive_loss
from modules.nlp.language_models.info_nce import cosine_similarities
from modules.nlp.language_models.language_model import check_tokens


@keras.saving.register_keras_serializable("multimodal")
class AtMost(keras.constraints.Constraint):
    """Cut a weight at a largest value after each step, as CLIP does with its scale.

    Args:
        value: float.
    """

    def __init__(self, value):
        self.value = value

    def __call__(self, w):
        return ops.minimum(w, self.value)

    def get_config(self):
        return {"value": self.value}


@keras.saving.register_keras_serializable("multimodal")
class CLIP(keras.Model):
    """Two encoders, a linear map behind each, and a learned temperature.

        s_ij = exp(t) cos(W_I f(image_i), W_T g(text_j))

    trained with `contrastive_loss` by `model.fit([images, tokens])`: the pairs are all
    the labels there are. t starts at ln(1 / 0.07) and is cut at ln 100 after each step.

    A classifier for any classes costs no training: describe them, and take the text
    that is closest to the image (`classify`). In the paper 80 descriptions a class are
    averaged; they vote by their vectors, not by their scores.

    Args:
        image_encoder: model from images to (B, D_I); in the paper a ResNet or a
            `vision_transformer`.
        text_encoder: model from tokens (B, T) int to (B, D_T); see `text_encoder.py`.
        dim: int >= 1, of the common space.
        low, high: floats, what images are expected to lie between; None for any.

    Shapes:
        inputs: [images (N, H, W, C) float, tokens (M, T) int], to fit N = M.
        y: (N, M), the scores s.

    Raises:
        ValueError: dim is not an int >= 1, or images or tokens in `fit` are not what
            they should be.

    Example:
        >>> image = keras.Input((8, 8, 3))
        >>> images = keras.Model(image, layers.Flatten()(image))
        >>> word = keras.Input((5,), dtype="int32")
        >>> table = layers.Embedding(9, 4)(word)
        >>> texts = keras.Model(word, layers.GlobalAveragePooling1D()(table))
        >>> model = CLIP(images, texts, dim=6)
        >>> tuple(model([ops.ones((3, 8, 8, 3)), ops.ones((2, 5), "int32")]).shape)
        (3, 2)
    """

    def __init__(
        self, image_encoder, text_encoder, dim=512, low=None, high=None, **kwargs
    ):
        super().__init__(**kwargs)
        if not (isinstance(dim, int) and dim >= 1):
            raise ValueError(f"dim must be an int >= 1, got {dim!r}")
        self.image_encoder, self.text_encoder = image_encoder, text_encoder
        self.dim, self.low, self.high = dim, low, high
        plain = {"use_bias": False, "dtype": self.dtype_policy}
        self.image_projection = layers.Dense(dim, name="image_projection", **plain)
        self.text_projection = layers.Dense(dim, name="text_projection", **plain)
        start = keras.initializers.Constant(math.log(1 / 0.07))
        cut = AtMost(math.log(100))
        self.log_scale = self.add_weight((), start, constraint=cut, name="log_scale")
        names = ("image_to_text", "text_to_image")
        self.trackers = {name: keras.metrics.Mean(name=name) for name in names}

    def build(self, input_shape):
        self.image_projection.build((None, self.image_encoder.output_shape[-1]))
        self.text_projection.build((None, self.text_encoder.output_shape[-1]))

    def images(self, images, training=False):
        """Return the vectors of images, (N, dim), of any length."""
        return self.image_projection(self.image_encoder(images, training=training))

    def texts(self, tokens, training=False):
        """Return the vectors of texts, (M, dim), of any length."""
        return self.text_projection(self.text_encoder(tokens, training=training))

    def scores(self, images, texts):
        """Return s (N, M) float32 of vectors (N, dim) and (M, dim)."""
        scale = ops.exp(ops.cast(self.log_scale, "float32"))
        return scale * cosine_similarities(images, texts)

    def call(self, inputs, training=False):
        images, tokens = inputs
        return self.scores(self.images(images, training), self.texts(tokens, training))

    def compute_loss(
        self, x=None, y=None, y_pred=None, sample_weight=None, training=True
    ):
        if sample_weight is not None:
            raise ValueError("sample_weight is not supported: pairs share their loss")
        right = ops.arange(ops.shape(y_pred)[0], dtype="int32")
        for tracker, axis in zip(self.trackers.values(), (1, 0), strict=True):
            best = ops.cast(ops.argmax(y_pred, axis=axis), "int32")
            tracker.update_state(ops.cast(best == right, "float32"))
        return ops.mean(contrastive_loss(y_pred)) + sum(self.losses)

    def class_vectors(self, prompts):
        """Return a vector of length 1 for each class: the mean direction of its texts.

        Args:
            prompts: (C, P, T) int, P descriptions of each of C classes.
        """
        prompts = np.asarray(prompts)
        classes, count, words = prompts.shape
        v = ops.cast(self.texts(prompts.reshape(-1, words)), "float32")
        v = ops.reshape(ops.normalize(v, axis=-1), (classes, count, -1))
        return ops.normalize(ops.mean(v, axis=1), axis=-1)

    def classify(self, images, prompts):
        """Return the probability of each class, (N, C), without having learned any."""
        images = ops.convert_to_tensor(images)
        return ops.softmax(
            self.scores(self.images(images), self.class_vectors(prompts))
        )

    def fit(self, x=None, *args, **kwargs):
        if isinstance(x, (list, tuple)):
            images, tokens = x
            if len(images) != len(tokens):
                counts = f"{len(images)} images and {len(tokens)} texts"
                raise ValueError(f"each image needs its text, got {counts}")
            if self.low is not None:
                check_images(images, self.low, self.high)
            check_tokens(tokens, 1 + int(np.max(tokens, initial=0)))
        return super().fit(x, *args, **kwargs)

    def get_config(self):
        encoders = saved(self.image_encoder, self.text_encoder)
        own = dict(zip(("image_encoder", "text_encoder"), encoders, strict=True))
        own |= {"dim": self.dim, "low": self.low, "high": self.high}
        return {**super().get_config(), **own}

    @classmethod
    def from_config(cls, config):
        return cls(**restored(config, "image_encoder", "text_encoder"))
