import keras
import numpy as np
import pytest

from modules.vision.classification.he_initialization import HeNormal, fans, gain

DEPTH, WIDTH = 30, 2048


@pytest.fixture(scope="module")
def moments():
    """Return second moments behind 30 ReLU layers, relative to the input's."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(2, WIDTH)).astype("float32")
    deviations = {
        "he": (2 / WIDTH) ** 0.5,
        "xavier": float(np.std(keras.initializers.GlorotNormal(0)((WIDTH, WIDTH)))),
    }
    y = dict.fromkeys(deviations, x)
    for _ in range(DEPTH):
        kernel = rng.standard_normal((WIDTH, WIDTH), "float32")
        for name, deviation in deviations.items():
            y[name] = np.maximum(y[name] @ kernel * np.float32(deviation), 0)
    return {name: np.mean(values**2) / np.mean(x**2) for name, values in y.items()}


def test_depth_costs_nothing(moments):
    assert 0.3 < moments["he"] < 3


def test_xavier_halves_at_every_layer(moments):
    assert moments["xavier"] / moments["he"] == pytest.approx(2.0**-DEPTH, rel=0.1)
    assert gain(1 / WIDTH, WIDTH) ** DEPTH == 2.0**-DEPTH


@pytest.mark.parametrize("slope", [0.0, 0.25, 1.0])
def test_gain_is_what_a_layer_does(slope):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(4000, 50))
    w = rng.normal(size=(50, 80)) * 0.3
    y = x @ w
    y = np.where(y > 0, y, slope * y)
    got = np.mean(y**2) / np.mean(x**2)
    assert got == pytest.approx(gain(0.09, 50, slope), rel=0.05)


@pytest.mark.parametrize(("mode", "fan"), [("fan_in", 9 * 64), ("fan_out", 9 * 128)])
@pytest.mark.parametrize("slope", [0.0, 0.5])
def test_weights(mode, fan, slope):
    w = np.asarray(HeNormal(slope, mode, seed=0)((3, 3, 64, 128)))
    want = (2 / (1 + slope**2) / fan) ** 0.5
    assert w.std() == pytest.approx(want, rel=0.01)
    assert abs(w.mean()) < 0.01 * want * 4  # zero, not one: 73,728 draws
    assert gain(w.var(), fan, slope) == pytest.approx(1, rel=0.02)
    assert np.abs(w).max() > 3 * want  # not cut off, as Keras's are


def test_3x3_of_64_channels():
    assert (2 / fans((3, 3, 64, 1))[0]) ** 0.5 == pytest.approx(0.0589, abs=5e-5)


def test_keras_has_the_same_variance_and_cuts_off():
    ours, theirs = (
        np.asarray(make(seed=0)((400, 300)))
        for make in (HeNormal, keras.initializers.HeNormal)
    )
    assert theirs.std() == pytest.approx(ours.std(), rel=0.02)
    assert np.abs(theirs).max() < 2.3 * theirs.std() < np.abs(ours).max()


def test_fans_of_a_dense_layer():
    assert fans((20, 30)) == (20, 30)


def test_in_a_layer_and_its_config():
    conv = keras.layers.Conv2D(4, 3, kernel_initializer=HeNormal(0.25, "fan_out", 1))
    again = keras.layers.Conv2D.from_config(conv.get_config())
    for layer in (conv, again):
        layer.build((None, 5, 6, 3))
    np.testing.assert_array_equal(conv.kernel, again.kernel)
    config = again.kernel_initializer.get_config()
    assert config == {"slope": 0.25, "mode": "fan_out", "seed": 1}


def test_without_a_seed_layers_differ():
    make = HeNormal()
    assert not np.array_equal(make((5, 6)), make((5, 6)))


def test_rejects_mode():
    with pytest.raises(ValueError, match="mode must be 'fan_in' or 'fan_out', got"):
        HeNormal(mode="fan_avg")
