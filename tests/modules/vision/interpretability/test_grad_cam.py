import keras
import numpy as np
import pytest
from keras import layers

from course.checks import noise_weights
from modules.vision.interpretability.grad_cam import grad_cam

RNG = np.random.default_rng(0)
X = RNG.uniform(size=(3, 8, 6, 2)).astype("float32")


def network(top="gap"):
    x = inputs = keras.Input((8, 6, 2))
    x = layers.Conv2D(5, 3, activation="tanh", name="maps")(x)  # (6, 4, 5)
    if top == "gap":
        x = layers.GlobalAveragePooling2D()(x)
    elif top == "shortcut":  # the input goes around the maps
        x = layers.concatenate([layers.Flatten()(a) for a in (x, inputs)])
    else:
        x = layers.Dropout(0.5)(layers.BatchNormalization()(layers.Flatten()(x)))
        x = layers.Dense(7, "tanh")(x)
    model = keras.Model(inputs, layers.Dense(4, name="top")(x))
    noise_weights(model, seed=4)  # maps for and against
    return model


def maps_of(model):
    return np.asarray(model.get_layer("maps")(X))


@pytest.mark.parametrize("target", [0, 3])
def test_equals_cam_where_there_is_global_average_pooling(target):
    """The class's weights of the last layer, divided by the number of positions."""
    model = network()
    w = np.asarray(model.get_layer("top").kernel)[:, target]
    cam = maps_of(model) @ w  # (B, h, w)
    assert (cam > 0).any() and (cam < 0).any()
    got = grad_cam(model, "maps", X, target)
    np.testing.assert_allclose(6 * 4 * got, np.maximum(cam, 0), rtol=1e-4, atol=1e-5)


def test_equals_the_equations_by_central_differences():
    """Of the network behind the maps, one map shifted as a whole: Z times alpha."""
    model = network("dense")
    maps = maps_of(model)
    rest = model.layers[2:]

    def logit(maps):
        for layer in rest:
            maps = layer(maps, training=False)
        return np.asarray(maps)[:, 1].astype("float64")

    alpha = np.zeros((3, 5))
    for k in range(5):
        shift = 1e-2 * np.eye(5)[k].astype("float32")
        slope = (logit(maps + shift) - logit(maps - shift)) / 2e-2
        alpha[:, k] = slope / (6 * 4)
    want = np.maximum(np.einsum("bk,bijk->bij", alpha, maps), 0)
    got = np.asarray(grad_cam(model, "maps", X, 1))
    assert want.max() > 0
    np.testing.assert_allclose(got, want, atol=2e-3 * want.max())


def test_each_image_is_its_own_and_nothing_changes():
    model = network("dense")
    before = model.get_weights()
    whole = grad_cam(model, model.get_layer("maps"), X, 2)
    np.testing.assert_allclose(grad_cam(model, "maps", X[1:2], 2)[0], whole[1], 1e-4)
    np.testing.assert_array_equal(grad_cam(model, "maps", X, 2), whole)  # no dropout
    for a, b in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_larger_bias_changes_nothing_and_a_scale_scales():
    model = network()
    want = np.asarray(grad_cam(model, "maps", X, 0))
    assert want.max() > 0.01
    top = model.get_layer("top")
    top.bias.assign(top.bias + 7)
    np.testing.assert_allclose(grad_cam(model, "maps", X, 0), want, atol=1e-5)
    top.kernel.assign(3 * top.kernel)
    np.testing.assert_allclose(grad_cam(model, "maps", X, 0), 3 * want, atol=1e-5)


def test_what_speaks_against_the_class_is_left_out():
    """The opposite weights show the opposite places, and no place twice."""
    model = network()
    one = np.asarray(grad_cam(model, "maps", X, 0))
    top = model.get_layer("top")
    top.kernel.assign(-top.kernel)
    other = np.asarray(grad_cam(model, "maps", X, 0))
    assert one.max() > 0 and other.max() > 0
    assert not (one * other).any()
    cam = maps_of(model) @ np.asarray(top.kernel)[:, 0] / 24
    np.testing.assert_allclose(other - one, cam, atol=1e-5)


def test_works_with_shortcuts_and_sequences():
    assert grad_cam(network("shortcut"), "maps", X, 0).shape == (3, 6, 4)
    model = keras.Sequential(
        [keras.Input((8, 6, 2)), layers.Conv2D(3, 3, 2), layers.Flatten()]
    )
    assert grad_cam(model, model.layers[0], X, 17).shape == (3, 3, 2)


def test_a_layer_that_the_class_does_not_depend_on():
    x = inputs = keras.Input((8, 6, 2))
    left, right = (layers.Conv2D(2, 3, name=n)(x) for n in ("left", "right"))
    scores = [layers.Dense(1)(layers.Flatten()(a)) for a in (left, right)]
    model = keras.Model(inputs, layers.concatenate(scores))
    assert not np.any(grad_cam(model, "left", X, 1))


@pytest.mark.parametrize("x", [255 * X, X - 1, X + np.nan])
def test_rejects_images(x):
    with pytest.raises(ValueError, match="floats from 0 to 1, got them from"):
        grad_cam(network(), "maps", x, 0)


@pytest.mark.parametrize("target", [-1, 4])
def test_rejects_target(target):
    with pytest.raises(ValueError, match="target must be an int from 0 to 3, got"):
        grad_cam(network(), "maps", X, target)


def test_rejects_a_model_without_a_graph():
    class Own(keras.Model):
        def call(self, x):
            return x

    with pytest.raises(ValueError, match="must be functional or sequential, got own"):
        grad_cam(Own(name="own"), "maps", X, 0)


def test_rejects_layer():
    with pytest.raises(ValueError, match="layer must give maps .* top has"):
        grad_cam(network(), "top", X, 0)
    with pytest.raises(ValueError, match="No such layer: nowhere"):
        grad_cam(network(), "nowhere", X, 0)
