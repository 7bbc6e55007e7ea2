import keras
import numpy as np
import pytest
from keras import layers

from course.checks import noise_weights
from modules.vision.interpretability.black_box import class_score
from modules.vision.interpretability.occlusion import occlusion_map, spread

RNG = np.random.default_rng(0)
IMAGE = RNG.uniform(size=(9, 7, 2))
W = RNG.normal(size=IMAGE.shape)


def linear(x):
    return (W * x).sum(axis=(1, 2, 3)) + 0.3


@pytest.mark.parametrize("fill", [0.0, 0.5, (0.2, 0.9)])
@pytest.mark.parametrize("patch, strides", [(1, 1), (3, 1), (3, 2), (7, 1)])
def test_drop_of_a_linear_score(patch, strides, fill):
    """Exactly the sum over the square of w (x - fill)."""
    drop = linear(IMAGE[None]) - occlusion_map(linear, IMAGE, patch, strides, fill)
    rows, columns = (range(0, n - patch + 1, strides) for n in (9, 7))
    assert drop.shape == (len(rows), len(columns))
    each = (W * (IMAGE - np.array(fill))).sum(axis=-1)
    want = [[each[i : i + patch, j : j + patch].sum() for j in columns] for i in rows]
    np.testing.assert_allclose(drop, want, atol=1e-12)


def test_constant_classifier_gives_a_flat_map():
    heat = occlusion_map(lambda x: np.full(len(x), 0.7), IMAGE, 3)
    np.testing.assert_array_equal(heat, np.full((7, 5), 0.7))


def test_a_square_that_looks_like_the_fill_drops_nothing():
    flat = np.full((6, 6, 1), 0.5)
    heat = occlusion_map(lambda x: (x**2).sum(axis=(1, 2, 3)), flat, 2, fill=0.5)
    np.testing.assert_allclose(heat, 9.0)


def test_only_what_the_score_looks_at_matters():
    heat = occlusion_map(lambda x: x[:, 4, 2, 0] ** 2, IMAGE, 2, fill=0.0)
    found = np.argwhere(heat != IMAGE[4, 2, 0] ** 2)
    assert found.tolist() == [[3, 1], [3, 2], [4, 1], [4, 2]]


def test_a_network_and_its_image_stay():
    x = inputs = keras.Input((9, 7, 2))
    x = layers.Flatten()(layers.Conv2D(3, 3, activation="relu")(x))
    model = keras.Model(inputs, layers.Dense(4, "softmax")(x))
    noise_weights(model, seed=0)
    image = IMAGE.astype("float32")
    before = image.copy()
    heat = occlusion_map(class_score(model, 2), image, 4, 3, batch_size=2)
    np.testing.assert_array_equal(image, before)
    image[3:7, 0:4] = 0.5
    assert heat.shape == (2, 2)
    assert heat[1, 0] == pytest.approx(float(model(image[None])[0, 2]), rel=1e-5)


def test_spread():
    values = RNG.normal(size=(4, 3))
    got = spread(values, 9, 7, patch=3, strides=2)
    assert got.shape == (9, 7)
    assert got[0, 0] == pytest.approx(values[0, 0])
    assert got[2, 2] == pytest.approx(values[:2, :2].mean())
    assert got[3, 2] == pytest.approx(values[1, :2].mean())
    np.testing.assert_array_equal(spread(values, 10, 8, 3, 2)[9], 0)  # never covered
    np.testing.assert_allclose(spread(np.full((7, 5), 2.5), 9, 7, 3), 2.5)


def test_spread_of_single_pixels_is_the_contribution():
    drop = linear(IMAGE[None]) - occlusion_map(linear, IMAGE, 1, fill=0.0)
    np.testing.assert_allclose(spread(drop, 9, 7, 1), (W * IMAGE).sum(axis=-1))


@pytest.mark.parametrize("patch", [8, 100])
def test_rejects_a_patch_larger_than_the_image(patch):
    with pytest.raises(ValueError, match=f"patch {patch} is larger than the image, 9"):
        occlusion_map(linear, IMAGE, patch)


@pytest.mark.parametrize("value", [0, -1, 2.5, None])
@pytest.mark.parametrize("name", ["patch", "strides"])
def test_rejects_patch_and_strides(name, value):
    with pytest.raises(ValueError, match=f"{name} must be an int >= 1, got"):
        occlusion_map(linear, IMAGE, **{"patch": 2, name: value})


@pytest.mark.parametrize("fill", [np.nan, (0.1, 0.2, 0.3)])
def test_rejects_fill(fill):
    with pytest.raises(ValueError, match="fill must be a number, or one for each"):
        occlusion_map(linear, IMAGE, 2, fill=fill)


def test_rejects_other_images_and_values():
    with pytest.raises(ValueError, match="image must be"):
        occlusion_map(linear, IMAGE[None], 2)
    score = class_score(lambda x, training: x[:, 0, 0], 1)
    with pytest.raises(ValueError, match="floats from 0 to 1, got them from"):
        occlusion_map(score, 255 * IMAGE, 2)
    with pytest.raises(ValueError, match=r"values must be \(7, 5\), got \(5, 7\)"):
        spread(np.zeros((5, 7)), 9, 7, 3)
