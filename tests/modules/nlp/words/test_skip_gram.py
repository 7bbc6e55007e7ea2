from collections import Counter

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy.special import log_softmax

from course.checks import check_model, noise_weights
from modules.nlp.words.skip_gram import SkipGram, window_pairs

CENTERS, CONTEXTS = np.array([[3, 3, 6, 1], [5, 0, 3, 6]], "int32")


@pytest.fixture
def model():
    model = SkipGram(7, dim=5)
    model([CENTERS, CONTEXTS])
    noise_weights(model, seed=0, gain=2)
    return model


def tables(model):
    return (np.float64(w) for w in model.get_weights())


def test_model():
    check_model(lambda: SkipGram(7, dim=5), (CENTERS, CONTEXTS), (4,), 2 * 7 * 5)


def by_loops(row, window):
    """All pairs of one sentence, one at a time."""
    words = [w for w in row if w]
    return Counter(
        (words[i], words[j])
        for i in range(len(words))
        for j in range(max(0, i - window), min(len(words), i + window + 1))
        if i != j
    )


@pytest.mark.parametrize("window", [1, 2, 5, 40])
def test_pairs_one_at_a_time(window):
    rows = np.random.default_rng(0).integers(1, 9, size=(6, 7))
    for row, length in zip(rows, (7, 6, 4, 2, 1, 0), strict=True):
        row[length:] = 0
    got = Counter(zip(*(a.tolist() for a in window_pairs(rows, window)), strict=True))
    assert got == sum((by_loops(row, window) for row in rows), Counter())
    assert all(got[a, b] == got[b, a] for a, b in got)


def test_a_word_inside_is_the_centre_of_2c_pairs():
    centers, contexts = window_pairs([np.arange(1, 11)], 3)
    assert np.bincount(centers).tolist() == [0, 3, 4, 5, 6, 6, 6, 6, 5, 4, 3]
    assert (centers != contexts).all()


def test_drawn_windows_weigh_near_words_more():
    """Reach r is uniform on 1 to c, so distance d is inside with (c - d + 1) / c."""
    rows = np.tile(np.arange(1, 8), (6000, 1))
    pairs = window_pairs(rows, 3, np.random.default_rng(0))
    distances = np.abs(np.subtract(*pairs))[pairs[0] == 4]
    share = np.bincount(distances, minlength=4) / (2 * 6000)
    np.testing.assert_allclose(share, [0, 1, 2 / 3, 1 / 3], atol=0.02)


def test_a_drawn_window_is_the_centres_and_has_two_sides():
    """Every word differs, so each centre's distances can be read off."""
    pairs = window_pairs([np.arange(1, 41)], 4, np.random.default_rng(0))
    drawn = set()
    for centre in range(6, 36):
        found = sorted(pairs[1][pairs[0] == centre] - centre)
        reach = found[-1]
        drawn.add(reach)
        assert found == [d for d in range(-reach, reach + 1) if d]
    assert drawn == {1, 2, 3, 4}


def test_nothing_to_pair():
    for rows in ([[0, 0, 0]], [[5, 0]], [[4], [0]], np.zeros((0, 3), int), [[]]):
        centers, contexts = window_pairs(np.array(rows, int), 2)
        assert centers.shape == contexts.shape == (0,)
    with pytest.raises(ValueError, match="no pairs: no sentence has two words"):
        SkipGram(7).fit(window_pairs([[5, 0]], 2))


def test_scores_are_dot_products(model):
    """And no cosines: twice the vector gives twice the score."""
    v, u = tables(model)
    want = [v[c] @ u[o] for c, o in zip(CENTERS, CONTEXTS, strict=True)]
    np.testing.assert_allclose(model([CENTERS, CONTEXTS]), want, rtol=1e-5)
    np.testing.assert_allclose(model.logits(CENTERS), v[CENTERS] @ u.T, rtol=1e-4)
    model.centers.embeddings.assign(2 * v)
    doubled = 2 * np.array(want)
    np.testing.assert_allclose(model([CENTERS, CONTEXTS]), doubled, rtol=1e-5)


