import keras
import numpy as np
import pytest
import tensorflow as tf

from course.checks import assert_close_relative, check_model, noise_weights
from modules.nlp.language_models.bert import Bert
from modules.nlp.language_models.bert_pretraining import BertPretraining

RNG = np.random.default_rng(0)
SIZES = {"num_layers": 1, "num_heads": 2, "hidden_dim": 8, "intermediate_dim": 12}
TOKENS = RNG.integers(1, 13, size=(3, 7)).astype("int32")
TOKENS[1, 4:] = 0
SEGMENTS = np.zeros_like(TOKENS)
X = [TOKENS, SEGMENTS]
LABELS = np.where(RNG.random(TOKENS.shape) < 0.4, TOKENS, 0)
IS_NEXT = np.array([1, 0, 1])


def made(**options):
    return BertPretraining(Bert(13, 9, **SIZES, epsilon=1e-3, **options))


@pytest.fixture
def model():
    model = made(rate=0.0)
    model(X)
    noise_weights(model, seed=0)
    return model


def test_model():
    attention, network = 4 * (64 + 8), 2 * 8 * 12 + 12 + 8
    bert = (13 + 9 + 2) * 8 + 16 + attention + network + 4 * 8 + 72
    heads = 72 + 16 + 13 + 9  # no second matrix: the embeddings serve as one
    shapes = [(3, 7, 13), (3, 1)]
    check_model(made, tuple(X), shapes, bert + heads, training="differs")


def test_the_head_equals_that_of_keras_hub(model):
    hub = pytest.importorskip("keras_hub")
    theirs = hub.layers.MaskedLMHead(
        vocabulary_size=13,
        token_embedding=model.bert.embedding,
        intermediate_activation=model.bert.activation,
        layer_norm_epsilon=1e-3,
    )
    x, _ = model.bert(X)
    places = np.array([[0, 2], [1, 3], [6, 4]])
    theirs(x, mask_positions=places)
    theirs._intermediate_dense.set_weights(model.transform.get_weights())
    theirs._intermediate_layer_norm.set_weights(model.norm.get_weights())
    theirs._bias.assign(model.bias)
    got = np.take_along_axis(np.asarray(model(X)[0]), places[..., None], axis=1)
    assert_close_relative(got, theirs(x, mask_positions=places), 1e-4)


def ce(logits, labels):
    z = np.asarray(logits, "float64")
    z = z - np.log(np.exp(z).sum(axis=-1, keepdims=True))
    return -np.take_along_axis(z, labels[..., None], axis=-1)[..., 0]


def test_the_loss_is_the_sum_of_two_means(model):
    words, follows = model(X)
    first = ce(words, LABELS)[LABELS > 0].mean()
    sign = 1 - 2 * IS_NEXT
    second = np.log1p(np.exp(sign * np.asarray(follows)[:, 0])).mean()
    loss = float(model.compute_loss(X, LABELS, [words, follows]))
    assert loss == pytest.approx(first, rel=1e-5)
    for is_next in (IS_NEXT, IS_NEXT[:, None].astype("float32")):
        loss = float(model.compute_loss(X, [LABELS, is_next], [words, follows]))
        assert loss == pytest.approx(first + second, rel=1e-5)


def test_only_selected_words_teach(model):
    words = tf.constant(model(X)[0])
    with tf.GradientTape() as tape:
        tape.watch(words)
        loss = model.compute_loss(X, LABELS, [words, tf.zeros((3, 1))])
    slopes = keras.ops.convert_to_numpy(tape.gradient(loss, words))
    np.testing.assert_array_equal(np.any(slopes != 0, axis=-1), LABELS > 0)


def test_without_pairs_every_weight_still_has_a_gradient(model):
    with tf.GradientTape() as tape:
        loss = model.compute_loss(X, LABELS, model(X))
    weights = [w.value for w in model.trainable_weights]
    slopes = tape.gradient(loss, weights)
    assert all(slope is not None for slope in slopes)


def test_nothing_selected_and_nothing_but_padding(model):
    loss = model.compute_loss(X, 0 * LABELS, model(X))
    assert float(loss) == 0
    nothing = [0 * TOKENS, SEGMENTS]
    loss = model.compute_loss(nothing, [0 * LABELS, IS_NEXT], model(nothing))
    assert np.isfinite(float(loss))


def test_two_logits_or_one():
    """A softmax over two logits depends on their difference alone."""
    z = np.array([[0.3, 1.7], [2.0, -1.0]])
    difference = z[:, 1] - z[:, 0]
    np.testing.assert_allclose(
        ce(z, np.array([1, 1])), np.log1p(np.exp(-difference)), rtol=1e-6
    )


def test_learns():
    keras.utils.set_random_seed(0)
    model, y = made(rate=0.0), [LABELS, IS_NEXT]
    model.compile(keras.optimizers.Adam(0.03), jit_compile=False)
    x, y = keras.tree.map_structure(lambda a: np.repeat(a[None], 20, 0), (X, y))
    x, y = keras.tree.map_structure(lambda a: a.reshape(-1, *a.shape[2:]), (x, y))
    found = model.fit(x, y, 3, epochs=2, shuffle=False, verbose=0).history
    assert found["word_accuracy"][-1] > 0.9 > found["word_accuracy"][0]
    assert found["next_accuracy"][-1] == 1 and found["next_loss"][-1] < 0.2


def test_bad_input(model):
    model.compile("sgd")
    long = np.ones((2, 10), int)
    for wrong, message in [
        ([TOKENS + 1, SEGMENTS], "tokens must be 0 to 12, got"),
        ([TOKENS, SEGMENTS + 2], "tokens must be 0 to 1, got 2 to 2"),
        ([TOKENS[:, :0], SEGMENTS[:, :0]], "with T >= 1"),
        ([long, 0 * long], "there are 9 positions, got a sentence of 10 words"),
    ]:
        for use in (model.fit, model.evaluate):
            with pytest.raises(ValueError, match=message):
                use(wrong, LABELS)
    with pytest.raises(ValueError, match="bert must be a Bert, got 'bert'"):
        BertPretraining("bert")
    with pytest.raises(ValueError, match="sample_weight is not supported"):
        model.compute_loss(X, LABELS, model(X), sample_weight=IS_NEXT)
