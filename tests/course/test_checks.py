"""Every property of the common examination fails for a layer that breaks it."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers, ops

from course.checks import (
    assert_close_relative,
    assert_same_path,
    check_function,
    check_layer,
    check_mask,
    check_model,
    check_optimizer,
    count_trainable,
    noise_weights,
    path,
)

X = np.random.default_rng(0).normal(size=(2, 5, 3)).astype("float32")
register = keras.saving.register_keras_serializable("tests/course/checks")


@register
class Scale(layers.Layer):
    """A correct layer: y = factor * x W; the broken ones below are derived from it."""

    def __init__(self, units=4, factor=2.0, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.factor = factor

    def build(self, input_shape):
        self.dense = layers.Dense(self.units, use_bias=False, dtype=self.dtype_policy)
        self.dense.build(input_shape)

    def call(self, x):
        return self.factor * self.dense(x)

    def get_config(self):
        own = {"units": self.units, "factor": self.factor}
        return {**super().get_config(), **own}


@register
class ForgetsArgument(Scale):
    def get_config(self):
        return {k: v for k, v in super().get_config().items() if k != "factor"}


@register
class ConfigLies(Scale):
    def get_config(self):
        return {**super().get_config(), "factor": 2 * self.factor}


@register
class SublayerWithoutPolicy(Scale):
    def build(self, input_shape):
        self.dense = layers.Dense(self.units, use_bias=False)
        self.dense.build(input_shape)


@register
class HalfWithFull(SublayerWithoutPolicy):
    def call(self, x):
        return self.dense(x) * ops.sum(x, axis=-1, keepdims=True)


@register
class UnusedWeight(Scale):
    def build(self, input_shape):
        super().build(input_shape)
        self.unused = self.add_weight(shape=(3, 4), name="unused")


@register
class RoundedWeight(Scale):
    def call(self, x):
        return x @ ops.round(self.dense.kernel)


@register
class RemembersSize(Scale):
    def build(self, input_shape):
        super().build(input_shape)
        self.steps = input_shape[1]

    def call(self, x):
        return super().call(x) / float(self.steps)


@register
class FirstBatchOnly(Scale):
    mean = None

    def call(self, x):
        if self.mean is None and hasattr(x, "numpy"):
            self.mean = ops.convert_to_numpy(ops.mean(x, axis=0))
        return super().call(x - (0.0 if self.mean is None else self.mean))


@register
class ChangesWhenInferring(Scale):
    def build(self, input_shape):
        super().build(input_shape)
        self.calls = self.add_weight(initializer="zeros", trainable=False)

    def call(self, x):
        self.calls.assign_add(1.0)
        return super().call(x)


@register
class Random(Scale):
    def call(self, x):
        return super().call(x) + keras.random.normal(ops.shape(x)[:-1])[..., None]


@register
class OnlyEager(Scale):
    def call(self, x):
        y = super().call(x)
        return y if hasattr(x, "numpy") else 1.01 * y


@register
class HalfWeights(Scale):
    def build(self, input_shape):
        shape = (input_shape[-1], self.units)
        self.kernel = self.add_weight(shape=shape, dtype=self.compute_dtype)

    def call(self, x):
        return x @ self.kernel


@register
class SavesNothing(HalfWeights):
    def save_own_variables(self, store):
        pass

    def load_own_variables(self, store):
        pass


@register
class ExplodesInTraining(Scale):
    def call(self, x, training=False):
        return super().call(x) / (0.0 if training else 1.0)


@register
class Overflows(Scale):
    def call(self, x):
        return super().call(x * 4e4) / 4e4


def examine(cls, weights=12, non_trainable=0, **options):
    y_shape = (2, 5, 4)
    check_layer(cls, X, y_shape, weights, non_trainable, **options)


def test_a_correct_layer_passes():
    examine(Scale)


@pytest.mark.parametrize(
    ("cls", "message"),
    [
        (ForgetsArgument, "get_config forgets factor"),
        (ConfigLies, "factor changes on a round trip"),
        (SublayerWithoutPolicy, "mixed precision gives float32"),
        (HalfWithFull, "fails in mixed precision"),
        (RoundedWeight, "no gradient reaches .*kernel"),
        (RemembersSize, "fails when sizes are unknown"),
        (FirstBatchOnly, "with unknown sizes: differs"),
        (Random, "a second time: differs"),
        (OnlyEager, "when compiled: differs"),
        (SavesNothing, "after saving and loading: differs"),
        (HalfWeights, "is kept in float16"),
        (ExplodesInTraining, "not finite when training"),
        (Overflows, "in mixed precision"),
    ],
)
def test_a_broken_layer_fails(cls, message):
    with pytest.raises(AssertionError, match=message):
        examine(cls)


def test_weights_that_nothing_uses():
    with pytest.raises(AssertionError, match="no gradient reaches .*unused"):
        examine(UnusedWeight, weights=24)


def test_state_that_inference_changes():
    with pytest.raises(AssertionError, match="inference changes"):
        examine(ChangesWhenInferring, non_trainable=1)


def test_counts_and_shape():
    with pytest.raises(AssertionError, match="12 trainable weights, expected 13"):
        examine(Scale, weights=13)
    with pytest.raises(AssertionError, match="0 other weights, expected 1"):
        examine(Scale, non_trainable=1)
    with pytest.raises(AssertionError, match=r"output shape .* expected \[\(2, 4\)\]"):
        check_layer(Scale, X, (2, 4), 12)


def test_training_must_be_said():
    check_layer(lambda: layers.Dropout(0.5, seed=0), X, X.shape, 0, training="differs")
    with pytest.raises(AssertionError, match="training: 'differs', expected 'same'"):
        check_layer(lambda: layers.Dropout(0.5, seed=0), X, X.shape, 0)


def test_several_inputs_and_outputs():
    @register
    class SumAndProduct(layers.Layer):
        def call(self, x, other):
            return [x + other, x * other]

    check_layer(SumAndProduct, (X, 2 * X), [X.shape, X.shape], weights=0)


@register
class RunningMean(layers.Layer):
    """A layer that knows padding: the mean of the steps so far, and that of all."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.supports_masking = True

    def call(self, x, mask=None):
        valid = ops.ones_like(x[..., 0]) if mask is None else mask
        return self.means(x, ops.cast(valid, x.dtype)[..., None])

    def means(self, x, valid):
        steps = ops.cumsum(x * valid, axis=1) / ops.cumsum(valid, axis=1)
        return steps, ops.sum(x * valid, axis=1) / ops.sum(valid, axis=1)


