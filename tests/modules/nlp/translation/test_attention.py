import keras
import numpy as np
import pytest
import tensorflow as tf

from course.checks import (
    assert_close_relative,
    check_layer,
    count_trainable,
    noise_weights,
)
from modules.nlp.translation.attention import MultiHeadAttention

RNG = np.random.default_rng(0)
X = RNG.normal(size=(2, 7, 12)).astype("float32")
MEMORY = RNG.normal(size=(2, 5, 10)).astype("float32")


def built(seed=0, memory=X, **options):
    layer = MultiHeadAttention(**{"num_heads": 3, "key_dim": 4, **options})
    layer.build(X.shape, memory.shape)
    noise_weights(layer, seed)
    return layer


def test_self_attention():
    class Self(MultiHeadAttention):
        def call(self, x):
            return super().call(x, x)

        def build(self, x_shape):
            super().build(x_shape)

    keras.saving.register_keras_serializable("test")(Self)
    check_layer(lambda: Self(3, 4), X, X.shape, weights=4 * (12 * 12 + 12))


def test_cross_attention():
    """One head more than fits: h d_k = 20, h d_v = 24; keys have no bias to learn.

    A bias of the keys adds the same to all scores of a query, and cancels.
    """
    weights = 12 * 20 + 10 * 20 + 10 * 24 + 24 * 12
    options = {"num_heads": 4, "key_dim": 5, "value_dim": 6, "use_bias": False}
    check_layer(
        lambda: MultiHeadAttention(**options), (X, MEMORY), X.shape, weights=weights
    )


def test_bias_of_keys_changes_nothing():
    layer = built()
    before = layer(X, X)
    layer.key_dense.bias.assign(layer.key_dense.bias + 3)
    np.testing.assert_allclose(layer(X, X), before, atol=1e-5)


