import numpy as np
import pytest
from sklearn.metrics.pairwise import cosine_similarity

from course.data.worlds.corpus import FACTORS, analogies
from modules.nlp.words.analogies import analogy_accuracy, nearest, normalize, solve

V = np.random.default_rng(0).normal(size=(30, 6)) * np.arange(1, 31)[:, None]


def by_loops(vectors, question):
    """The paper's formula, one candidate at a time."""
    a, b, c = (vectors[i] / np.linalg.norm(vectors[i]) for i in question)
    wanted = b - a + c
    best = {
        d: wanted @ v / np.linalg.norm(v) / np.linalg.norm(wanted)
        for d, v in enumerate(vectors)
        if d not in question
    }
    return max(best, key=best.get)


def test_solve_one_candidate_at_a_time():
    questions = np.random.default_rng(1).integers(0, 30, size=(200, 3))
    want = [by_loops(V, q) for q in questions]
    np.testing.assert_array_equal(solve(V, questions), want)
    raw = nearest(V, V[questions[:, 1]] - V[questions[:, 0]] + V[questions[:, 2]])
    assert np.any(raw != want)  # lengths matter if they are left in


def test_nearest_equals_sklearn():
    wanted = np.random.default_rng(2).normal(size=(9, 6))
    want = cosine_similarity(wanted, V).argmax(axis=1)
    np.testing.assert_array_equal(nearest(V, wanted), want)
    np.testing.assert_array_equal(nearest(3 * V, wanted / 7), want)  # angles only


def factors():
    """A vector a word: the sum of a vector for each of its factors."""
    words, rng = list(FACTORS), np.random.default_rng(0)
    parts = {part for word in words for part in enumerate(FACTORS[word])}
    code = {part: rng.normal(size=40) for part in sorted(parts)}
    return words, np.array([sum(map(code.get, enumerate(FACTORS[w]))) for w in words])


def test_words_that_are_sums_of_their_factors_solve_all_analogies():
    words, vectors = factors()
    quads = np.array([[words.index(word) for word in quad] for quad in analogies()])
    assert len(quads) == 2058
    assert analogy_accuracy(vectors, quads) > 0.98
    # both pairs turned round are as good, one of them is not
    assert analogy_accuracy(vectors, quads[:, [1, 0, 3, 2]]) > 0.98
    assert analogy_accuracy(vectors, quads[:, [0, 1, 3, 2]]) < 0.1


def test_without_exclusion_the_answer_is_often_in_the_question():
    words, vectors = factors()
    quads = np.array([[words.index(word) for word in quad] for quad in analogies()])
    noise = np.random.default_rng(1).normal(size=vectors.shape)
    vectors = vectors + 2 * noise  # so b - a is long for what it is to say
    with_words = solve(vectors, quads[:, :3], exclude=False)
    own = (with_words[:, None] == quads[:, :3]).any(axis=1)
    assert own.mean() > 0.3
    assert not (solve(vectors, quads[:, :3])[:, None] == quads[:, :3]).any()


def test_padding_is_no_answer():
    vectors = np.array([[1.0, 1.0], [1, 0], [0, 1], [1, 0.1], [0.2, 1]])
    assert solve(vectors, [[1, 2, 3]]).item() == 4
    assert solve(vectors, [[1, 2, 3]], never=[4]).item() == 0
    assert solve(vectors, [[1, 2, 3]], exclude=False, never=[0, 2]).item() == 4


def test_zeros_stay_zeros_and_never_win_over_an_angle():
    assert not normalize(np.zeros((2, 3))).any()
    assert nearest([[0.0, 0.0], [1.0, 1.0]], [[1.0, 0.0]]).item() == 1
    assert solve(np.zeros((5, 2)), [[0, 1, 2]]).item() == 3  # no NaN on the way


@pytest.mark.parametrize(
    "bad, message",
    [
        (np.zeros((0, 4), int), r"quadruples must be \(N, 4\), N >= 1, got \(0, 4\)"),
        ([[1, 2, 3]], r"quadruples must be \(N, 4\), N >= 1, got \(1, 3\)"),
        ([[0, 1, 2, 3], [0, 1, 30, 3]], "words must be 0 to 29, got 0 to 30"),
        ([[0, 1, -2, 3]], "words must be 0 to 29, got -2 to 1"),
    ],
)
def test_rejects_quadruples(bad, message):
    with pytest.raises(ValueError, match=message):
        analogy_accuracy(V, bad)


def test_rejects_what_leaves_no_answer():
    with pytest.raises(ValueError, match="no word is left of 3"):
        solve(V[:3], [[0, 1, 2]])
    with pytest.raises(ValueError, match=r"questions must be \(N, 3\), got \(3,\)"):
        solve(V, [0, 1, 2])
