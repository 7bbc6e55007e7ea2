import keras
import numpy as np
import pytest
from keras import layers, ops

from course.checks import noise_weights
from modules.vision.interpretability.black_box import (
    ask,
    check_image,
    check_target,
    class_score,
)

X = np.random.default_rng(0).uniform(size=(4, 3, 5, 2)).astype("float32")


def network():
    x = inputs = keras.Input((3, 5, 2))
    x = layers.Dropout(0.5)(layers.BatchNormalization()(layers.Flatten()(x)))
    model = keras.Model(inputs, layers.Dense(3)(x))
    noise_weights(model, seed=0)
    return model


def test_score_of_one_class_as_in_inference():
    model = network()
    before = model.get_weights()
    score = class_score(model, 2)
    np.testing.assert_allclose(score(X), model(X)[:, 2])
    np.testing.assert_array_equal(score(X), score(X))
    for a, b in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_probabilities():
    got = [class_score(network(), c, ops.softmax)(X) for c in range(3)]
    np.testing.assert_allclose(np.sum(got, axis=0), 1, rtol=1e-6)
    assert np.min(got) > 0


@pytest.mark.parametrize("target", [-1, 3, 1.0, None])
def test_rejects_target(target):
    with pytest.raises(ValueError, match="target must be an int from 0 to 2, got"):
        class_score(network(), target)(X)
    with pytest.raises(ValueError, match="target must be an int from 0 to 2, got"):
        check_target(target, 3)


@pytest.mark.parametrize("x", [255 * X, X - 1, X + np.nan])
def test_rejects_images(x):
    with pytest.raises(ValueError, match="floats from 0 to 1, got them from"):
        class_score(network(), 0)(x)
    class_score(network(), 0, low=-1, high=255)(np.nan_to_num(x))


@pytest.mark.parametrize(
    "image", [X, X[0, 0], X[:0].reshape(0, 2, 2), X[0].astype(int)]
)
def test_rejects_image(image):
    with pytest.raises(ValueError, match=r"image must be \(H, W, C\) float, got"):
        check_image(image)


def test_ask_goes_batch_by_batch():
    sizes = []

    def score(x):
        sizes.append(len(x))
        return x[:, 0, 0, 0]

    np.testing.assert_array_equal(ask(score, [X[:3], X[3:]]), X[:, 0, 0, 0])
    assert sizes == [3, 1]


@pytest.mark.parametrize(
    "score, said",
    [
        (lambda x: x, r"score must give \(4,\), got \(4, 3, 5, 2\)"),
        (lambda x: x[:, 0, 0, 0] / 0, "the score is not finite"),
    ],
)
def test_rejects_scores(score, said):
    with np.errstate(all="ignore"), pytest.raises(ValueError, match=said):
        ask(score, [X])
