import keras
import numpy as np
import pytest

from modules.nlp.translation.smoothed_cross_entropy import SmoothedCrossEntropy

RNG = np.random.default_rng(0)
LOGITS = RNG.normal(size=(3, 5, 7)).astype("float32") * 2
Y = np.array([[3, 1, 6, 0, 0], [2, 2, 1, 5, 4], [4, 0, 0, 0, 0]])


@pytest.mark.parametrize("epsilon", [0.0, 0.1, 0.6])
def test_equals_keras_without_the_padding(epsilon):
    theirs = keras.losses.CategoricalCrossentropy(
        from_logits=True, label_smoothing=epsilon
    )
    want = theirs(np.eye(7)[Y[Y != 0]], LOGITS[Y != 0])
    got = SmoothedCrossEntropy(epsilon)(Y, LOGITS)
    assert float(got) == pytest.approx(float(want), rel=1e-5)


def test_padding_has_no_influence():
    loss = SmoothedCrossEntropy()
    wild = np.where((Y == 0)[..., None], 100 * LOGITS, LOGITS)
    assert float(loss(Y, wild)) == pytest.approx(float(loss(Y, LOGITS)), rel=1e-6)
    longer = np.pad(Y, [(0, 0), (0, 4)]), np.pad(LOGITS, [(0, 0), (0, 4), (0, 0)])
    assert float(loss(*longer)) == pytest.approx(float(loss(Y, LOGITS)), rel=1e-6)


def test_smallest_value_is_the_entropy_of_the_smoothed_word():
    smooth = 0.9 * np.eye(7)[3] + 0.1 / 7
    loss, y = SmoothedCrossEntropy(0.1), np.array([[3]])
    entropy = -(smooth * np.log(smooth)).sum()
    assert float(loss(y, np.log(smooth)[None, None])) == pytest.approx(entropy)
    for scale in (0.9, 1.1):  # less sure, or surer
        assert float(loss(y, scale * np.log(smooth)[None, None])) > entropy


def test_only_padding_costs_nothing():
    assert float(SmoothedCrossEntropy()(0 * Y, LOGITS)) == 0


def test_other_padding():
    got = SmoothedCrossEntropy(0.0, padding=2)(Y[1:2], LOGITS[1:2])
    want = SmoothedCrossEntropy(0.0)(Y[1:2, 2:], LOGITS[1:2, 2:])
    assert float(got) == pytest.approx(float(want), rel=1e-6)


def test_config():
    loss = SmoothedCrossEntropy(0.2, padding=3)
    again = keras.losses.deserialize(keras.losses.serialize(loss))
    assert (again.epsilon, again.padding) == (0.2, 3)


def test_logits_with_a_keras_mask():
    """Such as those of a model whose embedding hides padding."""
    tokens = keras.Input((5,), dtype="int32")
    x = keras.layers.Embedding(7, 4, mask_zero=True)(tokens)
    model = keras.Model(tokens, keras.layers.Dense(7)(x))
    model.compile("sgd", SmoothedCrossEntropy())
    got = model.evaluate(Y, Y, verbose=0)
    assert got == pytest.approx(float(SmoothedCrossEntropy()(Y, model(Y))), rel=1e-5)


@pytest.mark.parametrize("epsilon", [1, -0.1])
def test_rejects_epsilon(epsilon):
    with pytest.raises(ValueError, match="epsilon must be in .0, 1., got"):
        SmoothedCrossEntropy(epsilon)
