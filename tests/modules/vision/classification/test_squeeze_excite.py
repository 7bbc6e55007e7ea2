import numpy as np
import pytest

from course.checks import check_layer, check_model, count_trainable, noise_weights
from modules.vision.classification.residual import cifar_resnet, resnet
from modules.vision.classification.squeeze_excite import SqueezeExcite, se_resnet

X = np.random.default_rng(0).normal(size=(2, 7, 5, 16)).astype("float32")


def built(ratio=4):
    layer = SqueezeExcite(ratio)
    layer.build(X.shape)
    noise_weights(layer, seed=0)
    return layer


def test_layer():
    check_layer(lambda: SqueezeExcite(ratio=4), X, y_shape=X.shape, weights=2 * 16 * 4)


def test_equals_numpy():
    layer = built()
    reduce, expand = layer.get_weights()
    hidden = np.maximum(X.mean(axis=(1, 2)) @ reduce, 0)
    gates = 1 / (1 + np.exp(-hidden @ expand))
    np.testing.assert_allclose(layer(X), X * gates[:, None, None], atol=1e-5)


def test_zero_weights_halve_the_input():
    layer = built()
    layer.set_weights([0 * w for w in layer.get_weights()])
    np.testing.assert_allclose(layer(X), X / 2)  # sigmoid(0) = 1/2


def test_open_gates_are_the_identity():
    layer = built()
    layer.set_weights([100 * np.ones_like(w) for w in layer.get_weights()])
    np.testing.assert_array_equal(layer(np.abs(X)), np.abs(X))


def test_gates_see_channel_means_only():
    layer, order = built(), np.random.default_rng(1).permutation(35)
    pixels = X.reshape(2, 35, 16)
    shuffled = np.asarray(layer(pixels[:, order].reshape(X.shape)))
    want = np.asarray(layer(X)).reshape(2, 35, 16)[:, order]
    np.testing.assert_allclose(shuffled.reshape(2, 35, 16), want, atol=1e-6)


def test_hidden_layer_has_at_least_one_unit():
    layer = built(ratio=64)
    assert count_trainable(layer) == 2 * 16


def test_se_resnet_50():
    model = se_resnet(50)
    assert count_trainable(model) == 28_071_976
    gates = [x for x in model.layers if isinstance(x, SqueezeExcite)]
    assert len(gates) == 3 + 4 + 6 + 3
    biases = sum(g.expand.units + g.reduce.units for g in gates)
    assert count_trainable(model) + biases == 28_088_024
    extra = sum(count_trainable(g) for g in gates)
    assert count_trainable(model) - extra == count_trainable(resnet(50))


def test_gate_stands_between_the_last_norm_and_the_addition():
    model = se_resnet(18)
    gate = next(x for x in model.layers if isinstance(x, SqueezeExcite))
    assert gate.input is model.get_layer("stage1_block1_2_norm").output
    assert gate.output is model.get_layer("stage1_block1_add").input[1]


def test_small_network():
    def make():
        gate = {"gate": lambda y: SqueezeExcite(4)(y)}
        return cifar_resnet(1, **gate, input_shape=(None, None, 16))

    weights = 75_290 + 13 * 9 * 16 + 2 * (16 * 4 + 32 * 8 + 64 * 16)
    check_model(make, X, (2, 10), weights, 480, training="differs")


@pytest.mark.parametrize("ratio", [0, 2.5, "16"])
def test_rejects_ratio(ratio):
    with pytest.raises(ValueError, match="ratio must be an int >= 1, got"):
        SqueezeExcite(ratio)


@pytest.mark.parametrize("shape", [(2, 16), (None, None, None, None)])
def test_rejects_shape(shape):
    with pytest.raises(ValueError, match="x must be .B, H, W, C. with C known, got"):
        SqueezeExcite().build(shape)