class DropsMask(RunningMean):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.supports_masking = False


class IgnoresMask(RunningMean):
    def call(self, x, mask=None):
        return super().call(x)


class CountsPadding(RunningMean):
    def means(self, x, valid):
        steps, _ = super().means(x, valid)
        return steps, ops.mean(x * valid, axis=1)


class LooksAhead(RunningMean):
    def means(self, x, valid):
        steps, whole = super().means(x, valid)
        return steps + x[:, -1:], whole


class LeaksGradient(RunningMean):
    def means(self, x, valid):
        steps, whole = super().means(x, valid)
        return steps, whole + ops.sum(x - ops.stop_gradient(x), axis=1)


class Cuts(RunningMean):
    def call(self, x, mask=None):
        return [ops.stop_gradient(y) + 0 * x[:, 0] for y in super().call(x, mask)[1:]]


def test_a_layer_that_knows_padding_passes():
    check_mask(RunningMean, X)

    def attend(layer, x, mask):  # every example asks the same three questions
        return layer(ops.tile(X[:1, :3], (x.shape[0], 1, 1)), x, value_mask=mask)

    check_mask(lambda: layers.MultiHeadAttention(2, 3), X, call=attend)


@pytest.mark.parametrize(
    ("cls", "message"),
    [
        (DropsMask, "supports_masking is False"),
        (IgnoresMask, "masked and not cut: differs"),
        (CountsPadding, "masked and not cut: differs"),
        (LooksAhead, "masked and not cut: differs"),
        (LeaksGradient, "a gradient reaches the padding"),
        (Cuts, "no gradient reaches the input"),
    ],
)
def test_a_layer_that_does_not_know_padding_fails(cls, message):
    with pytest.raises(AssertionError, match=message):
        check_mask(cls, X)


def small_model(cls=Scale):
    inputs = keras.Input((None, 3))
    y = layers.BatchNormalization()(cls()(inputs))
    return keras.Model(inputs, layers.Dense(2)(y))


def test_model():
    expected = {"y_shape": (2, 5, 2), "weights": 30, "training": "differs"}
    check_model(small_model, X, non_trainable=8, **expected)
    with pytest.raises(AssertionError, match="8 other weights, expected 0"):
        check_model(small_model, X, **expected)


