"""What holds for every layer of the family, on the encoder layer."""

import keras
import numpy as np
import pytest

from course.checks import noise_weights
from modules.nlp.translation.transformer_layers import EncoderLayer
from modules.nlp.translation.transformer_parts import TransformerLayer

X = np.random.default_rng(0).normal(size=(2, 5, 8)).astype("float32")


def built(kind=EncoderLayer, **options):
    layer = kind(num_heads=2, intermediate_dim=12, **options)
    layer.build(X.shape)
    noise_weights(layer, seed=0)
    return layer


def normalized(x, epsilon=1e-6):
    variance = x.var(axis=-1, keepdims=True)
    return (x - x.mean(axis=-1, keepdims=True)) / np.sqrt(variance + epsilon)


def silence(layer):
    """Let both branches say nothing, and the normalizations do no more than that."""
    for dense in (layer.self_attention.output_dense, layer.reduce):
        dense.set_weights([0 * w for w in dense.get_weights()])
    for norm in (layer.self_attention_norm, layer.feed_forward_norm):
        norm.set_weights([np.ones(8), np.zeros(8)])


def test_without_branches_pre_ln_is_the_identity_and_post_ln_normalizes():
    layer = built(norm_first=True)
    silence(layer)
    np.testing.assert_array_equal(layer(X), X)
    layer = built()
    silence(layer)
    np.testing.assert_allclose(layer(X), normalized(normalized(X)), atol=1e-5)


def test_pre_ln_does_not_see_the_scale_of_its_input_in_the_branches():
    layer = built(norm_first=True)
    branches = np.asarray(layer(X)) - X
    attended, _ = layer.self_attention(
        *[layer.self_attention_norm(10 * X)] * 2, return_attention_scores=True
    )
    alone, _ = layer.self_attention(
        *[layer.self_attention_norm(X)] * 2, return_attention_scores=True
    )
    np.testing.assert_allclose(attended, alone, atol=1e-4)
    assert np.abs(branches).max() > 0.5


def test_epsilon_is_that_of_the_normalization():
    layer = built(epsilon=0.5)
    silence(layer)
    want = normalized(normalized(X, 0.5), 0.5)
    np.testing.assert_allclose(layer(X), want, atol=1e-5)


@pytest.mark.parametrize("activation", ["relu", "gelu"])
def test_feed_forward_is_the_same_at_every_position(activation):
    layer = built(norm_first=True, activation=activation)
    y = np.asarray(layer.feed_forward(X))
    for t in range(5):
        alone = layer.feed_forward(X[:, t : t + 1])
        np.testing.assert_allclose(alone[:, 0], y[:, t], atol=1e-5)
    act = keras.activations.get(activation)
    inner = act(layer.feed_forward_norm(X) @ layer.expand.kernel + layer.expand.bias)
    want = X + inner @ layer.reduce.kernel + layer.reduce.bias
    np.testing.assert_allclose(y, want, atol=1e-5)


def test_without_biases():
    layer = built(use_bias=False)
    assert layer.count_params() == 4 * 8 * 8 + 2 * 8 * 12 + 4 * 8


def test_dropout_falls_on_what_is_added():
    """At rate 0.5 each value of the branch is doubled or dropped; x itself is kept."""
    layer = built(norm_first=True, rate=0.5)
    branch = np.asarray(layer.feed_forward(X)) - X
    keras.utils.set_random_seed(0)

    class Learning(keras.layers.Layer):
        def call(self, x):
            return layer.feed_forward(x)

    noisy = np.asarray(Learning()(X, training=True)) - X
    kept = np.isclose(noisy, 2 * branch, atol=1e-5)
    assert (kept | np.isclose(noisy, 0, atol=1e-5)).all()
    assert 0.3 < kept.mean() < 0.7


@pytest.mark.parametrize("options", [{"rate": 0.5}, {"attention_rate": 0.5}])
def test_each_dropout_is_at_work_in_training_only(options):
    layer = built(**{"rate": 0.0, **options})
    assert not np.allclose(layer(X, training=True), layer(X))
    np.testing.assert_allclose(layer(X), built(rate=0.0)(X), atol=1e-6)


def test_subclass_chooses_its_normalization():
    class WithRMS(EncoderLayer):
        def norm(self, name, x_shape):
            norm = keras.layers.RMSNormalization(epsilon=self.epsilon, name=name)
            norm.build(x_shape)
            return norm

    assert built(WithRMS).count_params() == built().count_params() - 2 * 8


def test_heads_must_divide_the_channels():
    with pytest.raises(ValueError, match="num_heads must divide .*, got 8 and 3"):
        EncoderLayer(num_heads=3, intermediate_dim=4)(X)


def test_config_of_a_function():
    layer = TransformerLayer(2, 12, activation=keras.activations.silu)
    again = TransformerLayer.from_config(layer.get_config())
    assert again.activation is keras.activations.silu


def test_first_kernels():
    """Of a given width, and of another one where a branch ends; Glorot's by default."""
    x_shape = (None, None, 96)
    layer = EncoderLayer(4, 192, stddev=0.1, residual_stddev=0.01)
    layer.build(x_shape)
    attention = layer.self_attention
    for dense in (attention.query_dense, attention.value_dense, layer.expand):
        assert np.std(dense.kernel) == pytest.approx(0.088, rel=0.05)  # truncated
    for dense in (attention.output_dense, layer.reduce):
        assert np.std(dense.kernel) == pytest.approx(0.0088, rel=0.05)
    layer = EncoderLayer(4, 192)
    layer.build(x_shape)
    glorot = (2 / (96 + 192)) ** 0.5
    for dense in (layer.expand, layer.reduce):
        assert np.std(dense.kernel) == pytest.approx(glorot, rel=0.05)
