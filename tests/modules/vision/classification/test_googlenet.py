import keras
import numpy as np
import pytest

from course.checks import count_trainable
from modules.vision.classification.googlenet import (
    LOSS_WEIGHTS,
    MODULES,
    googlenet,
)
from modules.vision.classification.inception import Inception

IMAGES = np.random.default_rng(0).normal(size=(2, 80, 96, 3)).astype("float32")


@pytest.fixture(scope="module")
def model():
    return googlenet()


@pytest.fixture(scope="module")
def small():
    return googlenet(num_classes=3, input_shape=(80, 96, 3))


def test_counts(model):
    assert count_trainable(model) == 13_378_280
    main = keras.Model(model.input, model.output["logits"])
    assert count_trainable(main) == 6_998_552 == count_trainable(googlenet(aux=False))


def test_nine_modules_and_the_sizes_of_table_1(model):
    got = [x for x in model.layers if isinstance(x, Inception)]
    assert [x.name for x in got] == [f"inception_{name}" for name in MODULES]
    want = {"3a": (28, 256), "3b": (28, 480), "4a": (14, 512), "4d": (14, 528)}
    want |= {"4e": (14, 832), "5a": (7, 832), "5b": (7, 1024)}
    for name, (size, channels) in want.items():
        output = model.get_layer(f"inception_{name}").output
        assert output.shape[1:] == (size, size, channels)


def test_22_layers_with_weights():
    main = googlenet(aux=False, input_shape=(None, None, 3))
    plain = [x for x in main.layers if x.weights and not isinstance(x, Inception)]
    assert len(plain) + 2 * len(MODULES) == 22  # two in the longest path of a module


def test_outputs(small):
    got = small(IMAGES)
    assert {name: y.shape for name, y in got.items()} == dict.fromkeys(
        LOSS_WEIGHTS, (2, 3)
    )


def test_auxiliary_losses_weigh_three_tenths(small):
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    y = np.array([0, 2])
    losses = {name: float(loss(y, logits)) for name, logits in small(IMAGES).items()}
    want = losses["logits"] + 0.3 * losses["aux1"] + 0.3 * losses["aux2"]
    small.compile("sgd", dict.fromkeys(LOSS_WEIGHTS, loss), LOSS_WEIGHTS)
    targets = dict.fromkeys(LOSS_WEIGHTS, y)
    got = small.evaluate(IMAGES, targets, verbose=0, return_dict=True)
    assert got["loss"] == pytest.approx(want, rel=1e-4)


@pytest.mark.parametrize("shape", [(None, 96, 3), (64, 64, 3)])
def test_rejects_sizes_that_the_auxiliary_heads_cannot_take(shape):
    with pytest.raises(ValueError, match="aux needs H and W >= 80, got"):
        googlenet(input_shape=shape)
