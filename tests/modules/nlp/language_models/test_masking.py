import numpy as np
import pytest
import tensorflow as tf

from modules.nlp.language_models.masking import corrupt, mask_tokens, select

RNG = np.random.default_rng(0)
PAD, CLS, SEP, MASK = 0, 1, 2, 3
SPECIALS = (CLS, SEP)


def sentences(rows=300, length=43):
    """[CLS] words [SEP] words [SEP] and padding, of many lengths."""
    tokens = RNG.integers(4, 50, size=(rows, length))
    tokens[:, 0] = CLS
    tokens[:, 7] = SEP
    for row in range(rows):
        end = 9 + row % (length - 9)
        tokens[row, end], tokens[row, end + 1 :] = SEP, PAD
    return tokens


TOKENS = sentences()
WORDS = TOKENS > 3
NOISE = RNG.random((3, *TOKENS.shape))


def masked(noise=NOISE):
    got = mask_tokens(TOKENS, noise, 50, MASK, SPECIALS)
    return [np.asarray(x) for x in got]


def test_15_percent_of_the_words_of_each_row_and_no_specials():
    chosen = np.asarray(select(TOKENS, NOISE[0], specials=(PAD, CLS, SEP, MASK)))
    words = WORDS.sum(axis=1)
    want = np.maximum(np.round(0.15 * words), 1)
    np.testing.assert_array_equal(chosen.sum(axis=1), want)
    assert not chosen[~WORDS].any()
    assert chosen[WORDS].mean() == pytest.approx(0.15, abs=0.01)


def test_those_of_least_noise_are_selected():
    tokens, noise = np.full((1, 20), 9), RNG.permutation(20)[None] / 20
    chosen = np.asarray(select(tokens, noise))
    assert set(np.flatnonzero(chosen)) == set(np.argsort(noise[0])[:3])


def test_every_place_is_equally_likely():
    tokens = np.full((4000, 10), 9)
    chosen = np.asarray(select(tokens, RNG.random(tokens.shape), rate=0.3))
    np.testing.assert_allclose(chosen.mean(axis=0), np.full(10, 0.3), atol=0.03)


def test_rows_without_words_are_left_alone():
    tokens = np.array([[0, 0, 0, 0], [CLS, SEP, 0, 0], [CLS, 9, SEP, 0]])
    read, labels = mask_tokens(tokens, RNG.random((3, 3, 4)) * 0.5, 20, MASK, SPECIALS)
    np.testing.assert_array_equal(read[:2], tokens[:2])
    np.testing.assert_array_equal(labels, [[0] * 4, [0] * 4, [0, 9, 0, 0]])
    assert np.asarray(read)[2, 1] == MASK


def test_80_10_10():
    tokens = np.full((200, 100), 9)
    noise = (np.arange(20_000).reshape(tokens.shape) + 0.5) / 20_000  # evenly
    other = np.full(tokens.shape, 7)
    got = np.asarray(corrupt(tokens, tokens > 0, noise, other, MASK))
    assert [np.mean(got == x) for x in (MASK, 7, 9)] == [0.8, 0.1, 0.1]
    read, labels = masked()
    selected = labels > 0
    share = np.mean(read[selected] == MASK)
    assert share == pytest.approx(0.8, abs=4 * np.sqrt(0.16 / selected.sum()))
    kept = np.mean(read[selected] == labels[selected])
    assert kept == pytest.approx(0.1 + 0.1 / 46, abs=0.05)


def test_labels_are_what_stood_there_and_nothing_else_changes():
    read, labels = masked()
    selected = labels > 0
    np.testing.assert_array_equal(labels[selected], TOKENS[selected])
    np.testing.assert_array_equal(read[~selected], TOKENS[~selected])


def test_random_tokens_are_words_of_the_whole_vocabulary():
    noise = RNG.random((3, 400, 50))
    noise[1] = 0.85
    read, labels = mask_tokens(np.full((400, 50), 9), noise, 30, MASK, SPECIALS)
    words = np.asarray(read)[np.asarray(labels) > 0]
    assert set(words) == set(range(4, 30))
    most = np.nextafter(np.float32(1), np.float32(0))
    noise[2] = most
    read, _ = mask_tokens(np.full((400, 50), 9), noise, 30, MASK, SPECIALS)
    assert np.asarray(read).max() == 29


def test_two_epochs_have_two_masks():
    first, second = masked()[1], masked(RNG.random(NOISE.shape))[1]
    both = np.logical_and(first > 0, second > 0).sum()
    assert both < 0.3 * (first > 0).sum()
    np.testing.assert_array_equal(first, masked()[1])  # the same noise, the same mask


def test_in_a_pipeline_and_compiled():
    f = tf.function(
        lambda t, n: mask_tokens(t, n, 50, MASK, SPECIALS),
        input_signature=[
            tf.TensorSpec((None, None), "int32"),
            tf.TensorSpec((3, None, None)),
        ],
        jit_compile=True,
    )
    got = f(TOKENS.astype("int32"), NOISE.astype("float32"))
    for x, want in zip(got, masked(NOISE.astype("float32")), strict=True):
        np.testing.assert_array_equal(x, want)


def test_as_many_as_keras_hub_selects():
    """Its selector (TensorFlow Text's) takes each token by chance, so that rows differ
    in number; in the mean it is the same share, and 80/10/10.
    """
    hub = pytest.importorskip("keras_hub")
    pytest.importorskip("tensorflow_text")
    theirs = hub.layers.MaskedLMMaskGenerator(
        vocabulary_size=50,
        mask_selection_rate=0.15,
        mask_token_id=MASK,
        unselectable_token_ids=[PAD, CLS, SEP],
        mask_selection_length=20,
    )
    found = theirs(TOKENS)
    many = np.asarray(found["mask_weights"]).sum()
    assert many == pytest.approx((masked()[1] > 0).sum(), rel=0.1)
    changed = np.asarray(found["token_ids"])[np.asarray(found["token_ids"]) != TOKENS]
    share = np.mean(changed == MASK)
    read, labels = masked()
    assert share == pytest.approx(np.mean(read[read != TOKENS] == MASK), abs=0.04)


def test_bad_input():
    for rate in (0, 1, -0.1, float("nan")):
        with pytest.raises(ValueError, match=r"rate must be in \(0, 1\), got"):
            mask_tokens(TOKENS, NOISE, 50, MASK, SPECIALS, rate=rate)
    with pytest.raises(ValueError, match="of 4 tokens none is behind"):
        mask_tokens(TOKENS, NOISE, 4, MASK, SPECIALS)
