import keras
import numpy as np
import pytest
import tensorflow as tf

from course.checks import check_model, noise_weights
from modules.nlp.translation.encoder_decoder import EncoderDecoder
from modules.nlp.translation.translator import teacher_forcing
from modules.vision.classification.label_smoothing import SmoothedCrossEntropy

SOURCE = np.array([[4, 7, 19, 3, 11, 0, 0], [5, 6, 8, 9, 10, 12, 13]], "int32")
TARGET = np.array([[1, 14, 15, 16, 0], [1, 17, 18, 3, 4]], "int32")
SIZES = {"vocabulary_size": 20, "units": 6, "embedding_dim": 5}
KINDS = {
    "fixed": {},
    "additive": {"attention": "additive"},
    "general": {"attention": "general", "bidirectional": True},
    "feeding": {"attention": "concat", "input_feeding": True},
    "dot": {"attention": "dot"},
}


def gru(inputs, units=6):
    return 3 * (inputs * units + units * units + units)


def dense(inputs, units=6):
    return inputs * units + units


def size(name):
    """Return the number of weights, added up by hand."""
    ways = 2 if name in ("additive", "general") else 1
    memory, rest = 6 * ways, 2 * 20 * 5 + ways * gru(5) + dense(6 * ways) + dense(6, 20)
    return (
        rest
        + {
            "fixed": gru(5 + memory) + dense(6 + 5 + memory),
            "additive": gru(5 + memory)
            + dense(6 + 5 + memory)
            + 6 * 6
            + memory * 6
            + 6,
            "general": gru(5) + dense(6 + memory) + 6 * memory,
            "feeding": gru(5 + 6) + dense(6 + memory) + 6 * 6 + memory * 6 + 6,
            "dot": gru(5) + dense(6 + memory),
        }[name]
    )


@pytest.fixture(scope="module")
def models():
    made = {name: EncoderDecoder(**SIZES, **kind) for name, kind in KINDS.items()}
    for model in made.values():
        model([SOURCE, TARGET])
        noise_weights(model, seed=0, gain=2)
    return made


@pytest.fixture(params=KINDS)
def model(request, models):
    return models[request.param]


@pytest.mark.parametrize("name", ["fixed", "additive", "feeding"])
def test_model(name):
    def make():
        return EncoderDecoder(**SIZES, **KINDS[name])

    check_model(make, (SOURCE, TARGET), (2, 5, 20), size(name))


@pytest.mark.parametrize("name", KINDS)
def test_weights_are_those_of_the_equations(models, name):
    assert models[name].count_params() == size(name)


def slopes(model, source, t):
    """Return the size of d(logits at t) / d(embedding of each word read, written)."""
    inner = []
    kept = {}
    for layer in (model.source_embedding, model.target_embedding):
        kept[layer] = layer.call

        def call(tokens, of=layer):
            inner.append(kept[of](tokens) + 0)
            tape.watch(inner[-1])
            return inner[-1]

        layer.call = call
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(model([source, TARGET])[:, t] ** 2)
    found = [np.abs(g.numpy()).sum(axis=2) for g in tape.gradient(loss, inner)]
    for layer, call in kept.items():
        layer.call = call
    return found


def test_gradients_reach_no_padding_and_no_future(model):
    for t in (0, 2):
        read, written = slopes(model, SOURCE, t)
        assert read[SOURCE > 0].all() and not read[SOURCE == 0].any()
        assert written[:, : t + 1].all() and not written[:, t + 1 :].any()


def test_padding_changes_nothing(model):
    longer = [np.pad(x, [(0, 0), (0, 3)]) for x in (SOURCE, TARGET)]
    before, after = model([SOURCE, TARGET]), model(longer)
    np.testing.assert_allclose(after[:, :5], before, atol=1e-5)
    alone = model([SOURCE[:1, :5], TARGET[:1]])
    np.testing.assert_allclose(alone, before[:1], atol=1e-5)


def test_nothing_but_padding_is_finite(model):
    empty = np.concatenate([0 * SOURCE[:1], SOURCE[1:]])
    logits, weights = model([empty, TARGET], return_attention_scores=True)
    assert np.isfinite(logits).all() and not np.any(weights[0])
    np.testing.assert_allclose(logits[1], model([SOURCE, TARGET])[1], atol=1e-5)


def test_translating_nothing_but_padding_goes_on_to_the_last_word(models):
    empty = np.concatenate([0 * SOURCE[:1], SOURCE[1:]])
    search = {"start": 1, "end": 99, "beams": 2, "beta": 0.2}
    got = np.asarray(models["additive"].write(empty, 3, **search))
    alone = np.asarray(models["additive"].write(SOURCE[1:], 3, **search))
    np.testing.assert_array_equal(got[1:], alone)
    assert ((got >= 0) & (got < 20)).all()


