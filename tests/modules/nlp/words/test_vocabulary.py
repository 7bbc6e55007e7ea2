import numpy as np
import pytest
from keras import layers

from modules.nlp.words.vocabulary import Vocabulary, check_numbers

TEXT = ["b b b b a a a c c d", "b a", ""]
SENTENCES = [line.split() for line in TEXT]


def test_equals_keras():
    theirs = layers.TextVectorization(standardize=None)
    theirs.adapt(TEXT)
    words = Vocabulary(SENTENCES)
    assert words.words[2:] == theirs.get_vocabulary()[2:] == list("bacd")
    unseen = [*SENTENCES, ["b", "zebra"]]
    want = theirs([" ".join(s) for s in unseen])
    np.testing.assert_array_equal(words.rows(unseen), want)


def test_rare_words_are_counted_together():
    words = Vocabulary(SENTENCES, least=3)
    assert words.words[2:] == ["b", "a"] and len(words) == 4
    assert words.counts.tolist() == [0, 3, 5, 4]
    assert words.rows([["c", "a"]]).tolist() == [[1, 3]]


def test_of_equally_frequent_words_the_first_in_the_alphabet_comes_first():
    assert Vocabulary([["c", "a", "b"]]).words[2:] == ["a", "b", "c"]


def test_empty_sentences_and_an_empty_corpus():
    words = Vocabulary(SENTENCES)
    assert words.rows([[], []]).tolist() == [[0], [0]]  # a place of padding
    assert words.rows([]).shape == (0, 1)
    nothing = Vocabulary([])
    assert len(nothing) == 2 and nothing.rows([["a"]]).tolist() == [[1]]


def test_longer_sentences_are_cut():
    assert Vocabulary(SENTENCES).rows([list("abcd")], length=2).tolist() == [[3, 2]]


@pytest.mark.parametrize("least", [0, 1.5, None])
def test_rejects_least(least):
    with pytest.raises(ValueError, match="least must be an int >= 1, got"):
        Vocabulary(SENTENCES, least)


def test_a_sentence_is_a_list_of_words():
    with pytest.raises(ValueError, match="must be a list of words, got 'a b'"):
        Vocabulary(["a b"])
    with pytest.raises(ValueError, match="must be a list of words, got 'a b'"):
        Vocabulary(SENTENCES).rows(["a b"])


@pytest.mark.parametrize(
    "numbers, message",
    [
        ([0, 4], "words must be 0 to 3, got 0 to 4"),
        ([-1, 2], "words must be 0 to 3, got -1 to 2"),
        ([1.0], "words must be integers, got float64"),
    ],
)
def test_numbers_out_of_range(numbers, message):
    with pytest.raises(ValueError, match=message):
        check_numbers("words", numbers, 4)


def test_numbers_without_a_limit():
    assert check_numbers("words", [7, 0]).dtype == "int32"
    assert check_numbers("words", []).shape == (0,)
    with pytest.raises(ValueError, match="words must be 0 or more, got -2 to 1"):
        check_numbers("words", [1, -2])
