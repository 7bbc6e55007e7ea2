"""Vision Transformer: an image is a sentence whose words are its patches.

Paper: Dosovitskiy et al., "An Image is Worth 16x16 Words: Transformers for Image
       Recognition at Scale", ICLR 2021.
Link:  https://arxiv.org/abs/2010.11929 (section 3.1, equations 1 to 4, figure 1)
"""

import keras
from keras import layers, ops

from modules.nlp.language_models.gelu import gelu_exact
from modules.nlp.translation.positional_encoding import LearnedPositions
from modules.nlp.translation.transformer_layers import EncoderLayer


@keras.saving.register_keras_serializable("multimodal")
class ClassToken(layers.Layer):
    """Put a learned vector in front of a sentence: it will hold what is read of all.

    Shapes:
        x: (B, T, D) float; y: (B, 1 + T, D). D weights.

    Example:
        >>> tuple(ClassToken()(ops.ones((2, 4, 8))).shape)
        (2, 5, 8)
    """

    def build(self, x_shape):
        self.token = self.add_weight((x_shape[-1],), "zeros", name="token")

    def call(self, x):
        shape = (ops.shape(x)[0], 1, x.shape[-1])
        token = ops.broadcast_to(ops.cast(self.token, x.dtype), shape)
        return ops.concatenate([token, x], axis=1)


def patches(images, size, hidden_dim, use_bias=True):
    """Return z_0 of images (B, S, S, 3): class token and patches, each with its place.

    Args:
        images: Keras tensor.
        size: int, side of a patch.
        hidden_dim: int, called D.
        use_bias: bool, whether the map of patches has a bias.

    Returns:
        (B, 1 + N, D) Keras tensor.

    Raises:
        ValueError: size does not divide S.
    """
    side = images.shape[1]
    if side % size:
        raise ValueError(f"patches of {size} do not fill images of {side}")
    count = (side // size) ** 2
    x = layers.Conv2D(hidden_dim, size, size, use_bias=use_bias)(images)
    x = layers.Reshape((count, hidden_dim))(x)  # (B, N, D)
    return LearnedPositions(1 + count)(ClassToken()(x))


def vision_transformer(
    image_size=224,
    patch_size=16,
    hidden_dim=768,
    num_layers=12,
    num_heads=12,
    rate=0.0,
    activation=gelu_exact,
    epsilon=1e-6,
    patch_bias=True,
    norm_patches=False,
    num_classes=None,
):
    """Return the network of figure 1, from images to the class token's features.

        z_0 = [x_class; E x_1; ... ; E x_N] + P         N patches of the image
        z_l = Block(z_(l-1)), every patch seeing all    norms in front of branches
        y = LN(z_L)_0

    E is the same for all patches, which is a convolution with strides as wide as its
    filters. Nothing but P tells where a patch was, and P is learned: what convolutions
    know of space must come from data, and the paper needs 300 million images for it.

    The defaults are ViT-B/16: 85,798,656 weights, and 86,567,656 with 1000 classes.
    CLIP's image tower also normalizes z_0 (norm_patches) and has no bias in E.

    Args:
        image_size, patch_size: int, sides in pixels; the one divides the other.
        hidden_dim, num_layers, num_heads: int, called D, L and k; the two dense layers
            of a block have 4 D units between them.
        rate: float in [0, 1), dropout of embeddings and branches.
        activation: str or function.
        epsilon: float, of layer normalization.
        patch_bias: bool, whether E has a bias.
        norm_patches: bool, whether z_0 is normalized.
        num_classes: int, for logits by one dense layer; None for the features.

    Returns:
        keras.Model from images (B, S, S, 3) to (B, hidden_dim) or (B, num_classes).

    Raises:
        ValueError: patch_size does not divide image_size.

    Example:
        >>> small = vision_transformer(32, 8, hidden_dim=16, num_layers=1, num_heads=2)
        >>> small.output_shape
        (None, 16)
    """
    images = keras.Input((image_size, image_size, 3))
    x = layers.Dropout(rate)(patches(images, patch_size, hidden_dim, patch_bias))
    if norm_patches:
        x = layers.LayerNormalization(epsilon=epsilon)(x)
    options = {"rate": rate, "activation": activation, "epsilon": epsilon}
    for _ in range(num_layers):
        block = EncoderLayer(num_heads, 4 * hidden_dim, norm_first=True, **options)
        x = block(x)
    y = layers.LayerNormalization(epsilon=epsilon)(x[:, 0])
    if num_classes is not None:
        y = layers.Dense(num_classes, name="logits")(y)
    return keras.Model(images, y, name=f"vision_transformer_{patch_size}")