def test_weights_sum_to_one_and_skip_padding(models):
    for name, model in models.items():
        _, weights = model([SOURCE, TARGET], return_attention_scores=True)
        weights = np.asarray(weights)
        assert weights.shape == (2, 5, 7)
        assert not weights[np.broadcast_to((SOURCE == 0)[:, None], weights.shape)].any()
        want = 0 if name == "fixed" else 1
        np.testing.assert_allclose(weights.sum(axis=-1), want, atol=1e-5)
        if want:
            assert np.abs(np.diff(weights, axis=1)).max() > 0.01  # it looks elsewhere


def test_attention_is_another_context_for_each_word(models):
    """With one vector, all that a long sentence says goes through the last state."""
    source = SOURCE[1:]
    for name in ("fixed", "dot"):
        model = models[name]
        keys, annotations, mask, last = model.start(source)[0]
        changed = np.asarray(annotations) + 0
        changed[:, 2] += 1
        states = model.start(source)[1]
        y = model.target_embedding(TARGET[1:])
        seen = (keys, annotations, mask, last), (changed, changed, mask, last)
        a, b = (np.asarray(model.decoder(y, s, states)[0]) for s in seen)
        assert (name == "fixed") == np.allclose(a, b)


def test_reading_backwards_ends_at_the_first_word(models):
    annotations, last = map(np.asarray, models["additive"].encode(SOURCE))
    np.testing.assert_allclose(last[:, 6:], annotations[:, 0, 6:], atol=1e-6)
    np.testing.assert_allclose(last[0, :6], annotations[0, 4, :6], atol=1e-6)
    np.testing.assert_allclose(last[1, :6], annotations[1, 6, :6], atol=1e-6)


def test_word_by_word_equals_all_at_once(model):
    want, weights = model([SOURCE, TARGET], return_attention_scores=True)
    state, found = model.start(SOURCE), []
    for t in range(5):
        logits, state = model.step(TARGET[:, t : t + 1], state, t)
        found.append(logits)
    np.testing.assert_allclose(np.concatenate(found, axis=1), want, atol=1e-5)
    got, attention = np.asarray(model.attention(state)), np.sum(weights, axis=1)
    np.testing.assert_allclose(got[SOURCE > 0], attention[SOURCE > 0], atol=1e-5)
    assert (got[SOURCE == 0] == 1).all()


def test_greedy_takes_the_best_word_each_time(models):
    model = models["additive"]
    got = model.write(SOURCE, 4, start=1, end=99)
    written = np.full((2, 1), 1)
    for _ in range(4):
        best = np.argmax(model([SOURCE, written])[:, -1], axis=-1)
        written = np.concatenate([written, best[:, None]], axis=1)
    np.testing.assert_array_equal(got, written[:, 1:])
    np.testing.assert_array_equal(model.write(SOURCE, 4, 1, 99, beams=1), got)


def test_learns_to_reverse():
    """Loss and shift fit together: after training it reverses what it has learned."""
    keras.utils.set_random_seed(0)
    rng = np.random.default_rng(0)
    words = rng.integers(3, 8, size=(16, 3))
    target = np.pad(words[:, ::-1], [(0, 0), (0, 1)], constant_values=2)
    model = EncoderDecoder(8, units=24, embedding_dim=8, attention="general")
    loss = SmoothedCrossEntropy(0.0, ignore=0)
    model.compile(keras.optimizers.Adam(0.02), loss, jit_compile=False)
    many = [np.tile(a, (30, 1)) for a in (words, teacher_forcing(target), target)]
    loss = model.fit(many[:2], many[2], 16, epochs=2, verbose=0).history["loss"]
    assert loss[-1] < 0.3 < 0.5 < loss[0]
    got = model.write(words, 4, start=1, end=2)
    assert (np.asarray(got) == target).all(axis=1).mean() > 0.9


@pytest.mark.parametrize(
    "bad, message",
    [
        ({"attention": "bahdanau"}, "attention must be one of .* got 'bahdanau'"),
        ({"attention": "additive", "input_feeding": True}, "has no input feeding"),
        ({"input_feeding": True}, "attention None has no input feeding"),
    ],
)
def test_rejects(bad, message):
    with pytest.raises(ValueError, match=message):
        EncoderDecoder(20, **bad)


def test_dot_refuses_annotations_that_are_twice_as_wide():
    model = EncoderDecoder(**SIZES, attention="dot", bidirectional=True)
    with pytest.raises(ValueError, match=r"needs equal widths, got \(6, 12\)"):
        model([SOURCE, TARGET])


def test_sentences_without_a_place_are_refused(models):
    none = SOURCE[:, :0]
    with pytest.raises(ValueError, match="source must have a word or padding"):
        models["fixed"]([none, TARGET])
    with pytest.raises(ValueError, match="target must have a word or padding"):
        models["additive"]([SOURCE, none])
    assert models["fixed"].translate(SOURCE[:0], 4).shape == (0, 4)
