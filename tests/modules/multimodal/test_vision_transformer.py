import numpy as np
import pytest
import tensorflow as tf

from course.checks import check_layer, check_model
from modules.multimodal.vision_transformer import ClassToken, vision_transformer

RNG = np.random.default_rng(0)
IMAGES = RNG.normal(size=(2, 12, 12, 3)).astype("float32")
SMALL = {"hidden_dim": 6, "num_layers": 2, "num_heads": 2}


def small(**options):
    return vision_transformer(12, 4, **SMALL, **options)


def weights(d=6, patches=9, size=4, n=2, classes=0):
    block = 4 * (d * d + d) + 2 * 2 * d + 8 * d * d + 5 * d
    return 3 * size**2 * d + d + d + (1 + patches) * d + n * block + 2 * d + classes


def test_counts_of_the_paper():
    """ViT-B/16 and B/32 with 1000 classes, as torchvision counts them."""
    with tf.Graph().as_default():
        for size, count in ((16, 86_567_656), (32, 88_224_232)):
            model = vision_transformer(patch_size=size, num_classes=1000)
            assert model.count_params() == count
            patches = (224 // size) ** 2
            head = 768 * 1000 + 1000
            assert count == weights(768, patches, size, 12, head)


def test_model():
    check_model(small, IMAGES, (2, 6), weights())
    check_model(
        lambda: small(num_classes=5), IMAGES, (2, 5), weights(classes=6 * 5 + 5)
    )


def test_class_token():
    x = RNG.normal(size=(2, 5, 6)).astype("float32")
    check_layer(ClassToken, x, (2, 6, 6), 6)
    layer = ClassToken()
    layer.build(x.shape)
    layer.set_weights([np.arange(6.0)])
    y = np.asarray(layer(x))
    np.testing.assert_array_equal(y[:, 0], [np.arange(6)] * 2)
    np.testing.assert_array_equal(y[:, 1:], x)


def patched(image, order):
    """Return an image whose nine patches stand in another order."""
    parts = image.reshape(3, 4, 3, 4, 3).transpose(0, 2, 1, 3, 4).reshape(9, 4, 4, 3)
    parts = parts[order].reshape(3, 3, 4, 4, 3).transpose(0, 2, 1, 3, 4)
    return parts.reshape(12, 12, 3)


def test_only_positions_tell_where_a_patch_was():
    model = small()
    order = RNG.permutation(9)
    moved = np.stack([patched(x, order) for x in IMAGES])
    positions = next(w for w in model.weights if w.shape == (10, 6))
    assert np.abs(model(IMAGES) - model(moved)).max() > 1e-3
    positions.assign(np.zeros((10, 6)))
    np.testing.assert_allclose(model(IMAGES), model(moved), atol=1e-5)


def test_every_patch_is_seen():
    model = small()
    with tf.GradientTape() as tape:
        x = tf.Variable(IMAGES)
        loss = tf.reduce_sum(model(x) * RNG.normal(size=(2, 6)))
    found = np.abs(tape.gradient(loss, x)).reshape(2, 3, 4, 3, 4, 3).max((2, 4, 5))
    assert (found > 0).all()


def test_what_clip_changes():
    plain, clip = small(), small(norm_patches=True, patch_bias=False)
    assert clip.count_params() == plain.count_params() - 6 + 2 * 6
    with pytest.raises(ValueError, match="patches of 5 do not fill images of 12"):
        vision_transformer(12, 5)
