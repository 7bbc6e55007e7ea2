import keras
import keras_hub
import numpy as np
import pytest

from course.checks import assert_close_relative, check_layer, noise_weights
from modules.detection.feature_pyramid import (
    FeaturePyramid,
    feature_pyramid_network,
    level_of,
)
from modules.vision.classification.residual import resnet

RNG = np.random.default_rng(0)
SIZES = [(13, 10, 4), (7, 5, 6), (4, 3, 8)]
MAPS = [RNG.normal(size=(2, *size)).astype("float32") for size in SIZES]


def built(filters=5, **options):
    layer = FeaturePyramid(filters, **options)
    layer(MAPS)
    noise_weights(layer, seed=0)
    return layer


def test_layer():
    def make():
        return FeaturePyramid(5, extra_levels=1)

    shapes = [(2, 13, 10, 5), (2, 7, 5, 5), (2, 4, 3, 5), (2, 2, 2, 5)]
    weights = (4 + 6 + 8 + 3) * 5 + 3 * (9 * 5 * 5 + 5)
    check_layer(make, MAPS, shapes, weights)


@pytest.fixture(scope="module")
def network():
    names = ["stage1_block2", "stage2_block2", "stage3_block2", "stage4_block2"]
    backbone = resnet(18, input_shape=(None, None, 3))
    return feature_pyramid_network(backbone, names, extra_levels=1)


def test_strides_4_to_64_and_256_channels(network):
    shapes = [p.shape for p in network(np.zeros((1, 128, 192, 3), "float32"))]
    want = [(1, 128 // s, 192 // s, 256) for s in (4, 8, 16, 32, 64)]
    assert [tuple(s) for s in shapes] == want


def test_weights_of_the_pyramid(network):
    laterals = sum(c * 256 + 256 for c in (64, 128, 256, 512))
    smooth = 4 * (9 * 256 * 256 + 256)
    assert network.get_layer("feature_pyramid").count_params() == laterals + smooth


def test_equals_keras_hub():
    """Which knows even sizes only, and names maps P3 to P5."""
    maps = [
        RNG.normal(size=(2, 16 // s, 24 // s, 6)).astype("float32") for s in (1, 2, 4)
    ]
    theirs = keras_hub.src.models.retinanet.feature_pyramid.FeaturePyramid(
        3, 5, False, 7
    )
    named = {f"P{i}": m for i, m in enumerate(maps, 3)}
    theirs(named)
    noise_weights(theirs, seed=0)
    ours = FeaturePyramid(7)
    ours(maps)
    for i in range(3):
        lateral = theirs.lateral_conv_layers[f"P{i + 3}"]
        ours.laterals[i].set_weights(lateral.get_weights())
        smooth = theirs.output_conv_layers[f"P{i + 3}"]
        ours.smooths[i].set_weights(smooth.get_weights())
    for got, want in zip(ours(maps), theirs(named).values(), strict=True):
        assert_close_relative(got, want, 1e-5)


def identity_smoothing(layer):
    """Make the 3x3 convolutions hand on what they get."""
    kernel = np.zeros((3, 3, 5, 5))
    kernel[1, 1] = np.eye(5)
    for smooth in layer.smooths:
        smooth.set_weights([kernel, np.zeros(5)])


def test_zero_laterals_give_the_top_with_repeated_pixels():
    layer = built()
    identity_smoothing(layer)
    for lateral in layer.laterals[:-1]:
        lateral.set_weights([0 * w for w in lateral.get_weights()])
    top = np.asarray(layer.laterals[-1](MAPS[-1]))
    p = [np.asarray(y) for y in layer(MAPS)]
    np.testing.assert_allclose(p[2], top, atol=1e-6)
    twice = top.repeat(2, axis=1).repeat(2, axis=2)[:, :7, :5]
    np.testing.assert_allclose(p[1], twice, atol=1e-6)
    again = twice.repeat(2, axis=1).repeat(2, axis=2)[:, :13, :10]
    np.testing.assert_allclose(p[0], again, atol=1e-6)


def test_maps_are_added_before_they_are_smoothed():
    layer = built()
    identity_smoothing(layer)
    p = [np.asarray(y) for y in layer(MAPS)]
    lateral = np.asarray(layer.laterals[1](MAPS[1]))
    above = p[2].repeat(2, axis=1).repeat(2, axis=2)[:, :7, :5]
    np.testing.assert_allclose(p[1], lateral + above, atol=1e-5)


def test_smoothing_is_not_handed_down():
    layer = built()
    before = np.asarray(layer(MAPS)[0])
    top = layer.smooths[-1]
    top.set_weights([0 * w for w in top.get_weights()])
    p = layer(MAPS)
    assert not np.any(p[-1])
    np.testing.assert_array_equal(p[0], before)


def test_extra_levels_are_every_second_pixel():
    p = [np.asarray(y) for y in built(extra_levels=2)(MAPS)]
    np.testing.assert_array_equal(p[3], p[2][:, ::2, ::2])
    np.testing.assert_array_equal(p[4], p[3][:, ::2, ::2])


def test_saved_network_gives_the_same(tmp_path):
    inputs = keras.Input((None, None, 3))
    x = c = keras.layers.Conv2D(4, 3, 2, "same", name="c2")(inputs)
    keras.layers.Conv2D(6, 3, 2, "same", name="c3")(x)
    backbone = keras.Model(
        inputs, [c, keras.layers.Conv2D(6, 3, 2, "same", name="c3")(x)]
    )
    model = feature_pyramid_network(backbone, ["c2", "c3"], filters=5)
    noise_weights(model, seed=0)
    images = RNG.normal(size=(1, 13, 9, 3)).astype("float32")
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    for got, want in zip(loaded(images), model(images), strict=True):
        np.testing.assert_allclose(got, want, atol=1e-6)


def test_levels_of_the_paper():
    side = np.float32([224, 112, 111, 448, 447, 10, 5000])
    assert np.asarray(level_of(side, side)).tolist() == [4, 3, 2, 5, 4, 2, 5]
    assert int(level_of(448.0, 112.0)) == 4  # only the area counts
    assert int(level_of(56.0, 56.0, lowest=0)) == 2


def test_rejects():
    with pytest.raises(ValueError, match="filters must be an int >= 1, got 0"):
        FeaturePyramid(0)
    with pytest.raises(ValueError, match="extra_levels must be an int >= 0, got -1"):
        FeaturePyramid(extra_levels=-1)
