import keras
import numpy as np
import pytest

from course.checks import assert_close_relative, check_model, noise_weights
from modules.video.group_norm import GroupNorm
from modules.video.tower import (
    KARPATHY,
    Fusion,
    LocalResponseNormalization,
    Stage,
    classify,
    per_position,
    tower,
)

SMALL = (Stage(4, 5, 2, norm=True, pool=2), Stage(6, 3), Stage(5, 3, pool=2))
CLIPS = np.random.default_rng(0).normal(size=(2, 3, 18, 23, 2)).astype("float32")


def network(**options):
    inputs = keras.Input(CLIPS.shape[1:])
    fusion = Fusion(3, extents=(2, 2), strides=(1, 1))
    x = tower(inputs, fusion, SMALL, **options)
    return keras.Model(inputs, classify(inputs, x, (7,), 3).output)


def test_network():
    convs = 2 * 25 * 2 * 4 + 4 + 2 * 9 * 4 * 6 + 6 + 9 * 6 * 5 + 5
    dense = 2 * 3 * 5 * 7 + 7 + 7 * 3 + 3
    check_model(network, CLIPS, (2, 3), convs + dense)


def test_group_normalization_takes_the_place_of_the_other():
    model = network(norm=lambda: GroupNorm(2))
    assert [x for x in model.layers if isinstance(x, GroupNorm)]
    assert not [x for x in model.layers if isinstance(x, LocalResponseNormalization)]
    noise_weights(model, seed=0)
    assert np.ptp(model(CLIPS), axis=0).min() > 1e-3


def test_sizes_of_the_paper():
    """170 pixels become 57, 28, 14 and at last 7 x 7 of 256 channels."""
    inputs = keras.Input((1, 170, 170, 3))
    model = keras.Model(inputs, tower(inputs, Fusion()))
    names = ("conv1", "pool1", "conv2", "pool2", "conv5", "pool5")
    sizes = [model.get_layer(name).output.shape[2] for name in names]
    assert sizes == [57, 28, 28, 14, 14, 7]
    assert model.output.shape == (None, 1, 7, 7, 256)
    assert [row.filters for row in KARPATHY] == [96, 256, 384, 384, 256]


def test_one_frame_is_an_ordinary_convolutional_network():
    """Equal to 2-D layers of Keras and TensorFlow's own normalization."""
    from tensorflow import nn

    inputs = keras.Input((1, *CLIPS.shape[2:]))
    model = keras.Model(inputs, tower(inputs, Fusion(), SMALL))
    noise_weights(model, seed=0)
    x = CLIPS[:, 1]
    for number, (size, strides, pool) in enumerate(((5, 2, 2), (3, 1, 1), (3, 1, 2))):
        kernel, bias = model.get_layer(f"conv{number + 1}").get_weights()
        pad = [(0, 0), (size // 2,) * 2, (size // 2,) * 2, (0, 0)]
        x = nn.relu(nn.conv2d(np.pad(x, pad), kernel[0], strides, "VALID") + bias)
        if not number:
            x = nn.local_response_normalization(x, 2, 2.0, 1e-4, 0.75)
        x = nn.max_pool2d(x, pool, pool, "VALID")
    assert_close_relative(model(CLIPS[:, 1:2])[:, 0], x, 1e-5)


def test_no_step_sees_frames_beyond_its_extent():
    inputs = keras.Input((3, 18, 23, 2))
    fusion = Fusion(3, extents=(2,), strides=(1,))
    model = keras.Model(inputs, tower(inputs, fusion, SMALL))
    noise_weights(model, seed=0)
    other = CLIPS.copy()
    other[:, 2] += 1
    before, after = np.asarray(model(CLIPS)), np.asarray(model(other))
    assert before.shape[1] == 2
    np.testing.assert_array_equal(before[:, 0], after[:, 0])
    assert np.abs(before - after)[:, 1].max() > 0.1


def test_normalization_per_position_is_that_of_each_frame():
    layer = LocalResponseNormalization(size=3, k=1.0, alpha=1.0)
    inputs = keras.Input(CLIPS.shape[1:])
    got = keras.Model(inputs, per_position(layer, inputs))(CLIPS)
    np.testing.assert_allclose(got[:, 1], layer(CLIPS[:, 1]), rtol=1e-6)


@pytest.mark.parametrize(
    ("fusion", "want"),
    [
        (Fusion(10, extents=(4, 2, 2), strides=(2, 2, 2)), [10, 4, 2, 1]),
        (Fusion(9, extents=(4, 2), strides=(1, 3)), [9, 6, 2]),
        (Fusion(5), [5]),
    ],
)
def test_steps(fusion, want):
    assert fusion.steps() == want


def test_looks_at_the_middle():
    frames = np.arange(20)
    assert frames[Fusion().look(7)].tolist() == [3]
    assert frames[Fusion(2, gap=15).look(16)].tolist() == [0, 15]
    assert frames[Fusion(3, gap=2).look(7)].tolist() == [1, 3, 5]


def test_rejects():
    with pytest.raises(ValueError, match="conv3 sees 2 frames, but of 8 frames 1 are"):
        Fusion(8, extents=(4, 2, 2), strides=(2, 2, 2)).steps()
    for length in (1, 15, None):
        with pytest.raises(ValueError, match="must have 16 frames or more, got"):
            Fusion(2, gap=15).look(length)
    with pytest.raises(ValueError, match="too small: before pool2 4 x 4 are left"):
        tower(
            keras.Input((1, 19, 19, 3)), Fusion(), (Stage(2, 3, 6), Stage(2, 3, pool=5))
        )