def test_loss_is_the_cross_entropy_over_all_words(model):
    v, u = tables(model)
    want = -log_softmax(v[CENTERS] @ u.T, axis=1)[np.arange(4), CONTEXTS]
    loss = model.pair_losses(CENTERS, CONTEXTS)
    np.testing.assert_allclose(loss, want, rtol=1e-5, atol=1e-6)
    keras_loss = keras.losses.sparse_categorical_crossentropy(
        CONTEXTS, model.logits(CENTERS), from_logits=True
    )
    np.testing.assert_allclose(loss, keras_loss, rtol=1e-5, atol=1e-6)
    weights = np.array([1.0, 0.0, 3.0, 0.0], "float32")
    got = model.compute_loss([CENTERS, CONTEXTS], sample_weight=weights)
    assert float(got) == pytest.approx((want * weights).mean(), rel=1e-5)


def test_a_new_model_knows_nothing():
    model = SkipGram(7, dim=5)
    model([CENTERS, CONTEXTS])
    loss = model.pair_losses(CENTERS, CONTEXTS)
    np.testing.assert_allclose(loss, np.full(4, np.log(7)), rtol=1e-6)


def test_gradient_of_v_only_where_a_word_is_a_centre(model):
    with tf.GradientTape() as tape:
        loss = model.compute_loss([CENTERS, CONTEXTS])
    dv, du = (
        tf.convert_to_tensor(g).numpy()
        for g in tape.gradient(loss, [w.value for w in model.trainable_weights])
    )
    assert dv.any(axis=1).tolist() == [i in CENTERS for i in range(7)]
    assert du.any(axis=1).all()  # the softmax pushes all words


def test_fit_reaches_the_true_distribution():
    """The best softmax of a table wide enough is the share of each context."""
    keras.utils.set_random_seed(0)
    share = np.array([[0.7, 0.2, 0.1], [0.1, 0.6, 0.3], [0.3, 0.3, 0.4]])
    pairs = [
        (c, o) for c, o in np.ndindex(3, 3) for _ in range(round(10 * share[c, o]))
    ]
    centers, contexts = np.array(pairs).T
    model = SkipGram(3, dim=3)
    model.compile(keras.optimizers.Adam(0.05), jit_compile=False)
    many = [np.tile(a, 60) for a in (centers, contexts)]
    model.fit(many, batch_size=30, epochs=3, shuffle=False, verbose=0)
    got = np.exp(log_softmax(np.asarray(model.logits(np.arange(3))), axis=1))
    np.testing.assert_allclose(got, share, atol=0.02)
    assert model.vectors.shape == (3, 3)


@pytest.mark.parametrize(
    "pairs, message",
    [
        (([1, 7], [1, 2]), "centers must be 0 to 6, got 1 to 7"),
        (([1, 2], [1, -3]), "contexts must be 0 to 6, got -3 to 1"),
        (([1.5], [1]), "centers must be integers, got float64"),
    ],
)
def test_fit_refuses_what_is_no_word(pairs, message):
    with pytest.raises(ValueError, match=message):
        SkipGram(7, dim=5).fit(pairs)


@pytest.mark.parametrize("window", [0, 1.5, "2"])
def test_rejects_window(window):
    with pytest.raises(ValueError, match="window must be an int >= 1, got"):
        window_pairs([[1, 2]], window)


@pytest.mark.parametrize(
    "rows, message",
    [([1, 2], r"rows must be \(N, T\), got \(2,\)"), ([[1, -2]], "must be 0 or more")],
)
def test_rejects_rows(rows, message):
    with pytest.raises(ValueError, match=message):
        window_pairs(rows, 1)


@pytest.mark.parametrize("sizes", [(0, 5), (7, 0), (7, 2.0)])
def test_rejects_sizes(sizes):
    with pytest.raises(ValueError, match="must be an int >= 1, got"):
        SkipGram(*sizes)
