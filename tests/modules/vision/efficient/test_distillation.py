import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from course.checks import check_model
from modules.vision.classification.label_smoothing import SmoothedCrossEntropy
from modules.vision.efficient.distillation import Distiller, SoftTargets

RNG = np.random.default_rng(0)
V, Z = (2 * RNG.normal(size=(6, 5)).astype("float32") for _ in range(2))
X = RNG.normal(size=(6, 4)).astype("float32")
Y = np.array([3, 1, 4, 0, 0, 2])
HARD = keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def soft(z, temperature):
    z = np.asarray(z, "float64") / temperature
    p = np.exp(z - z.max(-1, keepdims=True))
    return p / p.sum(-1, keepdims=True)


def divergence(temperature):
    loss = keras.losses.KLDivergence()
    return keras.distillation.LogitsDistillation(temperature, loss)


def slope(temperature, v=V, z=Z):
    """Return the gradients with respect to v and z, an example at a time."""
    v, z = tf.Variable(v), tf.Variable(z)
    with tf.GradientTape() as tape:
        loss = SoftTargets(temperature, reduction="sum")(v, z)
    return tape.gradient(loss, (v, z))


def network(units=5, norm=False):
    x = inputs = keras.Input((4,))
    if norm:
        x = layers.BatchNormalization()(layers.Dense(7, "tanh")(x))
    return keras.Model(inputs, layers.Dense(units)(x))


# The loss


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0, 20.0])
def test_loss(temperature):
    p, q = (soft(a, temperature) for a in (V, Z))
    want = -(temperature**2) * (p * np.log(q)).sum(-1).mean()
    assert float(SoftTargets(temperature)(V, Z)) == pytest.approx(want, rel=1e-5)


@pytest.mark.parametrize("temperature", [1.0, 4.0])
def test_equals_keras_but_for_the_entropy_of_the_teacher(temperature):
    """Theirs is the Kullback-Leibler divergence, if one says so."""
    theirs = divergence(temperature).compute_loss(V, Z)
    p = soft(V, temperature)
    entropy = -(temperature**2) * (p * np.log(p)).sum(-1).mean()
    got = float(SoftTargets(temperature)(V, Z))
    assert got == pytest.approx(float(theirs) + entropy, rel=1e-5)


def test_the_default_of_keras_takes_logits_for_probabilities():
    """Keras 3.15: the string names a function, and only the class gets a softmax."""
    theirs = keras.distillation.LogitsDistillation(4.0).compute_loss(V, Z)
    p, q = (np.clip(a / 4, 1e-7, 1) for a in (V, Z))
    assert float(theirs) == pytest.approx((p * np.log(p / q)).sum(-1).mean(), rel=1e-5)


@pytest.mark.parametrize("temperature", [0.5, 4.0])
def test_gradient(temperature):
    of_v, of_z = slope(temperature)
    want = temperature * (soft(Z, temperature) - soft(V, temperature))
    np.testing.assert_allclose(of_z, want, atol=1e-5)
    assert of_v is None  # the teacher learns nothing


@pytest.mark.parametrize("shift", [0.0, 7.0])
def test_nothing_to_learn_from_oneself(shift):
    np.testing.assert_allclose(slope(3.0, Z + shift, Z)[1], 0 * Z, atol=1e-5)


def test_high_temperature_matches_logits():
    """(z - v) / N for logits with a mean of 0: regression on the teacher's logits."""
    v, z = (a - a.mean(-1, keepdims=True) for a in (V, Z))
    np.testing.assert_allclose(slope(1e3, v, z)[1], (z - v) / 5, atol=2e-3)


def test_low_temperature_asks_for_the_favourite():
    y = np.eye(5)[V.argmax(-1)]
    np.testing.assert_allclose(slope(0.01)[1] / 0.01, soft(Z, 0.01) - y, atol=1e-4)


def test_large_logits_stay_finite():
    for temperature in (0.1, 1.0, 100.0):
        loss = float(SoftTargets(temperature)(1e4 * V, 1e4 * Z))
        assert np.isfinite(loss) and loss > 0


def test_weights_config_and_half_precision():
    weight = np.array([0, 1, 2, 0, 0, 5], "float32")
    each = np.asarray(SoftTargets(2.0, reduction=None)(V, Z))
    got = float(SoftTargets(2.0)(V, Z, weight))
    assert got == pytest.approx((weight * each).sum() / 6, rel=1e-5)
    loss = SoftTargets(2.5, reduction="sum")
    again = keras.losses.deserialize(keras.losses.serialize(loss))
    assert (again.temperature, again.reduction) == (2.5, "sum")
    half = float(SoftTargets(2.0)(V.astype("float16"), Z.astype("float16")))
    assert half == pytest.approx(each.mean(), rel=2e-3)


@pytest.mark.parametrize("temperature", [0, -1.0, float("nan"), float("inf")])
def test_rejects_temperature(temperature):
    with pytest.raises(ValueError, match="temperature must be a number > 0, got"):
        SoftTargets(temperature)
    with pytest.raises(ValueError, match="temperature must be a number > 0, got"):
        Distiller(network(), network(), temperature)


def test_rejects_other_classes():
    with pytest.raises(ValueError, match="the same classes, got 4 and 5"):
        SoftTargets()(V[:, :4], Z)


# The model