@pytest.mark.parametrize("num_heads", [1, 2, 8, 16])
def test_count_does_not_depend_on_heads(num_heads):
    layer = MultiHeadAttention(num_heads, key_dim=512 // num_heads)
    layer.build((None, None, 512))
    assert count_trainable(layer) == 4 * (512**2 + 512) == 1_050_624


# Equality with keras.layers.MultiHeadAttention by transplanted noise


def theirs(layer, value):
    """Return Keras's layer with the weights of ours."""
    h, d, v = layer.num_heads, layer.key_dim, layer.value_dim or layer.key_dim
    other = keras.layers.MultiHeadAttention(h, d, v, use_bias=layer.use_bias)
    other.build(X.shape, value.shape)
    pairs = [
        (other._query_dense, layer.query_dense),
        (other._key_dense, layer.key_dense),
        (other._value_dense, layer.value_dense),
        (other._output_dense, layer.output_dense),
    ]
    for to, source in pairs:
        values = zip(source.get_weights(), to.weights, strict=True)
        to.set_weights([w.reshape(variable.shape) for w, variable in values])
    return other


MASK = RNG.random((2, 7, 7)) < 0.6
MASK[:, :, 0] = True


@pytest.mark.parametrize("use_bias", [True, False])
@pytest.mark.parametrize(
    "how",
    [
        {},
        {"attention_mask": MASK},
        {"use_causal_mask": True},
        {"attention_mask": MASK, "use_causal_mask": True},
        {"value_mask": np.arange(7) < [[5], [3]]},
    ],
)
def test_equals_keras(how, use_bias):
    layer = built(use_bias=use_bias, value_dim=6)
    got = layer(X, X, return_attention_scores=True, **how)
    want = theirs(layer, X)(X, X, return_attention_scores=True, **how)
    for a, b in zip(got, want, strict=True):
        assert_close_relative(a, b, 1e-4)


def test_equals_keras_with_memory_and_keys_of_their_own():
    layer, key = built(memory=MEMORY), MEMORY[:, ::-1].copy()
    want = theirs(layer, MEMORY)(X, MEMORY, key)
    assert_close_relative(layer(X, MEMORY, key), want, 1e-4)


def test_scale_of_the_whole_width_shows():
    """The scale is of one head, sqrt(4), not of the model, sqrt(12)."""
    wrong = built(scale=12**-0.5)
    with pytest.raises(AssertionError, match="relative error"):
        assert_close_relative(wrong(X, X), theirs(wrong, X)(X, X), 1e-4)


# Facts from the paper


def test_one_head_is_single_attention():
    layer = built(num_heads=1, key_dim=12)
    parts = layer.query_dense, layer.key_dense, layer.value_dense
    q, k, v = (np.asarray(dense(X)) for dense in parts)
    scores = q @ k.swapaxes(1, 2) / 12**0.5
    weights = np.exp(scores - scores.max(-1, keepdims=True))
    weights /= weights.sum(-1, keepdims=True)
    want = (weights @ v) @ layer.output_dense.kernel + layer.output_dense.bias
    np.testing.assert_allclose(layer(X, X), want, atol=1e-5)


def test_permutation_equivariant():
    order = np.array([3, 6, 0, 5, 1, 2, 4])
    layer = built()
    want = np.asarray(layer(X, X))[:, order]
    np.testing.assert_allclose(layer(X[:, order], X[:, order]), want, atol=1e-5)


def test_each_head_has_weights_of_its_own_that_sum_to_1():
    _, weights = built()(X, X, return_attention_scores=True)
    assert weights.shape == (2, 3, 7, 7)
    np.testing.assert_allclose(np.sum(weights, axis=-1), np.ones((2, 3, 7)), atol=1e-5)
    assert np.std(weights, axis=1).min() > 1e-4


def test_bias_hides_like_a_mask():
    bias = np.where(MASK[:, None], 0, -1e9).astype("float32")
    layer = built()
    want = layer(X, X, attention_mask=MASK)
    np.testing.assert_allclose(layer(X, X, attention_bias=bias), want, atol=1e-6)


def test_mask_of_each_head():
    mask = RNG.random((2, 3, 7, 7)) < 0.6
    _, weights = built()(X, X, attention_mask=mask, return_attention_scores=True)
    np.testing.assert_array_equal(np.asarray(weights) > 0, mask)


def support(layer, **how):
    """Return which inputs each output depends on, from gradients: (T, T) bool."""
    x = tf.constant(X[:1])
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = layer(x, x, **how)
    jacobian = tape.jacobian(y, x)  # (1, T, D, 1, T, D)
    return np.any(np.asarray(jacobian) != 0, axis=(0, 2, 3, 5))


def test_causal_outputs_depend_on_the_past_only():
    """Exactly: the gradients are 0, not small."""
    np.testing.assert_array_equal(support(built()), np.ones((7, 7), bool))
    causal = support(built(), use_causal_mask=True)
    np.testing.assert_array_equal(causal, np.tril(np.ones((7, 7), bool)))


def test_padded_keys_have_no_influence():
    """Output t still depends on input t, as its query."""
    mask = np.array([[True, True, True, False, True, False, True]])
    want = mask | np.eye(7, dtype=bool)
    np.testing.assert_array_equal(support(built(), value_mask=mask), want)


def test_keras_masks_travel():
    tokens = np.array([[3, 1, 2, 0, 0], [1, 2, 3, 4, 5]])
    embedding = keras.layers.Embedding(6, 12, mask_zero=True)
    layer = built()
    x = embedding(tokens)
    y = layer(x, x)
    np.testing.assert_array_equal(y._keras_mask, tokens != 0)
    np.testing.assert_allclose(
        y[0, :3], layer(x[:1, :3], x[:1, :3])[0], atol=1e-5
    )  # as if the padding were not there
    z = layer(X, x)  # the mask of the memory stays with the memory
    assert getattr(z, "_keras_mask", None) is None
    np.testing.assert_allclose(z[0], layer(X[:1], x[:1, :3])[0], atol=1e-5)


@pytest.mark.parametrize("dtype", ["float32", "mixed_float16"])
def test_sentence_of_padding_gives_the_output_bias(dtype):
    layer = built(dtype=dtype)
    mask = np.array([[False] * 7, [True] * 7])
    y = np.asarray(layer(X, X, value_mask=mask))
    bias = layer.output_dense.bias.numpy()
    np.testing.assert_allclose(y[0], np.tile(bias, (7, 1)), atol=1e-3)
    assert np.isfinite(y).all() and np.abs(y[1] - bias).max() > 0.1


def test_empty_sentences():
    layer = built()
    assert layer(X[:, :0], X[:, :0]).shape == (2, 0, 12)
    y = layer(X, X[:, :0])
    np.testing.assert_allclose(y[0, 0], layer.output_dense.bias, atol=1e-6)


# The cache


def test_word_by_word_equals_the_whole_sentence():
    layer = built(value_dim=6)
    want = layer(X, X, use_causal_mask=True)

    @tf.function(jit_compile=True)
    def step(x, cache, index):
        return layer(x, cache=cache, cache_index=index)

    cache, parts = layer.empty_cache(2, 9), []  # longer than the sentence
    for t in range(7):
        y, cache = step(X[:, t : t + 1], cache, tf.constant(t))
        parts.append(y)
    np.testing.assert_allclose(np.concatenate(parts, axis=1), want, atol=1e-5)
    assert step.experimental_get_tracing_count() == 1


def test_some_words_at_once():
    layer = built()
    want = layer(X, X, use_causal_mask=True)
    first, cache = layer(X[:, :4], cache=layer.empty_cache(2, 7), cache_index=0)
    rest, scores, _ = layer(
        X[:, 4:], cache=cache, cache_index=4, return_attention_scores=True
    )
    np.testing.assert_allclose(np.concatenate([first, rest], 1), want, atol=1e-5)
    assert scores.shape == (2, 3, 3, 7)


def test_what_a_cache_holds_beyond_the_index_is_not_seen():
    layer = built()
    dirty = [np.full_like(x, 1e4) for x in layer.empty_cache(2, 7)]
    y, _ = layer(X[:, :2], cache=dirty, cache_index=0)
    want = layer(X[:, :2], X[:, :2], use_causal_mask=True)
    np.testing.assert_allclose(y, want, atol=1e-5)


def test_projected_memory_is_a_cache():
    layer, mask = built(memory=MEMORY), np.arange(5) < [[5], [3]]
    want = layer(X, MEMORY, value_mask=mask)
    got = layer(X, cache=layer.project(MEMORY), value_mask=mask)
    np.testing.assert_allclose(got, want, atol=1e-6)


def test_cache_in_half_precision():
    layer = built(dtype="mixed_float16")
    cache = layer.empty_cache(2, 7)
    y, (keys, _) = layer(X, cache=cache, cache_index=0)
    assert y.dtype == keys.dtype == "float16"


@pytest.mark.parametrize("bad", [{"num_heads": 0}, {"key_dim": 2.5}])
def test_rejects_arguments(bad):
    with pytest.raises(ValueError, match="must be an int >= 1, got"):
        MultiHeadAttention(**{"num_heads": 2, "key_dim": 4, **bad})


def test_dropout_of_weights():
    layer = built(rate=0.5)
    assert not np.allclose(layer(X, X, training=True), layer(X, X))
    np.testing.assert_allclose(layer(X, X), built()(X, X), atol=1e-6)
