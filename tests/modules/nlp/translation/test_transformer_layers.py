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
from modules.nlp.translation.masks import padding_mask
from modules.nlp.translation.transformer_layers import DecoderLayer, EncoderLayer

RNG = np.random.default_rng(0)
X = RNG.normal(size=(2, 7, 12)).astype("float32")
MEMORY = RNG.normal(size=(2, 5, 12)).astype("float32")
SIZES = {"num_heads": 3, "intermediate_dim": 20}
MASK = np.arange(5) < [[5], [3]]


def built(kind, **options):
    layer = kind(**SIZES, **options)
    layer.build(X.shape, *[MEMORY.shape] * (kind is DecoderLayer))
    noise_weights(layer, seed=0)
    return layer


def test_encoder_layer():
    weights = 4 * (144 + 12) + (12 * 20 + 20) + (20 * 12 + 12) + 4 * 12
    check_layer(
        lambda: EncoderLayer(**SIZES, epsilon=1e-3),
        X,
        X.shape,
        weights,
        training="differs",
    )


def test_decoder_layer():
    weights = 8 * (144 + 12) + (12 * 20 + 20) + (20 * 12 + 12) + 6 * 12
    check_layer(
        lambda: DecoderLayer(**SIZES, norm_first=True, epsilon=1e-3),
        (X, MEMORY),
        X.shape,
        weights,
        training="differs",
    )


def test_decoder_only_layer():
    def make():
        return DecoderLayer(**SIZES, cross_attention=False, norm_first=True)

    weights = 4 * (144 + 12) + (12 * 20 + 20) + (20 * 12 + 12) + 4 * 12
    check_layer(make, X, X.shape, weights, training="differs")


def test_counts_of_the_base_model():
    d, inner = 512, 2048
    attention, network = 4 * (d**2 + d), 2 * d * inner + inner + d
    layer = EncoderLayer(num_heads=8, intermediate_dim=inner)
    layer.build((None, None, d))
    assert count_trainable(layer) == attention + network + 4 * d == 3_152_384
    layer = DecoderLayer(num_heads=8, intermediate_dim=inner)
    layer.build((None, None, d), (None, None, d))
    assert count_trainable(layer) == 2 * attention + network + 6 * d == 4_204_032


# Equality with keras-hub by transplanted noise


def copied(theirs, ours):
    """Copy attention, normalization and dense weights from ours to theirs."""
    for to, source in zip(theirs, ours, strict=True):
        values = zip(source.weights, to.weights, strict=True)
        to.set_weights([w.numpy().reshape(v.shape) for w, v in values])


def parts(layer):
    attention = layer.self_attention
    found = [attention.query_dense, attention.key_dense, attention.value_dense]
    found += [attention.output_dense, layer.self_attention_norm]
    if getattr(layer, "cross_attention", False):
        attention = layer.memory_attention
        found += [attention.query_dense, attention.key_dense, attention.value_dense]
        found += [attention.output_dense, layer.memory_norm]
    return [*found, layer.expand, layer.reduce, layer.feed_forward_norm]


def hub_parts(layer, cross):
    names = ["_self_attention_layer"] + ["_cross_attention_layer"] * cross
    found = []
    for name in names:
        attention = getattr(layer, name)
        found += [attention._query_dense, attention._key_dense, attention._value_dense]
        found += [attention._output_dense, getattr(layer, f"{name}_norm")]
    found += [layer._feedforward_intermediate_dense, layer._feedforward_output_dense]
    return [*found, layer._feedforward_layer_norm]


def hub_options(norm_first):
    return {
        "num_heads": 3,
        "intermediate_dim": 20,
        "activation": "gelu",
        "layer_norm_epsilon": 1e-3,
        "normalize_first": norm_first,
    }


OURS = {"activation": "gelu", "epsilon": 1e-3}


@pytest.mark.parametrize("norm_first", [False, True])
def test_encoder_layer_equals_keras_hub(norm_first):
    hub = pytest.importorskip("keras_hub")
    theirs = hub.layers.TransformerEncoder(**hub_options(norm_first))
    theirs.build(X.shape)
    layer = built(EncoderLayer, norm_first=norm_first, **OURS)
    copied(hub_parts(theirs, cross=False), parts(layer))
    mask = np.arange(7) < [[7], [4]]
    got = np.asarray(layer(X, attention_mask=mask[:, None]))
    want = np.asarray(theirs(X, padding_mask=mask))
    assert_close_relative(got[mask], want[mask], 1e-4)


@pytest.mark.parametrize("cross", [False, True])
@pytest.mark.parametrize("norm_first", [False, True])
def test_decoder_layer_equals_keras_hub(norm_first, cross):
    hub = pytest.importorskip("keras_hub")
    theirs = hub.layers.TransformerDecoder(**hub_options(norm_first))
    theirs.build(X.shape, MEMORY.shape if cross else None)
    layer = built(DecoderLayer, norm_first=norm_first, cross_attention=cross, **OURS)
    copied(hub_parts(theirs, cross), parts(layer))
    if cross:
        got = layer(X, MEMORY, memory_mask=MASK)
        want = theirs(X, MEMORY, encoder_padding_mask=MASK)
    else:
        got, want = layer(X), theirs(X)
    assert_close_relative(got, want, 1e-4)


