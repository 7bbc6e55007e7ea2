import keras
import numpy as np
import pytest
import tensorflow as tf

from course.checks import check_model, noise_weights
from modules.nlp.text.bilstm_crf import BiLSTMCRF

TOKENS = np.array([[4, 7, 3, 0], [5, 6, 8, 19]], "int32")
TAGS = np.array([[0, 1, 2, -1], [2, 0, 1, 1]], "int32")
SIZES = {"vocabulary_size": 20, "num_tags": 3, "units": 4, "embedding_dim": 5}
LSTM = 4 * (5 * 4 + 4 * 4 + 4)
OTHERS = 20 * 5 + 2 * LSTM + (2 * 4 * 4 + 4) + (4 * 3 + 3)


def make(**more):
    return BiLSTMCRF(**SIZES, **more)


@pytest.fixture(scope="module")
def model():
    model = make(rate=0.0)
    model(TOKENS)
    noise_weights(model, seed=0, gain=2)
    model._tag = model._best  # compiling each shape takes a second
    return model


def test_model_without_crf():
    weights = {"weights": OTHERS, "non_trainable": 3 * 3 + 2 * 3}
    check_model(
        lambda: make(crf=False), TOKENS, (2, 4, 3), **weights, training="differs"
    )


def test_weights_saving_and_compiling_with_crf(model, tmp_path):
    assert model.count_params() == OTHERS + 3 * 3 + 2 * 3
    assert len(model.trainable_weights) == len(model.weights)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(loaded(TOKENS), model(TOKENS), atol=1e-6)
    np.testing.assert_array_equal(loaded.tag(TOKENS), model.tag(TOKENS))
    one, two = (m.compute_loss(TOKENS, TAGS, m(TOKENS)) for m in (model, loaded))
    assert float(one) == pytest.approx(float(two), rel=1e-6)


def test_emissions_are_a_network_of_keras(model):
    """The same weights in keras.layers give the same emissions."""
    x = keras.Input((None,), dtype="int32")
    table = keras.layers.Embedding(20, 5, mask_zero=True)
    lstm = keras.layers.Bidirectional(keras.layers.LSTM(4, return_sequences=True))
    y = keras.layers.Dense(4, "tanh")(lstm(table(x)))
    theirs = keras.Model(x, keras.layers.Dense(3)(y))
    theirs.set_weights(model.get_weights()[:-3])
    got, want = np.asarray(model(TOKENS)), np.asarray(theirs(TOKENS))
    np.testing.assert_allclose(got[TOKENS > 0], want[TOKENS > 0], atol=1e-5)


def test_loss_is_the_mean_over_sentences(model):
    p, mask = model(TOKENS), TOKENS != 0
    want = -np.asarray(model.crf(p, TAGS, mask=mask))
    got = model.compute_loss(TOKENS, TAGS, p)
    assert float(got) == pytest.approx(want.mean(), rel=1e-5)
    weights = np.array([3.0, 0.5], "float32")
    got = model.compute_loss(TOKENS, TAGS, p, sample_weight=weights)
    assert float(got) == pytest.approx((want * weights).mean(), rel=1e-5)


def test_without_crf_the_loss_is_cross_entropy_and_the_tag_the_largest():
    model = make(crf=False, rate=0.0)
    model(TOKENS)
    model.emissions.kernel.assign(3 * model.emissions.kernel)
    p, mask = np.asarray(model(TOKENS)), TOKENS != 0
    each = keras.losses.sparse_categorical_crossentropy(
        np.maximum(TAGS, 0), p, from_logits=True
    )
    want = (np.asarray(each) * mask).sum(axis=1).mean()
    got = model.compute_loss(TOKENS, TAGS, p)
    assert float(got) == pytest.approx(want, rel=1e-5)
    np.testing.assert_array_equal(model.tag(TOKENS), p.argmax(axis=-1) * mask)


def test_padding_changes_nothing(model):
    longer = np.pad(TOKENS, [(0, 0), (0, 2)])
    more = np.pad(TAGS, [(0, 0), (0, 2)], constant_values=99)
    before, after = model(TOKENS), model(longer)
    np.testing.assert_allclose(np.asarray(after)[:, :3], before[:, :3], atol=1e-5)
    losses = [
        model.compute_loss(*args)
        for args in ((TOKENS, TAGS, before), (longer, more, after))
    ]
    assert float(losses[0]) == pytest.approx(float(losses[1]), rel=1e-5)
    tags = model.tag(longer)
    np.testing.assert_array_equal(tags[:, :4], model.tag(TOKENS))
    assert not tags[:, 4:].any()


def test_empty_sentences_and_sentences_of_one_word(model):
    tokens = np.array([[0, 0, 0], [7, 0, 0]], "int32")
    tags = np.array([[-1, -1, -1], [2, -1, -1]])
    loss = model.compute_loss(tokens, tags, model(tokens))
    alone = model.compute_loss(tokens[1:, :1], tags[1:, :1], model(tokens[1:, :1]))
    assert float(loss) == pytest.approx(
        float(alone) / 2, rel=1e-5
    )  # the empty one is 0
    assert not model.tag(tokens)[0].any()
    np.testing.assert_array_equal(model.tag(tokens)[1:, :1], model.tag([[7]]))
    assert model.tag(tokens[:0]).shape == (0, 3)
    with pytest.raises(ValueError, match=r"a word or padding in them, got \(B, 0\)"):
        model.tag(tokens[:, :0])


def test_rows_of_padding_have_no_loss_and_no_gradient(model):
    tokens, tags = np.zeros((2, 2), "int32"), np.full((2, 2), -1)
    with tf.GradientTape() as tape:
        loss = model.compute_loss(tokens, tags, model(tokens))
    assert float(loss) == 0
    for slope in tape.gradient(loss, [w.value for w in model.trainable_weights]):
        assert slope is None or not np.any(tf.convert_to_tensor(slope))


@pytest.mark.parametrize(
    "tokens, tags, message",
    [
        (TOKENS, TAGS + 1, "tags must be 0 to 2, got 1 to 3"),
        (TOKENS, np.where(TOKENS == 6, -1, TAGS), "tags must be 0 to 2, got -1 to 2"),
        (TOKENS + 1, TAGS, "tokens must be 0 to 19, got 1 to 20"),
        (-TOKENS, TAGS, "tokens must be 0 to 19, got -19 to 0"),
    ],
)
def test_fit_refuses(tokens, tags, message, model):
    with pytest.raises(ValueError, match=message):
        model.fit(tokens, tags)


def test_tag_refuses_unknown_tokens(model):
    with pytest.raises(ValueError, match="tokens must be 0 to 19, got 20 to 20"):
        model.tag([[20]])


def test_learns_what_only_the_tag_before_tells():
    """Tag 2 stands after tag 1 and nowhere else, behind words that all look alike."""
    keras.utils.set_random_seed(0)
    tokens = np.tile([3, 4, 4, 3], (4, 1))
    tags = np.tile([1, 2, 0, 1], (4, 1))
    model = make(rate=0.0)
    model.compile(keras.optimizers.Adam(0.2), run_eagerly=True)
    loss = model.fit(tokens, tags, epochs=6, verbose=0).history["loss"]
    assert loss[-1] < 0.3 * loss[0]
    np.testing.assert_array_equal(model.tag(tokens[:2]), tags[:2])
    a = np.asarray(model.crf.transitions)
    assert a[1, 2] == a[1].max() == a[:, 2].max()
