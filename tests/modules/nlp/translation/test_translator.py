import numpy as np
import pytest
from keras import ops

from modules.nlp.translation.translator import Translator, teacher_forcing


class Copier(Translator):
    """It writes the source word by word, and the end where padding begins."""

    vocabulary_size = 9

    def start(self, source, length):
        return ops.cast(source, "int32"), ops.zeros(ops.shape(source))

    def step(self, tokens, state, index):
        source, looked = state
        words = ops.take(source, [index], axis=1)
        here = ops.one_hot(ops.full(ops.shape(tokens)[:1], index), source.shape[1])
        logits = 5 * ops.one_hot(ops.where(words == 0, 2, words), 9)
        return logits, (source, looked + here)

    def attention(self, state):
        source, looked = state
        return ops.where(source == 0, 1.0, looked)


SOURCE = np.array([[4, 8, 3, 0, 0], [5, 6, 7, 8, 0]])
COPIES = [[4, 8, 3, 2, 0], [5, 6, 7, 8, 2]]


@pytest.mark.parametrize("search", [{}, {"beams": 1}, {"beams": 4, "beta": 0.2}])
def test_translates(search):
    got = Copier().translate(SOURCE, 5, **search)
    np.testing.assert_array_equal(got, COPIES)
    assert got.dtype == "int32"


def test_coverage_decides_where_all_words_are_equally_likely():
    class Even(Copier):
        """Any word or the end at any time: ln P favours to end at once."""

        def step(self, tokens, state, index):
            logits, state = super().step(tokens, state, index)
            return 0 * logits, state

    short = Even().translate(SOURCE, 5, beams=50, alpha=0)
    assert (short[:, 0] == 2).all()
    covered = Even().translate(SOURCE, 5, beams=50, alpha=0, beta=1.0)
    lengths = (covered == 2).argmax(axis=1) + 1
    np.testing.assert_array_equal(lengths, [3, 4])  # as many as the source has words


def test_teacher_forcing_shifts_by_one():
    target = np.array([[7, 5, 2, 0], [6, 6, 6, 2]])
    given = teacher_forcing(target)
    np.testing.assert_array_equal(given, [[1, 7, 5, 2], [1, 6, 6, 6]])
    np.testing.assert_array_equal(given[:, 1:], target[:, :-1])
    assert (teacher_forcing(target, start=8)[:, 0] == 8).all()


@pytest.mark.parametrize("source", [np.ones(3, int), np.ones((2, 3))])
def test_rejects_what_is_no_batch_of_tokens(source):
    with pytest.raises(ValueError, match=r"source must be \(B, S\) int, got"):
        Copier().translate(source, 5)


@pytest.mark.parametrize("token", [-1, 9])
def test_rejects_tokens(token):
    with pytest.raises(ValueError, match=f"tokens must be 0 to 8, got .*{token}"):
        Copier().translate(np.array([[3, token]]), 5)
