import keras
import numpy as np
import pytest
import tensorflow as tf

from course.checks import check_model, count_trainable, noise_weights
from modules.nlp.translation.transformer import Transformer
from modules.nlp.translation.warmup_schedule import WarmupSchedule
from modules.vision.classification.label_smoothing import SmoothedCrossEntropy

RNG = np.random.default_rng(0)
SMALL = {
    "vocabulary_size": 20,
    "num_layers": 2,
    "num_heads": 2,
    "hidden_dim": 8,
    "intermediate_dim": 12,
}
SOURCE = np.array([[4, 7, 19, 3, 11, 0, 0], [5, 6, 8, 9, 10, 12, 13]])
TARGET = np.array([[1, 14, 15, 16, 0], [1, 17, 18, 3, 4]])


def weights(d=8, inner=12, layers=2, vocabulary=20):
    attention, network = 4 * (d**2 + d), 2 * d * inner + inner + d
    return vocabulary * d + layers * (3 * attention + 2 * network + 10 * d)


@pytest.fixture(scope="module")
def model():
    made = Transformer(**SMALL)
    made([SOURCE, TARGET])
    noise_weights(made, seed=0)
    return made


def test_model():
    def make():
        return Transformer(**{**SMALL, "num_layers": 1}, epsilon=1e-3)

    x = SOURCE.astype("int32"), TARGET.astype("int32")
    check_model(make, x, (2, 5, 20), weights(layers=1), training="differs")


def test_pre_ln_ends_both_stacks_in_a_normalization():
    model = Transformer(**SMALL, norm_first=True)
    model([SOURCE, TARGET])
    assert count_trainable(model) == weights() + 2 * 2 * 8
    model.encoder_end.gamma.assign(0 * model.encoder_end.gamma)
    memory = np.asarray(model.encode(SOURCE))
    np.testing.assert_array_equal(memory, np.zeros((2, 7, 8)))  # beta is 0


def test_base_model():
    """6 x (3,152,384 + 4,204,032) and one matrix for 37,000 tokens."""
    model = Transformer()
    model.build([(None, None), (None, None)])
    want = weights(d=512, inner=2048, layers=6, vocabulary=37_000)
    assert count_trainable(model) == want == 63_082_496


def test_big_model_by_formula():
    """The closed form of the test above; the paper says 213 million."""
    want = weights(d=1024, inner=4096, layers=6, vocabulary=37_000)
    assert want == 214_245_376


def test_one_matrix_serves_source_target_and_logits(model):
    matrices = [w for w in model.weights if w.shape == (20, 8)]
    assert len(matrices) == 1
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(model([SOURCE, TARGET[:, :4]])[..., 2] ** 2)
    gradient = tf.convert_to_tensor(tape.gradient(loss, matrices[0].value)).numpy()
    used = {2, *SOURCE.ravel(), *TARGET[:, :4].ravel()} - {0}
    assert set(np.flatnonzero(np.any(gradient != 0, axis=1))) == used


def test_embeddings_are_scaled_by_the_root_of_their_width(model):
    got = np.asarray(model.embed(SOURCE, start_index=2))
    place = np.arange(2, 9)[:, None] / 10_000 ** (np.arange(0, 8, 2) / 8)
    waves = np.stack([np.sin(place), np.cos(place)], axis=-1).reshape(7, 8)
    table = model.embedding.embeddings.numpy()
    np.testing.assert_allclose(got, table[SOURCE] * 8**0.5 + waves, atol=1e-5)


def test_logits_do_not_depend_on_later_words(model):
    before = np.asarray(model([SOURCE, TARGET]))
    for t in range(1, 5):
        changed = TARGET.copy()
        changed[:, t] = 2
        after = np.asarray(model([SOURCE, changed]))
        np.testing.assert_allclose(after[:, :t], before[:, :t], atol=1e-6)
        assert np.abs(after[1, t:] - before[1, t:]).max(axis=-1).min() > 1e-4


def test_padding_changes_nothing(model):
    longer = [np.pad(x, [(0, 0), (0, 3)]) for x in (SOURCE, TARGET)]
    before, after = model([SOURCE, TARGET]), model(longer)
    np.testing.assert_allclose(after[1, :5], before[1], atol=1e-5)
    np.testing.assert_allclose(after[0, :4], before[0, :4], atol=1e-5)
    alone = model([SOURCE[:1, :5], TARGET[:1, :4]])
    np.testing.assert_allclose(alone[0], before[0, :4], atol=1e-5)


def test_order_of_the_source_matters(model):
    before = model([SOURCE, TARGET])
    after = model([SOURCE[:, ::-1].copy(), TARGET])
    assert np.abs(after - before).max() > 0.1


