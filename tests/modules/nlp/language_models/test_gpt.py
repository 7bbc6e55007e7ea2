import keras
import numpy as np
import pytest
import tensorflow as tf

from course.checks import (
    assert_close_relative,
    check_model,
    count_trainable,
    noise_weights,
)
from modules.nlp.language_models.gelu import gelu_exact
from modules.nlp.language_models.gpt import GPT

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


def weights(d, inner, layers, vocabulary, positions, last=True):
    block = 4 * (d * d + d) + 2 * d * inner + inner + d + 4 * d
    return (vocabulary + positions) * d + layers * block + 2 * d * last


def built(seed=0, gain=1.0, **options):
    model = GPT(**{**SMALL, **options})
    model(TOKENS)
    noise_weights(model, seed, gain)
    return model


def test_model():
    def make():
        return GPT(**{**SMALL, "num_layers": 1}, epsilon=1e-3)

    want = weights(12, 20, 1, 23, 12)
    check_model(make, TOKENS, (3, 8, 23), want, training="differs")


@pytest.fixture
def quick(monkeypatch):
    """First weights of 0: drawing a hundred million numbers takes seconds."""
    kind = keras.initializers.TruncatedNormal
    zeros = lambda self, shape, dtype=None: keras.ops.zeros(shape, dtype)  # noqa: E731
    monkeypatch.setattr(kind, "__call__", zeros)


def test_counts(quick):
    """The closed form of the full sizes; that of GPT-2's smallest is also built."""
    gpt2 = [(768, 12), (1024, 24), (1280, 36), (1600, 48)]
    counts = [124_439_808, 354_823_168, 774_030_080, 1_557_611_200]
    for (d, layers), count in zip(gpt2, counts, strict=True):
        assert weights(d, 4 * d, layers, 50_257, 1024) == count
    assert weights(768, 3072, 12, 40_478, 512, last=False) == 116_534_784  # GPT-1
    small = built(norm_first=False)
    assert count_trainable(small) == weights(12, 20, 2, 23, 12, last=False)
    model = GPT()
    model.build((None, None))
    assert count_trainable(model) == 124_439_808


def pairs(ours, theirs):
    """Yield (layer of ours, layer of theirs) of two GPT-2."""
    yield ours.embedding, theirs.token_embedding
    yield ours.positions, theirs.position_embedding
    for mine, other in zip(ours.blocks, theirs.transformer_layers, strict=True):
        a, b = mine.self_attention, other._self_attention_layer
        for name in ("query", "key", "value", "output"):
            yield getattr(a, f"{name}_dense"), getattr(b, f"_{name}_dense")
        yield mine.self_attention_norm, other._self_attention_layer_norm
        yield mine.expand, other._feedforward_intermediate_dense
        yield mine.reduce, other._feedforward_output_dense
        yield mine.feed_forward_norm, other._feedforward_layer_norm
    yield ours.end, theirs.layer_norm


@pytest.fixture(scope="module")
def hub():
    """A small GPT-2 of keras-hub with the noise weights of ours."""
    hub = pytest.importorskip("keras_hub")
    sizes = {**SMALL, "max_sequence_length": SMALL["max_length"]}
    del sizes["max_length"]
    theirs = hub.models.GPT2Backbone(**sizes)
    for mine, other in pairs(built(), theirs):
        values = zip(mine.weights, other.weights, strict=True)
        other.set_weights([w.numpy().reshape(v.shape) for w, v in values])
    return theirs


def features_of(theirs):
    return np.asarray(theirs({"token_ids": TOKENS, "padding_mask": REAL}))


def test_equals_keras_hub(hub):
    model, want = built(), features_of(hub)
    got = np.asarray(model.features(TOKENS))
    assert_close_relative(got[REAL], want[REAL], 1e-4)
    logits = np.asarray(hub.token_embedding(want, reverse=True))
    assert_close_relative(np.asarray(model(TOKENS))[REAL], logits[REAL], 1e-4)
    assert count_trainable(hub) == count_trainable(model)


@pytest.mark.parametrize("wrong", [{"epsilon": 1e-3}, {"activation": gelu_exact}])
def test_a_wrong_epsilon_or_gelu_shows(hub, wrong):
    got = np.asarray(built(**wrong).features(TOKENS))
    with pytest.raises(AssertionError, match="relative error"):
        assert_close_relative(got[REAL], features_of(hub)[REAL], 1e-4)


