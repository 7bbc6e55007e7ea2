"""CLIP's encoders: a GPT that reads to the end of a text, and the paper's sizes.

Paper: Radford et al., "Learning Transferable Visual Models From Natural Language
       Supervision", ICML 2021.
Link:  https://arxiv.org/abs/2103.00020 (section 2.4)
"""

import keras
from keras import ops

from modules.multimodal.clip import CLIP
from modules.multimodal.vision_transformer import vision_transformer
from modules.nlp.language_models.gelu import gelu_sigmoid
from modules.nlp.language_models.gpt import GPT


@keras.saving.register_keras_serializable("multimodal")
class TextEncoder(keras.Model):
    """Return what a causal Transformer says at the end of a text.

    Each word sees those before it, so the end token, which stands behind all, is the
    only one that has seen everything. It must have the LARGEST number of all tokens,
    as in CLIP's vocabulary: it is found by the largest number of a row. What stands
    behind it does not matter.

    Args:
        vocabulary_size: int >= 2, the end token being vocabulary_size - 1.
        max_length, num_layers, num_heads, hidden_dim: as in `GPT`.

    Shapes:
        tokens: (B, T) int, T <= max_length; y: (B, hidden_dim).

    Example:
        >>> encoder = TextEncoder(9, 5, num_layers=1, num_heads=2, hidden_dim=8)
        >>> tuple(encoder(ops.array([[3, 4, 8, 0]])).shape)
        (1, 8)
    """

    def __init__(
        self,
        vocabulary_size=49_408,
        max_length=77,
        num_layers=12,
        num_heads=8,
        hidden_dim=512,
        **kwargs,
    ):
        super().__init__(**kwargs)
        sizes = {"vocabulary_size": vocabulary_size, "max_length": max_length}
        sizes |= {"num_layers": num_layers, "num_heads": num_heads}
        self.sizes = {**sizes, "hidden_dim": hidden_dim}
        plain = {"rate": 0.0, "activation": gelu_sigmoid, "padding": None}
        self.gpt = GPT(**self.sizes, **plain, dtype=self.dtype_policy)

    @property
    def output_shape(self):
        return (None, self.sizes["hidden_dim"])

    def build(self, input_shape):
        self.gpt.build(input_shape)

    def call(self, tokens):
        end = ops.argmax(tokens, axis=1)[:, None, None]
        return ops.take_along_axis(self.gpt.features(tokens), end, axis=1)[:, 0]

    def compute_output_shape(self, input_shape):
        return (input_shape[0], self.sizes["hidden_dim"])

    def get_config(self):
        return {**super().get_config(), **self.sizes}


def clip_vit(image_size=224, patch_size=32, dim=512, vision=(768, 12, 12), text=None):
    """Return CLIP ViT-B/32 of the paper, untrained: 151,277,313 weights.

    Args:
        image_size, patch_size: int, as in `vision_transformer`.
        dim: int, of the common space.
        vision: (hidden_dim, num_layers, num_heads) of the image encoder.
        text: dict of sizes for `TextEncoder`; None for the paper's.

    Example:
        >>> sizes = dict(vocabulary_size=9, num_layers=1, num_heads=2, hidden_dim=8)
        >>> model = clip_vit(16, 8, 4, vision=(8, 1, 2), text=sizes)
        >>> model([ops.ones((2, 16, 16, 3)), ops.ones((3, 7), "int32")]).shape[1]
        3
    """
    options = {"activation": gelu_sigmoid, "epsilon": 1e-5}
    options |= {"patch_bias": False, "norm_patches": True}
    images = vision_transformer(image_size, patch_size, *vision, **options)
    return CLIP(images, TextEncoder(**(text or {})), dim)