@pytest.mark.parametrize("wrong", [{"epsilon": 1e-1}, {"norm_first": True}])
def test_a_wrong_epsilon_or_order_shows(wrong):
    layer, other = built(EncoderLayer), built(EncoderLayer, **wrong)
    with pytest.raises(AssertionError, match="relative error"):
        assert_close_relative(other(X), layer(X), 1e-4)


# Who depends on whom, exactly


def support(function, x):
    """Return which inputs each output depends on, from gradients: (T, S) bool."""
    x = tf.constant(x[:1])
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = function(x)
    return np.any(np.asarray(tape.jacobian(y, x)) != 0, axis=(0, 2, 3, 5))


def test_encoder_sees_all_and_the_decoder_only_the_past():
    every = np.ones((7, 7), bool)
    np.testing.assert_array_equal(support(built(EncoderLayer), X), every)
    for cross in (False, True):
        layer = built(DecoderLayer, cross_attention=cross)
        memory = [MEMORY[:1]] * cross
        got = support(lambda x, layer=layer, memory=memory: layer(x, *memory), X)
        np.testing.assert_array_equal(got, np.tril(every))


def test_every_word_sees_the_whole_memory_but_its_padding():
    layer, mask = built(DecoderLayer), MASK[1:]
    got = support(lambda m: layer(X[:1], m, memory_mask=mask), MEMORY)
    np.testing.assert_array_equal(got, np.repeat(mask, 7, axis=0))


def test_padding_of_the_source_has_no_influence():
    layer = built(EncoderLayer)
    tokens = np.array([[3, 1, 4, 1, 0, 0, 0]])
    got = support(lambda x: layer(x, attention_mask=padding_mask(tokens)), X)
    np.testing.assert_array_equal(got, (tokens != 0) | np.eye(7, dtype=bool))


def test_keras_masks_do_the_same():
    tokens = np.array([[3, 1, 4, 1, 0, 0, 0], [2, 2, 0, 0, 0, 0, 0]])
    embedding = keras.layers.Embedding(6, 12, mask_zero=True)
    x, encoder, decoder = embedding(tokens), built(EncoderLayer), built(DecoderLayer)
    bare = tf.convert_to_tensor(x.numpy())
    memory = encoder(x)
    want = encoder(bare, attention_mask=padding_mask(tokens))
    np.testing.assert_allclose(memory, want, atol=1e-5)
    np.testing.assert_array_equal(memory._keras_mask, tokens != 0)
    want = decoder(X, want, memory_mask=tokens != 0)
    np.testing.assert_allclose(decoder(X, memory), want, atol=1e-5)


def test_queries_come_from_the_decoder_and_values_from_the_memory():
    """A memory of equal words has no order to look at: weights are uniform."""
    layer = built(DecoderLayer)
    same = np.repeat(MEMORY[:, :1], 5, axis=1)
    _, weights = layer(X, same, return_attention_scores=True)
    np.testing.assert_allclose(weights, np.full((2, 3, 7, 5), 1 / 5), atol=1e-6)
    _, weights = layer(X, MEMORY, memory_mask=MASK, return_attention_scores=True)
    assert not np.asarray(weights)[1, :, :, 3:].any()
    assert np.ptp(weights, axis=2).max() > 0.05  # words look at different places


# Word by word


@pytest.mark.parametrize("norm_first", [False, True])
@pytest.mark.parametrize("cross", [False, True])
def test_word_by_word_equals_the_whole_sentence(norm_first, cross):
    layer = built(DecoderLayer, norm_first=norm_first, cross_attention=cross)
    memory = {"memory_mask": MASK} if cross else {}
    want = layer(X, MEMORY, **memory) if cross else layer(X)

    @tf.function(jit_compile=True)
    def step(x, cache, index):
        return layer(x, cache=cache, cache_index=index, **memory)

    first, cache = layer(
        X[:, :3], cache=layer.start(2, 7, MEMORY), cache_index=0, **memory
    )
    parts = [first]
    for t in range(3, 7):
        y, cache = step(X[:, t : t + 1], cache, tf.constant(t))
        parts.append(y)
    np.testing.assert_allclose(np.concatenate(parts, axis=1), want, atol=1e-4)
    assert step.experimental_get_tracing_count() == 1


def test_weights_and_cache_together():
    layer = built(DecoderLayer, cross_attention=False)
    cache = layer.start(2, 9)
    y, weights, (own, _) = layer(
        X, cache=cache, cache_index=0, return_attention_scores=True
    )
    assert y.shape == X.shape and weights.shape == (2, 3, 7, 9)
    assert own[0].shape == (2, 3, 9, 4)