def support(model, x, reads):
    """Return which embedded words each place's result gets a gradient from: (T, T)."""
    with tf.GradientTape(persistent=True) as tape:
        y = reads(model)
        noise = np.random.default_rng(0).normal(size=y.shape)
        each = [tf.reduce_sum(y[:, t] * noise[:, t]) for t in range(y.shape[1])]
    slopes = [keras.ops.convert_to_numpy(tape.gradient(s, x)) for s in each]
    return np.any(np.array(slopes) != 0, axis=(1, 3))


@pytest.mark.parametrize("norm_first", [True, False])
def test_no_word_sees_the_future_nor_padding(norm_first):
    model = built(norm_first=norm_first)
    x = tf.Variable(model.embed(TOKENS[1:2]))
    model.embed = lambda tokens: x
    got = support(model, x, lambda model: model(TOKENS[1:2]))
    sees = np.tril(np.ones((8, 8), bool)) & REAL[1]
    np.testing.assert_array_equal(got, sees | np.eye(8, dtype=bool))


def test_padding_changes_nothing():
    model = built()
    want = np.asarray(model(TOKENS[1:2, :5]))
    np.testing.assert_allclose(model(TOKENS)[1:2, :5], want, atol=1e-5)
    nothing = np.asarray(model(np.zeros((2, 8), "int32")))
    assert np.isfinite(nothing).all()
    real = built(padding=None)  # token 0 is a word like any other
    assert np.abs(np.asarray(real(0 * TOKENS)) - nothing[:1]).max() > 0.01


def test_first_weights():
    """0.02, and 0.02 / sqrt(2 N) where branches end: their sum does not grow."""
    model = GPT(97, 64, num_layers=8, num_heads=2, hidden_dim=64)
    model.build((None, None))
    block = model.blocks[3]
    for layer in (block.expand, block.self_attention.query_dense):
        assert np.std(layer.kernel) == pytest.approx(0.02 * 0.88, rel=0.05)
    for layer in (block.reduce, block.self_attention.output_dense):
        assert np.std(layer.kernel) == pytest.approx(0.02 * 0.88 / 4, rel=0.05)
    one = GPT(97, 64, num_layers=1, num_heads=2, hidden_dim=64, norm_first=False)
    one.build((None, None))
    assert np.std(one.blocks[0].reduce.kernel) == pytest.approx(0.0176, rel=0.05)


def test_generates_what_it_reads_as_likeliest():
    """With a cache and prompts of two lengths, against whole texts without a cache."""
    model = built(gain=4.0, num_layers=1)
    model.embedding.embeddings.assign(model.embedding.embeddings / 4)
    rows = np.array([[3, 7, 9], [5, 0, 0]])
    got = model.generate(rows, 12)
    for row, words in zip(got, ([3, 7, 9], [5]), strict=True):
        logits = np.asarray(model(row[None, :-1]))[0]
        want = logits.argmax(axis=1)[len(words) - 1 :]
        np.testing.assert_array_equal(row[: len(words)], words)
        np.testing.assert_array_equal(row[len(words) :], want)
        assert len(set(row)) > 3 and 0 not in row


def test_learns_one_batch_by_heart():
    keras.utils.set_random_seed(0)
    model = GPT(**{**SMALL, "num_layers": 1}, rate=0.0)
    model.compile(keras.optimizers.Adam(0.02), jit_compile=False)
    many = np.tile(TOKENS, (25, 1))
    found = model.fit(many, batch_size=3, epochs=2, shuffle=False, verbose=0).history
    assert found["perplexity"][-1] < 1.5 and found["loss"][-1] < 0.4
    assert np.exp(found["loss"][-1]) == pytest.approx(found["perplexity"][-1], rel=0.1)


def test_bad_input():
    model = built()
    with pytest.raises(
        ValueError, match="there are 12 positions, got a sentence of 13"
    ):
        model(np.ones((1, 13), "int32"))
    with pytest.raises(ValueError, match="there are 12 positions, got a text of 13"):
        model.generate([[1, 2]], 13)
    with pytest.raises(ValueError, match="tokens must be 0 to 22, got 1 to 23"):
        model.generate([[1, 23]], 9)
    with pytest.raises(ValueError, match="num_heads must divide the channels"):
        GPT(**{**SMALL, "num_heads": 5})(TOKENS)