@pytest.mark.parametrize("cls", [ForgetsArgument, HalfWithFull, OnlyEager, Overflows])
def test_model_of_broken_layers(cls):
    def make():
        inputs = keras.Input((None, 3))
        return keras.Model(inputs, cls(factor=3.0, name="part")(inputs))

    if cls is HalfWithFull:  # the global policy reaches its sublayer
        return check_model(make, X, y_shape=(2, 5, 4), weights=12)
    with pytest.raises(AssertionError, match="differs"):
        check_model(make, X, y_shape=(2, 5, 4), weights=12)
    assert keras.config.dtype_policy().name == "float32"


@register
class Mixture(keras.Model):
    """A model class of two inputs."""

    def __init__(self, factor=2.0, **kwargs):
        super().__init__(**kwargs)
        self.factor = factor
        self.dense = layers.Dense(4)

    def call(self, pair):
        return self.dense(pair[0]) + self.factor * pair[1]

    def build(self, shapes):
        self.dense.build(shapes[0])

    def get_config(self):
        return {**super().get_config(), "factor": self.factor}


@register
class FixedMixture(Mixture):
    def call(self, pair):
        return super().call(pair) / float(pair[0].shape[1])


@register
class ForgetfulMixture(Mixture):
    def get_config(self):
        return {k: v for k, v in super().get_config().items() if k != "factor"}


def test_model_class():
    pair, expected = (X, X[..., :1]), {"y_shape": (2, 5, 4), "weights": 16}
    check_model(Mixture, pair, **expected)
    with pytest.raises(AssertionError, match="fails when sizes are unknown"):
        check_model(FixedMixture, pair, **expected)
    with pytest.raises(AssertionError, match="get_config forgets factor"):
        check_model(ForgetfulMixture, pair, **expected)


def test_function():
    def centred(x):
        return x - ops.mean(x, axis=1, keepdims=True)

    check_function(centred, X, y_shape=X.shape)
    with pytest.raises(AssertionError, match="output shape"):
        check_function(centred, X, y_shape=(2, 5))
    with pytest.raises(AssertionError, match="float16 in, float32 out"):
        check_function(lambda x: ops.cast(x, "float32"), X, y_shape=X.shape)
    with pytest.raises((TypeError, AssertionError)):
        check_function(lambda x: x * float(x.shape[1]), X, y_shape=X.shape)
    with pytest.raises(AssertionError, match="with unknown sizes"):
        check_function(
            lambda x: x if hasattr(x, "numpy") else 2 * x, X, y_shape=X.shape
        )


@register
class HeavyBall(keras.optimizers.Optimizer):
    """A correct optimizer; the broken ones below are derived from it."""

    def __init__(self, learning_rate=0.1, momentum=0.5, **kwargs):
        super().__init__(learning_rate, **kwargs)
        self.momentum = momentum

    def build(self, variables):
        super().build(variables)
        self.velocities = self.add_optimizer_variables(variables, "velocity")

    def update_step(self, gradient, variable, learning_rate):
        self.move(ops.cast(gradient, variable.dtype), variable, learning_rate)

    def move(self, g, variable, rate):
        velocity = self.velocities[self._get_variable_index(variable)]
        self.assign(velocity, self.momentum * velocity + rate * g)
        self.assign_sub(variable, velocity)

    def get_config(self):
        return {**super().get_config(), "momentum": self.momentum}


@register
class ForgetsMomentum(HeavyBall):
    def get_config(self):
        return keras.optimizers.Optimizer.get_config(self)


@register
class MomentumLies(HeavyBall):
    def get_config(self):
        return {**super().get_config(), "momentum": self.momentum / 2}


@register
class SharesState(HeavyBall):
    def move(self, g, variable, rate):
        shared = self.velocities[0]
        self.assign_add(shared, ops.mean(ops.square(g)))
        super().move(g, variable, rate / (1 + shared))


@register
class CountsInPython(HeavyBall):
    steps = 0

    def move(self, g, variable, rate):
        self.steps += 1
        super().move(g, variable, rate / self.steps)


@register
class OnlyLearnsEagerly(HeavyBall):
    def move(self, g, variable, rate):
        super().move(g, variable, rate if tf.executing_eagerly() else 1.01 * rate)


@register
class ReadsItsOwnRate(HeavyBall):
    def move(self, g, variable, rate):
        super().move(g, variable, getattr(self._learning_rate, "value", 0.0))


@register
class MixesPrecisions(HeavyBall):
    def update_step(self, gradient, variable, learning_rate):
        self.move(gradient * ops.cast(learning_rate, gradient.dtype), variable, 1.0)


