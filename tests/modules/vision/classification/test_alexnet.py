import keras
import numpy as np
import pytest

from course.checks import count_trainable, noise_weights
from modules.vision.classification.alexnet import alexnet
from modules.vision.classification.local_response_normalization import (
    LocalResponseNormalization,
)

IMAGES = np.random.default_rng(0).normal(size=(2, 67, 83, 3)).astype("float32")


@pytest.fixture(scope="module")
def model():
    return alexnet()


@pytest.fixture(scope="module")
def small():
    model = alexnet(num_classes=3, input_shape=IMAGES.shape[1:])
    noise_weights(model, seed=0)
    return model


def test_counts(model):
    assert count_trainable(model) == 60_965_224
    assert count_trainable(alexnet(groups=1)) == 62_378_344


def test_dense_layers_hold_nearly_all(model):
    dense = sum(count_trainable(model.get_layer(n)) for n in ("fc6", "fc7", "logits"))
    assert round(100 * dense / count_trainable(model), 1) == 96.2


@pytest.mark.parametrize(
    ("size", "want"), [(227, (55, 27, 13, 6)), (224, (54, 26, 12, 5))]
)
def test_sizes(size, want):
    model = alexnet(input_shape=(size, size, 3))
    names = ("conv1", "pool1", "pool2", "pool5")
    assert tuple(model.get_layer(n).output.shape[1] for n in names) == want


def test_second_group_sees_the_second_half_only(small):
    conv = small.get_layer("conv2")
    x = np.random.default_rng(1).normal(size=(1, 4, 5, 96)).astype("float32")
    changed = x + np.arange(96) // 48 * np.float32(1)
    before, after = np.asarray(conv(x)), np.asarray(conv(changed))
    np.testing.assert_allclose(after[..., :128], before[..., :128], atol=1e-5)
    assert np.abs(after - before)[..., 128:].max() > 0.1


def test_normalization_follows_the_relu_and_precedes_the_pooling(model):
    norms = [x for x in model.layers if isinstance(x, LocalResponseNormalization)]
    for i, norm in enumerate(norms, 1):
        assert norm.input is model.get_layer(f"conv{i}").output
        assert norm.output is model.get_layer(f"pool{i}").input
    assert len(norms) == 2


def test_forward_and_dropout(small):
    logits = np.asarray(small(IMAGES))
    assert logits.shape == (2, 3) and np.ptp(logits, axis=0).max() > 1e-3
    dropped = [x.rate for x in small.layers if isinstance(x, keras.layers.Dropout)]
    assert dropped == [0.5, 0.5]
    assert not np.allclose(small(IMAGES), small(IMAGES, training=True))


def test_rejects_arguments():
    with pytest.raises(ValueError, match="groups must divide 96, got 5"):
        alexnet(groups=5)
    with pytest.raises(ValueError, match="H and W must be at least 67, got .66, 70, 3"):
        alexnet(input_shape=(66, 70, 3))
    with pytest.raises(ValueError, match="H and W must be at least 67, got .None"):
        alexnet(input_shape=(None, None, 3))