def test_attention_to_the_source(model):
    logits, maps = model([SOURCE, TARGET], return_attention_scores=True)
    np.testing.assert_allclose(logits, model([SOURCE, TARGET]), atol=1e-6)
    assert [m.shape for m in maps] == [(2, 2, 5, 7)] * 2
    for weights in np.asarray(maps):
        np.testing.assert_allclose(weights.sum(axis=-1), np.ones((2, 2, 5)), atol=1e-5)
        assert not weights[0, :, :, 5:].any()


def slowly(model, source, length):
    """Translate without a cache: the whole sentence again for every word."""
    target = np.ones((len(source), 1), int)
    for _ in range(length):
        best = np.argmax(model([source, target])[:, -1], axis=-1)
        target = np.concatenate([target, best[:, None]], axis=1)
    return target[:, 1:]


def ended(words, end):
    """Return words with zeros behind the first end of each row."""
    before = np.cumsum(words == end, axis=1) - (words == end)
    return np.where(before == 0, words, 0)


def test_translate_equals_decoding_without_a_cache():
    """Also after the weights have changed: the compiled loop reads those of today."""
    model = Transformer(**SMALL)
    model([SOURCE, TARGET])
    source = RNG.integers(3, 20, size=(9, 7))
    source[::2, 5:] = 0
    end, padding = None, []
    for seed in (2, 1):
        noise_weights(model, seed, gain=4.0)
        table = model.embedding.embeddings  # small, or each word would repeat itself
        table.assign(table / 5)
        free = slowly(model, source, 9)
        assert len(np.unique(free, axis=0)) > 3  # the sources are told apart
        end = end or int(free[0, 3])  # some word, so that rows end at different places
        want = ended(free, end)
        np.testing.assert_array_equal(model.translate(source, 9, end=end), want)
        padding.append(want == 0)
    assert 0 < np.mean(padding) < 1


def test_steps_equal_the_whole(model):
    want = np.asarray(model([SOURCE, TARGET]))
    got, state = model.step(TARGET[:, :2], model.start(SOURCE, 5), 0)
    parts = [got]
    for t in (2, 3, 4):
        got, state = model.step(TARGET[:, t : t + 1], state, t)
        parts.append(got)
    got = np.concatenate(parts, axis=1)
    np.testing.assert_allclose(got[TARGET > 0], want[TARGET > 0], atol=1e-5)


def test_learns_one_batch():
    keras.utils.set_random_seed(0)
    model = Transformer(**{**SMALL, "num_layers": 1}, rate=0.0)
    optimizer = keras.optimizers.Adam(WarmupSchedule(8, 10), 0.9, 0.98, 1e-9)
    model.compile(optimizer, SmoothedCrossEntropy(0.0, ignore=0), run_eagerly=True)
    y = np.pad(TARGET, [(0, 0), (0, 1)])[:, 1:]
    losses = [model.train_on_batch([SOURCE, TARGET], y) for _ in range(15)]
    assert losses[-1] < 0.3 * losses[0]


# What can go wrong


def test_tokens_outside_the_vocabulary(model):
    for bad in (20, -1):
        source = np.where(SOURCE == 19, bad, SOURCE)
        with pytest.raises(ValueError, match="tokens must be 0 to 19, got"):
            model.translate(source, 5)
    with pytest.raises(tf.errors.InvalidArgumentError, match="not in .0, 20."):
        model([np.where(SOURCE == 19, 20, SOURCE), TARGET])


def test_sources_of_the_wrong_kind(model):
    for source in (SOURCE[0], SOURCE.astype("float32")):
        with pytest.raises(ValueError, match="source must be .B, S. int, got"):
            model.translate(source, 5)


def test_no_room_for_a_word(model):
    with pytest.raises(ValueError, match="a prompt must have 1 to 0 words, got 1"):
        model.translate(SOURCE, 0)


def test_sentences_of_padding_and_empty_sentences(model):
    padding = model([0 * SOURCE, TARGET])
    assert np.isfinite(padding).all()
    empty = model([SOURCE[:, :0], TARGET])
    np.testing.assert_allclose(empty, padding, atol=1e-5)  # nothing is nothing
    assert model.translate(SOURCE[:, :0], 2).shape == (2, 2)
    assert np.isfinite(model([SOURCE, 0 * TARGET])).all()
    assert model([SOURCE, TARGET[:, :0]]).shape == (2, 0, 20)


def test_long_sentences(model):
    source = RNG.integers(3, 20, size=(1, 600))
    assert np.isfinite(model([source, source])).all()


def test_half_precision_with_a_sentence_of_padding():
    model = Transformer(**SMALL, dtype="mixed_float16")
    y = model([SOURCE * [[0], [1]], TARGET])
    assert y.dtype == "float16" and np.isfinite(y).all()


def test_heads_must_divide_the_width():
    with pytest.raises(ValueError, match="num_heads must divide .*, got 8 and 3"):
        Transformer(**{**SMALL, "num_heads": 3})([SOURCE, TARGET])
