import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers, ops
from scipy import ndimage

from course.checks import check_function, check_layer, noise_weights
from modules.vision.classification.spatial_transformer import (
    SpatialTransformer,
    affine_grid,
    bilinear_sample,
)

RNG = np.random.default_rng(0)
X = RNG.normal(size=(2, 7, 5, 3)).astype("float32")
SQUARE = RNG.normal(size=(2, 6, 6, 3)).astype("float32")


def warp(images, theta):
    theta = np.tile(np.float32(theta), (len(images), 1, 1))
    return np.asarray(bilinear_sample(images, affine_grid(theta, *images.shape[1:3])))


def test_grid():
    theta = RNG.normal(size=(2, 2, 3)).astype("float32")
    check_function(lambda t: affine_grid(t, 3, 4), theta, y_shape=(2, 3, 4, 2))
    grid = np.asarray(affine_grid(theta, 3, 4))
    for i, j in np.ndindex(3, 4):
        target = [-1 + 2 * j / 3, -1 + i, 1]
        np.testing.assert_allclose(grid[:, i, j], theta @ target, atol=1e-5)


def test_grid_of_one_pixel_looks_at_the_centre():
    grid = affine_grid(np.eye(2, 3, dtype="float32")[None], 1, 1)
    np.testing.assert_array_equal(grid, np.zeros((1, 1, 1, 2)))


def test_sampler():
    grid = RNG.uniform(-0.9, 0.9, size=(2, 3, 4, 2)).astype("float32")
    check_function(bilinear_sample, X, grid, y_shape=(2, 3, 4, 3))


def test_sampler_equals_scipy():
    """Inside the image that is mode constant, and everywhere mode grid-constant."""
    grid = RNG.uniform(-1.5, 1.5, size=(2, 20, 30, 2)).astype("float32")
    got = np.asarray(bilinear_sample(X, grid))
    columns, rows = (grid[..., 0] + 1) / 2 * 4, (grid[..., 1] + 1) / 2 * 6
    inside = np.abs(grid).max(axis=-1) < 1
    assert 0.2 < inside.mean() < 0.8
    for image, channel in np.ndindex(2, 3):
        points = X[image, ..., channel], [rows[image], columns[image]]
        for mode, where in (("constant", inside[image]), ("grid-constant", ...)):
            want = ndimage.map_coordinates(*points, order=1, mode=mode)
            np.testing.assert_allclose(
                got[image, ..., channel][where], want[where], atol=1e-5
            )


@pytest.mark.parametrize("shape", [(1, 7, 5, 3), (1, 28, 28, 1), (1, 64, 49, 2)])
def test_identity(shape):
    images = RNG.normal(size=shape).astype("float32")
    got = warp(images, [[1, 0, 0], [0, 1, 0]])
    np.testing.assert_allclose(got, images, atol=1e-4)  # the rounding of coordinates


def test_flip_and_quarter_turn():
    flipped = warp(X, [[-1, 0, 0], [0, 1, 0]])
    np.testing.assert_allclose(flipped, X[:, :, ::-1], atol=1e-5)
    turned = warp(SQUARE, [[0, -1, 0], [1, 0, 0]])  # top of y looks at the right of x
    np.testing.assert_allclose(turned, np.rot90(SQUARE, 1, axes=(1, 2)), atol=1e-5)


def test_theta_maps_output_to_input():
    """Shifting the grid right by two pixels shows what lies two pixels to the right."""
    y = warp(X, [[1, 0, 2 * 2 / 4], [0, 1, 0]])
    np.testing.assert_allclose(y[:, :, :3], X[:, :, 2:], atol=1e-5)
    assert not y[:, :, 3:].any()


def test_outside_is_zero():
    assert not warp(X, [[1, 0, 5], [0, 1, 0]]).any()


def test_gradient_in_theta_equals_finite_differences():
    images = tf.constant(ndimage.gaussian_filter(X.astype("float64"), (0, 1, 1, 0)))
    theta = np.tile([[0.83, 0.137, 0.0713], [-0.113, 0.71, 0.0517]], (2, 1, 1))
    pixels = (np.asarray(affine_grid(tf.constant(theta), 7, 5)) + 1) / 2 * [4, 6]
    assert np.abs(pixels - np.round(pixels)).min() > 1e-3  # there it has a kink
    weight = RNG.normal(size=images.shape)

    def loss(theta):
        return ops.sum(weight * bilinear_sample(images, affine_grid(theta, 7, 5)))

    variable = tf.constant(theta)
    with tf.GradientTape() as tape:
        tape.watch(variable)
        value = loss(variable)
    got = tape.gradient(value, variable).numpy()
    for at in np.ndindex(theta.shape):
        step = np.zeros_like(theta)
        step[at] = 1e-6
        want = (
            loss(tf.constant(theta + step)) - loss(tf.constant(theta - step))
        ) / 2e-6
        assert got[at] == pytest.approx(float(want), rel=1e-4, abs=1e-6)


def localisation():
    head = [layers.Conv2D(4, 3, activation="relu"), layers.GlobalAveragePooling2D()]
    return keras.Sequential(head, name="localisation")


@pytest.mark.parametrize(
    ("output_size", "y_shape"), [(None, (2, 7, 5, 3)), ((3, 4), (2, 3, 4, 3))]
)
def test_layer(output_size, y_shape):
    weights = (9 * 3 * 4 + 4) + (4 * 6 + 6)
    check_layer(
        lambda: SpatialTransformer(localisation(), output_size), X, y_shape, weights
    )


def test_untrained_layer_changes_nothing():
    layer = SpatialTransformer(localisation())
    np.testing.assert_allclose(layer(X), X, atol=1e-5)


def test_half_precision_finds_the_pixels_of_large_images():
    images = RNG.normal(size=(1, 200, 300, 1)).astype("float16")
    layer = SpatialTransformer(layers.GlobalAveragePooling2D(), dtype="mixed_float16")
    np.testing.assert_allclose(layer(images), images, atol=0.01)


def test_every_image_gets_its_own_warp():
    layer = SpatialTransformer(localisation())
    layer.build(X.shape)
    noise_weights(layer, seed=0)
    both = np.asarray(layer(X))
    np.testing.assert_allclose(layer(X[1:])[0], both[1], atol=1e-5)
    first = np.asarray(layer(np.stack([X[0], X[0]])))
    np.testing.assert_allclose(first[0], first[1])


def test_learns_to_look_at_what_the_task_needs():
    """The dot lies right of the centre; the loss asks for it in the centre."""
    image = np.zeros((1, 9, 9, 1), "float32")
    image[0, 3:6, 4:7] = 1
    layer = SpatialTransformer(layers.GlobalAveragePooling2D())
    model = keras.Sequential([keras.Input((9, 9, 1)), layer])
    model.compile(keras.optimizers.SGD(0.2), "mse")
    centred = np.roll(image, -1, axis=2)
    losses = model.fit(image, centred, epochs=60, verbose=0).history["loss"]
    assert losses[-1] < 0.2 * losses[0]