@register
class StepsInHalfPrecision(HeavyBall):
    def update_step(self, gradient, variable, learning_rate):
        delta = gradient * ops.cast(learning_rate, gradient.dtype)
        self.move(ops.cast(delta, variable.dtype), variable, 1.0)


@register
class SavesNoState(HeavyBall):
    def load_own_variables(self, store):
        pass


@register
class ForgetsScalars(HeavyBall):
    def move(self, g, variable, rate):
        if len(variable.shape):
            super().move(g, variable, rate)


@register
class DividesByZero(HeavyBall):
    def move(self, g, variable, rate):
        super().move(g, variable, rate / 0.0)


def test_a_correct_optimizer_passes():
    check_optimizer(HeavyBall, slots=1)
    check_optimizer(lambda: keras.optimizers.Adam(0.1), slots=2)


@pytest.mark.parametrize(
    ("cls", "message"),
    [
        (ForgetsMomentum, "get_config forgets momentum"),
        (MomentumLies, "momentum changes on a round trip"),
        (SharesState, r"shape \(\) without the others: differs"),
        (CountsInPython, "without the others: differs"),
        (OnlyLearnsEagerly, "in a compiled fit: differs"),
        (ReadsItsOwnRate, "with a schedule: differs"),
        (StepsInHalfPrecision, "with gradients in float16: differs"),
        (MixesPrecisions, "fails for gradients in float16"),
        (SavesNoState, "after saving and loading, training on: differs"),
        (ForgetsScalars, r"shape \(\): some values never move"),
        (DividesByZero, r"shape \(\): not finite"),
    ],
)
def test_a_broken_optimizer_fails(cls, message):
    with pytest.raises(AssertionError, match=message):
        check_optimizer(cls, slots=1)


def test_state_of_an_optimizer_is_counted():
    with pytest.raises(AssertionError, match="4 variables of state for 4, expected 8"):
        check_optimizer(HeavyBall, slots=2)


def test_paths_of_optimizers():
    got = path(HeavyBall(0.125), [[8.0, 0.0], [0.0, 8.0]], start=[1.0, 2.0])
    np.testing.assert_array_equal(got, [[0.0, 2.0], [-0.5, 1.0]])
    assert_same_path(HeavyBall(), keras.optimizers.SGD(0.1, momentum=0.5))
    with pytest.raises(AssertionError, match="step 50: differs"):
        assert_same_path(HeavyBall(), keras.optimizers.SGD(0.1001, momentum=0.5))
    with pytest.raises(AssertionError, match="differs"):
        pair = (keras.optimizers.RMSprop(epsilon=e) for e in (1e-7, 1e-8))
        assert_same_path(*pair)


def test_noise_keeps_the_size_of_activations():
    inputs = keras.Input((32,))
    x = inputs
    for _ in range(20):
        x = layers.Dense(64, "relu")(x)
    plain = keras.Model(inputs, x)
    noise_weights(plain, seed=1)
    size = float(ops.std(plain(np.random.default_rng(0).normal(size=(8, 32)))))
    assert 0.05 < size < 20


def test_noise_reaches_every_weight_and_repeats():
    first, second = small_model(), small_model()
    noise_weights(first, seed=5)
    noise_weights(second, seed=5)
    for a, b in zip(first.weights, second.weights, strict=True):
        np.testing.assert_array_equal(a, b)
        assert np.std(a) > 0, a.path
        assert np.min(a) > 0 or not a.path.endswith("variance")
    noise_weights(second, seed=6)
    assert not np.array_equal(first.weights[0], second.weights[0])


def test_assert_close_relative():
    want = np.random.default_rng(0).normal(size=(3, 4))
    assert_close_relative(want, want, 0)
    assert_close_relative(10 * want + 1e-3, 10 * want, 2e-4)
    with pytest.raises(AssertionError, match="relative error"):
        assert_close_relative(want + 1e-2, want, 1e-3)
    with pytest.raises(AssertionError, match="shape"):
        assert_close_relative(want[:2], want, 1e-3)
    with pytest.raises(AssertionError, match="not all are finite"):
        assert_close_relative(want * np.nan, want, 1e-3)


def test_output_that_ignores_the_input_proves_nothing():
    constant = np.tile(np.linspace(-1, 1, 10), (3, 1))  # varies, but not by example
    with pytest.raises(AssertionError, match="too small to tell"):
        assert_close_relative(constant, constant, 1e-3)


def test_count_trainable():
    assert count_trainable(small_model()) == 30