def test_model():
    def make():
        return Distiller(network(), network(norm=True), 3.0, 0.7)

    teacher = (4 * 7 + 7) + 4 * 7 + (7 * 5 + 5)
    check_model(make, X, (6, 5), 4 * 5 + 5, teacher)


def distiller(alpha=0.7, temperature=3.0, loss=HARD, **options):
    keras.utils.set_random_seed(0)
    model = Distiller(network(norm=True), network(norm=True), temperature, alpha)
    model.compile(keras.optimizers.SGD(0.1), loss, run_eagerly=True, **options)
    return model


@pytest.mark.parametrize("alpha", [0.0, 0.3, 1.0])
def test_objective(alpha):
    model = distiller(alpha)
    got = model.evaluate(X, Y, verbose=0)
    z, v = (np.asarray(m(X)) for m in (model.student, model.teacher))
    hard = -np.log(soft(z, 1))[np.arange(6), Y].mean()
    kind = -9 * (soft(v, 3) * np.log(soft(z, 3))).sum(-1).mean()
    assert got == pytest.approx(alpha * kind + (1 - alpha) * hard, rel=1e-5)


def test_equals_the_distiller_of_keras():
    """After three steps the students agree: the entropy has no gradient."""
    ours = distiller(alpha=0.6)
    student, teacher = map(keras.models.clone_model, (ours.student, ours.teacher))
    student.set_weights(ours.student.get_weights())
    teacher.set_weights(ours.teacher.get_weights())
    theirs = keras.distillation.Distiller(
        teacher,
        student,
        distillation_losses=divergence(3.0),
        student_loss_weight=0.4,
    )
    theirs.compile(keras.optimizers.SGD(0.1), loss=HARD, run_eagerly=True)
    for model in (ours, theirs):
        model.fit(X, Y, batch_size=6, epochs=3, verbose=0)
    for a, b in zip(ours.student.get_weights(), student.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)


def test_teacher_is_frozen():
    model = distiller()
    before, student = model.teacher.get_weights(), model.student.get_weights()
    model.fit(X, Y, epochs=2, verbose=0)
    for a, b in zip(before, model.teacher.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)  # moving statistics too
    assert all(
        (a != b).any()
        for a, b in zip(student, model.student.get_weights(), strict=True)
    )
    np.testing.assert_allclose(model.predict(X, verbose=0), model.student(X), rtol=1e-4)


def test_teacher_is_asked_as_in_inference():
    x = keras.Input((4,))
    noisy = keras.Model(x, layers.Dropout(0.5, seed=0)(layers.Dense(5)(x)))
    model = Distiller(network(), noisy, alpha=1.0)
    y = model(X)
    first, second = (float(model.compute_loss(X, y_pred=y)) for _ in range(2))
    assert first == second == float(SoftTargets()(noisy(X), y))
    assert not noisy.trainable_weights


def test_without_labels():
    model = distiller(alpha=1.0, loss=None)
    losses = model.fit(X, epochs=10, verbose=0).history["loss"]
    floor = -9 * (soft(model.teacher(X), 3) * np.log(soft(model.teacher(X), 3))).sum(-1)
    first, last = np.array(losses)[[0, -1]] - floor.mean()
    assert 0 < last < 0.7 * first


def test_other_hard_losses_and_metrics():
    model = distiller(0.5, loss=SmoothedCrossEntropy(0.2), metrics=["accuracy"])
    found = model.evaluate(X, Y, verbose=0, return_dict=True)
    z, v = (np.asarray(m(X)) for m in (model.student, model.teacher))
    want = (
        float(SoftTargets(3.0)(v, z)) / 2 + float(SmoothedCrossEntropy(0.2)(Y, z)) / 2
    )
    assert found["loss"] == pytest.approx(want, rel=1e-5)
    assert found["accuracy"] == pytest.approx((z.argmax(-1) == Y).mean())


def test_weights_of_examples_count_in_both_parts():
    model, weight = distiller(0.5), np.array([1, 0, 0, 0, 0, 0], "float32")
    got = model.evaluate(X, Y, batch_size=6, sample_weight=weight, verbose=0)
    alone = model.evaluate(X[:1], Y[:1], verbose=0)
    assert got == pytest.approx(alone / 6, rel=1e-4)


@pytest.mark.parametrize("alpha", [0.0, 0.5, 1.0])
def test_weight_decay_counts_once(alpha):
    x = keras.Input((4,))
    decayed = keras.Model(x, layers.Dense(5, kernel_regularizer="l2")(x))
    model = Distiller(decayed, network(), alpha=alpha)
    model.compile("sgd", HARD, run_eagerly=True)
    got = model.evaluate(X, Y, verbose=0)
    layer = decayed.layers[1]
    decay = 0.01 * np.square(layer.kernel).sum()
    layer.kernel.regularizer = None
    assert got == pytest.approx(model.evaluate(X, Y, verbose=0) + decay, rel=1e-4)


@pytest.mark.parametrize("alpha", [-0.1, 1.1, float("nan")])
def test_rejects_alpha(alpha):
    with pytest.raises(ValueError, match="alpha must be in .0, 1., got"):
        Distiller(network(), network(), alpha=alpha)


def test_rejects_another_teacher():
    model = Distiller(network(5), network(4))
    model.compile("sgd", HARD)
    with pytest.raises(ValueError, match="the same classes, got 4 and 5"):
        model.fit(X, Y, verbose=0)
