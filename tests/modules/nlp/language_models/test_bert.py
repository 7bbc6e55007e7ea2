import inspect

import keras
import numpy as np
import pytest
import tensorflow as tf

from course.checks import (
    assert_close_relative,
    count_trainable,
    noise_weights,
)
from modules.nlp.language_models.bert import Bert
from modules.nlp.language_models.gelu import gelu_exact

RNG = np.random.default_rng(0)
SMALL = {
    "vocabulary_size": 23,
    "max_length": 12,
    "num_layers": 2,
    "num_heads": 3,
    "hidden_dim": 12,
    "intermediate_dim": 20,
}
TOKENS = RNG.integers(1, 23, size=(3, 8)).astype("int32")
TOKENS[1, 5:] = 0
REAL = TOKENS > 0
SEGMENTS = np.broadcast_to(np.arange(8) > 3, (3, 8)).astype("int32") * REAL


def weights(d, inner, layers, vocabulary, positions):
    block = 4 * (d * d + d) + 2 * d * inner + inner + d + 4 * d
    return (vocabulary + positions + 2) * d + 2 * d + layers * block + d * d + d


def built(**options):
    model = Bert(**{**SMALL, **options})
    model([TOKENS, SEGMENTS])
    noise_weights(model, seed=0)
    return model


def test_config():
    """The common examination is that of BertPretraining, which holds a Bert."""
    config = built(activation="relu", num_segments=3).get_config()
    assert {*inspect.signature(Bert.__init__).parameters} <= {*config, "self", "kwargs"}
    assert Bert.from_config(config).get_config() == config


@pytest.fixture
def quick(monkeypatch):
    """First weights of 0: drawing a hundred million numbers takes seconds."""
    kind = keras.initializers.TruncatedNormal
    zeros = lambda self, shape, dtype=None: keras.ops.zeros(shape, dtype)  # noqa: E731
    monkeypatch.setattr(kind, "__call__", zeros)


def test_counts(quick):
    assert weights(1024, 4096, 24, 30_522, 512) == 335_141_888  # large
    model = Bert()
    model.build()
    got = count_trainable(model)
    assert got == weights(768, 3072, 12, 30_522, 512) == 109_482_240


def pairs(ours, theirs):
    """Yield (layer of ours, layer of theirs) of two BERTs."""
    yield ours.embedding, theirs.token_embedding
    yield ours.positions, theirs.position_embedding
    yield ours.segments, theirs.segment_embedding
    yield ours.norm, theirs.embeddings_layer_norm
    for mine, other in zip(ours.blocks, theirs.transformer_layers, strict=True):
        a, b = mine.self_attention, other._self_attention_layer
        for name in ("query", "key", "value", "output"):
            yield getattr(a, f"{name}_dense"), getattr(b, f"_{name}_dense")
        yield mine.self_attention_norm, other._self_attention_layer_norm
        yield mine.expand, other._feedforward_intermediate_dense
        yield mine.reduce, other._feedforward_output_dense
        yield mine.feed_forward_norm, other._feedforward_layer_norm
    yield ours.pooler, theirs.pooled_dense


@pytest.fixture(scope="module")
def hub():
    """A small BERT of keras-hub with the noise weights of ours."""
    hub = pytest.importorskip("keras_hub")
    sizes = {**SMALL, "max_sequence_length": SMALL["max_length"]}
    del sizes["max_length"]
    theirs = hub.models.BertBackbone(**sizes)
    for mine, other in pairs(built(), theirs):
        values = zip(mine.weights, other.weights, strict=True)
        other.set_weights([w.numpy().reshape(v.shape) for w, v in values])
    return theirs


def outputs_of(theirs):
    found = theirs({"token_ids": TOKENS, "segment_ids": SEGMENTS, "padding_mask": REAL})
    return [np.asarray(found[k]) for k in ("sequence_output", "pooled_output")]


def test_equals_keras_hub(hub):
    every, pooled = (np.asarray(y) for y in built()([TOKENS, SEGMENTS]))
    want, pooled_want = outputs_of(hub)
    assert_close_relative(every[REAL], want[REAL], 1e-4)
    assert_close_relative(pooled, pooled_want, 1e-4)
    assert count_trainable(hub) == weights(12, 20, 2, 23, 12)


@pytest.mark.parametrize("wrong", [{"epsilon": 1e-3}, {"activation": gelu_exact}])
def test_a_wrong_epsilon_or_gelu_shows(hub, wrong):
    got = np.asarray(built(**wrong)([TOKENS, SEGMENTS])[0])
    with pytest.raises(AssertionError, match="relative error"):
        assert_close_relative(got[REAL], outputs_of(hub)[0][REAL], 1e-4)


def support(model, x, reads):
    """Return which embedded words each place's result gets a gradient from: (T, T)."""
    with tf.GradientTape(persistent=True) as tape:
        y = reads(model)
        noise = np.random.default_rng(0).normal(size=y.shape)
        each = [tf.reduce_sum(y[:, t] * noise[:, t]) for t in range(y.shape[1])]
    slopes = [keras.ops.convert_to_numpy(tape.gradient(s, x)) for s in each]
    return np.any(np.array(slopes) != 0, axis=(1, 3))


def test_every_word_sees_all_words_and_no_padding():
    """A padded place sees itself, and nobody looks at it."""
    model, inputs = built(), [TOKENS[1:2], SEGMENTS[1:2]]
    x = tf.Variable(model.embed(*inputs))
    model.embed = lambda tokens, segments: x
    got = support(model, x, lambda model: model(inputs)[0])
    np.testing.assert_array_equal(got, REAL[1] | np.eye(8, dtype=bool))
    pooled = support(model, x, lambda model: model(inputs)[1][:, None])
    np.testing.assert_array_equal(pooled, REAL[1:2])


def test_padding_changes_nothing():
    model = built()
    want = model([TOKENS[1:2, :5], SEGMENTS[1:2, :5]])
    got = model([TOKENS, SEGMENTS])
    np.testing.assert_allclose(got[0][1:2, :5], want[0], atol=1e-5)
    np.testing.assert_allclose(got[1][1:2], want[1], atol=1e-5)
    for y in model([0 * TOKENS, 0 * SEGMENTS]):
        assert np.isfinite(y).all()


def test_places_and_segments_matter():
    model = built()
    before = np.asarray(model([TOKENS[:1], SEGMENTS[:1]])[1])
    for tokens, segments in [
        (TOKENS[:1, ::-1].copy(), SEGMENTS[:1]),
        (TOKENS[:1], 1 - SEGMENTS[:1]),
    ]:
        assert np.abs(np.asarray(model([tokens, segments])[1]) - before).max() > 0.01


def test_bad_input():
    long = np.ones((1, 13), "int32")
    with pytest.raises(
        ValueError, match="there are 12 positions, got a sentence of 13"
    ):
        built()([long, 0 * long])
    with pytest.raises(ValueError, match="num_heads must divide the channels"):
        Bert(**{**SMALL, "num_heads": 5}).build()
