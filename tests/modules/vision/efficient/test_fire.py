import keras
import numpy as np
import pytest

from course.checks import check_model, count_trainable, noise_weights
from modules.vision.efficient.fire import fire, fire_sizes, squeezenet
from modules.vision.efficient.multiply_adds import multiply_adds

X = np.random.default_rng(0).normal(size=(2, 6, 7, 5)).astype("float32")


def module(squeeze=3, expand1=4, expand3=2):
    inputs = keras.Input((None, None, 5))
    return keras.Model(inputs, fire(inputs, squeeze, expand1, expand3))


def test_module():
    weights = (5 * 3 + 3) + (3 * 4 + 4) + (9 * 3 * 2 + 2)
    check_model(module, X, (2, 6, 7, 6), weights)


def test_module_by_hand():
    model = module()
    noise_weights(model, seed=0)
    k, b = model.get_layer("fire_squeeze").get_weights()
    s = np.maximum(X @ k[0, 0] + b, 0)
    k, b = model.get_layer("fire_expand1").get_weights()
    one = np.maximum(s @ k[0, 0] + b, 0)
    k, b = model.get_layer("fire_expand3").get_weights()
    around = np.pad(s, [(0, 0), (1, 1), (1, 1), (0, 0)])  # of the squeezed map
    three = sum(around[:, i : i + 6, j : j + 7] @ k[i, j] for i, j in np.ndindex(3, 3))
    want = np.concatenate([one, np.maximum(three + b, 0)], axis=-1)
    np.testing.assert_allclose(model(X), want, atol=1e-5)


def test_second_module_of_the_paper():
    inputs = keras.Input((55, 55, 96))
    model = keras.Model(inputs, fire(inputs, *fire_sizes(2)))
    assert model.output.shape == (None, 55, 55, 128)
    assert model.count_params() == 11_920  # table 1


def test_sizes_of_table_1():
    want = [(16, 64), (16, 64), (32, 128), (32, 128), (48, 192), (48, 192)]
    want += [(64, 256), (64, 256)]
    assert [fire_sizes(i) for i in range(2, 10)] == [(s, e, e) for s, e in want]
    assert fire_sizes(4, ratio=0.75, share=0.25) == (192, 192, 64)


@pytest.mark.parametrize(
    ("version", "weights", "cost"),
    [("1.0", 1_248_424, 832_667_936), ("1.1", 1_235_496, 352_540_352)],
)
def test_counts(version, weights, cost):
    model = squeezenet(version)
    assert (count_trainable(model), multiply_adds(model)) == (weights, cost)


def test_fifty_times_fewer_than_alexnet():
    assert round(60_965_224 / 1_248_424, 1) == 48.8
    assert round(4 * 1_248_424 / 2**20, 1) == 4.8  # MB: 0.5 needs Deep Compression


def test_late_downsampling():
    model = squeezenet()
    names = ("conv1", "pool1", "pool4", "pool8", "conv10")
    shapes = [model.get_layer(name).output.shape[1:] for name in names]
    want = [(111, 111, 96), (55, 55, 96), (27, 27, 256), (13, 13, 512), (13, 13, 1000)]
    assert shapes == want
    assert not any(isinstance(x, keras.layers.Dense) for x in model.layers)


def small(**options):
    model = squeezenet(num_classes=3, input_shape=(48, 48, 3), **options)
    noise_weights(model, seed=0, gain=2**0.5)
    return model


@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_small_images(version):
    images = np.random.default_rng(1).normal(size=(2, 48, 48, 3)).astype("float32")
    logits = np.asarray(small(version=version)(images))
    assert logits.shape == (2, 3) and (logits >= 0).all()  # conv10 ends in a ReLU
    assert np.ptp(logits, axis=0).max() > 1e-3


def test_bypass():
    """The same weights; the odd modules are residual."""
    plain, residual = small(), small(bypass=True)
    assert plain.count_params() == residual.count_params()
    adds = [x.name for x in residual.layers if isinstance(x, keras.layers.Add)]
    assert adds == ["add3", "add5", "add7", "add9"]


def test_saving_and_dropout(tmp_path):
    model = small(rate=0.3)
    assert model.get_layer("dropout").rate == 0.3
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    images = np.ones((1, 48, 48, 3), "float32")
    np.testing.assert_allclose(again(images), model(images), rtol=1e-5)


def test_rejects_arguments():
    with pytest.raises(ValueError, match="version must be one of .*, got '2.0'"):
        squeezenet("2.0")
    with pytest.raises(ValueError, match="squeeze must be from 1 to 5, got 6"):
        module(6, 4, 2)
    with pytest.raises(ValueError, match="squeeze must be from 1 to 5, got 0"):
        module(0, 4, 2)
    with pytest.raises(ValueError, match="module must be an int >= 2, got 1"):
        fire_sizes(1)
    for name in ("ratio", "share"):
        for value in (0, 1, float("nan")):
            with pytest.raises(ValueError, match=f"{name} must be in .0, 1., got"):
                fire_sizes(2, **{name: value})
