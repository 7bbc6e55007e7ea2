import numpy as np
import tensorflow as tf

from course.checks import noise_weights
from modules.multimodal.text_encoder import TextEncoder, clip_vit

RNG = np.random.default_rng(0)
IMAGES = RNG.uniform(size=(4, 16, 16, 3)).astype("float32")
TOKENS = np.array([[3, 4, 8, 0, 0], [5, 8, 0, 0, 0], [2, 2, 6, 7, 8], [8, 0, 0, 0, 0]])
TEXT = dict(vocabulary_size=9, max_length=7, num_layers=2, num_heads=2, hidden_dim=8)


def test_counts_of_the_paper():
    with tf.Graph().as_default():
        model = clip_vit()
        model.build(None)
        model.text_encoder.build((None, 77))
        assert model.count_params() == 151_277_313


def test_the_end_of_a_text_is_what_counts():
    encoder = TextEncoder(**TEXT)
    y = np.asarray(encoder(TOKENS))
    other = np.where(TOKENS == 0, 5, TOKENS)  # what stands behind the end
    np.testing.assert_allclose(encoder(other), y, atol=1e-5)
    changed = TOKENS.copy()
    changed[:, 0] = [5, 3, 7, 8]
    assert (np.abs(encoder(changed) - y).max(axis=1) > 1e-4).tolist() == [1, 1, 1, 0]


def test_equals_keras_hub():
    """Vectors of images and of texts, after every weight was set to noise."""
    import keras_hub

    sizes = {"num_layers": 2, "num_heads": 2, "intermediate_dim": 32}
    vision = keras_hub.models.CLIPVisionEncoder(
        patch_size=4, hidden_dim=8, image_shape=(16, 16, 3), **sizes
    )
    text = keras_hub.models.CLIPTextEncoder(
        vocabulary_size=9, embedding_dim=8, hidden_dim=8, max_sequence_length=7, **sizes
    )
    theirs = keras_hub.models.CLIPBackbone(vision, text, projection_dim=6)
    ours = clip_vit(16, 4, 6, vision=(8, 2, 2), text=TEXT)
    tokens = np.pad(TOKENS, [(0, 0), (0, 2)])
    ours([IMAGES, tokens])
    noise_weights(ours, seed=0)
    pairs = transplanted(ours, theirs)
    assert pairs == len(ours.weights)
    mine = ours.images(IMAGES), ours.texts(tokens)
    other = theirs.get_vision_embeddings(IMAGES), theirs.get_text_embeddings(tokens)
    for a, b in zip(mine, other, strict=True):
        a, b = np.asarray(a), np.asarray(b)
        assert np.abs(a - b).max() < 1e-4 * b.std()
    first = next(w for w in ours.text_encoder.weights if w.path.endswith("gamma"))
    first.assign(1.2 * first)
    changed = np.asarray(ours.texts(tokens))
    assert np.abs(changed - np.asarray(other[1])).max() > 1e-2 * np.std(other[1])


def transplanted(ours, theirs):
    """Copy our weights into theirs, by name of the part; return how many."""
    copied = 0

    def give(target, source):
        nonlocal copied
        target.assign(np.reshape(source, target.shape))
        copied += 1

    def block(target, source):
        attention, own = target.attention, source.self_attention
        names = ("query", "key", "value", "output")
        for name in names:
            dense = getattr(own, f"{name}_dense")
            other = getattr(attention, f"_{name}_dense")
            give(other.kernel, dense.kernel)
            give(other.bias, dense.bias)
        norms = (source.self_attention_norm, source.feed_forward_norm)
        pairs = zip((target.layer_norm_1, target.layer_norm_2), norms, strict=True)
        dense = ((target.dense_1, source.expand), (target.dense_2, source.reduce))
        for a, b in (*pairs, *dense):
            for x, y in zip(a.weights, b.weights, strict=True):
                give(x, y)

    vision, text = theirs.vision_encoder, theirs.text_encoder
    mine = ours.image_encoder.layers
    by_type = lambda kind: [x for x in mine if type(x).__name__ == kind]  # noqa: E731
    [token], [positions] = by_type("ClassToken"), by_type("LearnedPositions")
    [conv] = by_type("Conv2D")
    before, after = by_type("LayerNormalization")
    vision.embedding.position_ids.assign(np.arange(17)[None])  # untrained: zeros
    give(vision.embedding.class_embedding, token.token)
    give(vision.embedding.position_embedding.embeddings, positions.positions)
    give(vision.embedding.patch_embedding.kernel, conv.kernel)
    norms = ((vision.pre_layer_norm, before), (vision.layer_norm, after))
    gpt = ours.text_encoder.gpt
    norms += ((text.layer_norm, gpt.end),)
    for a, b in norms:
        for x, y in zip(a.weights, b.weights, strict=True):
            give(x, y)
    blocks = (*zip(vision.encoder_layers, by_type("EncoderLayer"), strict=True),)
    blocks += (*zip(text.encoder_layers, gpt.blocks, strict=True),)
    for target, source in blocks:
        block(target, source)
    give(text.embedding.token_embedding.embeddings, gpt.embedding.embeddings)
    give(text.embedding.position_embedding.position_embeddings, gpt.positions.positions)
    give(theirs.vision_projection.kernel, ours.image_projection.kernel)
    give(theirs.text_projection.kernel, ours.text_projection.kernel)
    give(theirs.clip_head.logit_scale, ours.log_scale)
    return copied
