import keras
import numpy as np
import pytest

from course.checks import check_function
from modules.vision.classification.label_smoothing import (
    SmoothedCrossEntropy,
    logit_gap,
    smooth_labels,
)

RNG = np.random.default_rng(0)
LOGITS = RNG.normal(size=(3, 5, 7)).astype("float32") * 2
Y = np.array([[3, 1, 6, 0, 0], [2, 2, 1, 5, 4], [4, 0, 0, 0, 0]])


def test_targets():
    y = np.eye(7, dtype="float32")[Y]
    check_function(lambda y: smooth_labels(y, 0.2), y, y_shape=y.shape)
    got = np.asarray(smooth_labels(y, 0.2))
    np.testing.assert_allclose(got.sum(-1), 1, rtol=1e-6)
    np.testing.assert_allclose(got.max(-1), 0.8 + 0.2 / 7, rtol=1e-6)
    assert len(np.unique(got)) == 2  # every row, and nothing is random
    np.testing.assert_array_equal(got.argmax(-1), Y)


def test_thousand_classes():
    got = np.asarray(smooth_labels(np.eye(1000, dtype="float32")[:1]))[0, :2]
    np.testing.assert_allclose(got, [0.9001, 0.0001], rtol=1e-5)


@pytest.mark.parametrize("epsilon", [0.0, 0.1, 0.6])
@pytest.mark.parametrize("ignore", [None, 0])
def test_equals_keras(epsilon, ignore):
    theirs = keras.losses.CategoricalCrossentropy(
        from_logits=True, label_smoothing=epsilon
    )
    counts = np.ones(Y.shape, bool) if ignore is None else Y != ignore
    want = theirs(np.eye(7)[Y[counts]], LOGITS[counts])
    got = SmoothedCrossEntropy(epsilon, ignore)(Y, LOGITS)
    assert float(got) == pytest.approx(float(want), rel=1e-5)


def test_is_a_mixture_with_the_uniform_distribution():
    log_p = LOGITS - np.log(np.exp(LOGITS).sum(-1, keepdims=True))
    plain = -np.take_along_axis(log_p, Y[..., None], -1).mean()
    got = SmoothedCrossEntropy(0.3)(Y, LOGITS)
    assert float(got) == pytest.approx(0.7 * plain - 0.3 * log_p.mean(), rel=1e-5)


@pytest.mark.parametrize(("classes", "epsilon"), [(10, 0.1), (1000, 0.1), (3, 0.5)])
def test_smallest_at_the_logit_gap(classes, epsilon):
    gap = logit_gap(classes, epsilon)
    target = (1 - epsilon) * np.eye(classes)[2] + epsilon / classes
    entropy = -(target * np.log(target)).sum()
    values = [
        float(
            SmoothedCrossEntropy(epsilon)(
                np.array([2]), (gap + change) * np.eye(classes, dtype="float32")[2:3]
            )
        )
        for change in (0, -0.3, 0.3)
    ]
    assert values[0] == pytest.approx(entropy, rel=1e-5)
    assert min(values[1:]) > entropy + 1e-3


def test_logit_gap_of_ten_classes():
    assert logit_gap(10, 0.1) == pytest.approx(np.log(91))


@pytest.mark.parametrize("void", [-1, 255])
def test_ignored_labels_have_no_influence(void):
    loss, y = SmoothedCrossEntropy(ignore=void), np.where(Y == 0, void, Y)
    wild = np.where((Y == 0)[..., None], 100 * LOGITS, LOGITS)
    want = SmoothedCrossEntropy(ignore=0)(Y, LOGITS)
    assert float(loss(y, wild)) == pytest.approx(float(want), rel=1e-6)
    longer = np.pad(y, [(0, 0), (0, 4)], constant_values=void)
    got = loss(longer, np.pad(LOGITS, [(0, 0), (0, 4), (0, 0)]))
    assert float(got) == pytest.approx(float(want), rel=1e-6)


def test_nothing_counts():
    assert float(SmoothedCrossEntropy(ignore=0)(0 * Y, LOGITS)) == 0


def test_reductions_and_weights():
    each = SmoothedCrossEntropy(ignore=0, reduction=None)(Y, LOGITS)
    assert each.shape == Y.shape and not np.asarray(each)[Y == 0].any()
    total = SmoothedCrossEntropy(ignore=0, reduction="sum")(Y, LOGITS)
    assert float(total) == pytest.approx(float(np.sum(each)), rel=1e-5)
    weight = np.array([[2.0], [0.0], [1.0]], "float32") * np.ones(Y.shape, "float32")
    got = SmoothedCrossEntropy(ignore=0)(Y, LOGITS, weight)
    want = np.sum(weight * each) / np.sum(weight * (Y != 0))
    assert float(got) == pytest.approx(float(want), rel=1e-5)


def test_logits_with_a_keras_mask():
    """Such as those of a model whose embedding hides padding."""
    tokens = keras.Input((5,), dtype="int32")
    x = keras.layers.Embedding(7, 4, mask_zero=True)(tokens)
    model = keras.Model(tokens, keras.layers.Dense(7)(x))
    for loss in (SmoothedCrossEntropy(), SmoothedCrossEntropy(ignore=0)):
        model.compile("sgd", loss, jit_compile=True)
        got = model.evaluate(Y, Y, verbose=0)
        want = SmoothedCrossEntropy(ignore=0)(Y, np.asarray(model(Y)))
        assert got == pytest.approx(float(want), rel=1e-5)
        model.fit(Y, Y, epochs=1, verbose=0)


def test_images():
    """One label an example, as in classification."""
    x, y = LOGITS[:, 0], Y[:, 0]
    model = keras.Sequential([keras.layers.Dense(7)])
    model.compile("sgd", SmoothedCrossEntropy())
    got = model.evaluate(x, y, verbose=0)
    want = SmoothedCrossEntropy()(y, model(x))
    assert got == pytest.approx(float(want), rel=1e-5)


def test_half_precision():
    got = SmoothedCrossEntropy()(Y, LOGITS.astype("float16"))
    assert float(got) == pytest.approx(
        float(SmoothedCrossEntropy()(Y, LOGITS)), rel=2e-3
    )


def test_config():
    loss = SmoothedCrossEntropy(0.2, ignore=3, reduction="sum")
    again = keras.losses.deserialize(keras.losses.serialize(loss))
    assert (again.epsilon, again.ignore, again.reduction) == (0.2, 3, "sum")


@pytest.mark.parametrize("epsilon", [1, -0.1])
def test_rejects_epsilon(epsilon):
    with pytest.raises(ValueError, match="epsilon must be in .0, 1., got"):
        SmoothedCrossEntropy(epsilon)
