import numpy as np
import pytest
from sklearn.metrics import f1_score

from course.data.worlds import ner
from modules.nlp.text.entities import (
    entity_f1,
    impossible,
    scores,
    spans,
    token_f1,
)

NAMES = ["O", "B-PER", "I-PER", "B-LOC", "I-LOC"]


def rows(seed, sentences=40):
    rng = np.random.default_rng(seed)
    return [
        [NAMES[i] for i in rng.choice(5, p=[0.4, 0.2, 0.2, 0.1, 0.1], size=size)]
        for size in rng.integers(0, 9, size=sentences)
    ]


def test_spans_by_hand():
    tags = "B-PER I-PER I-LOC O I-LOC I-LOC B-LOC B-LOC I-PER".split()
    assert spans(tags) == [
        ("PER", 0, 2),
        ("LOC", 2, 3),
        ("LOC", 4, 6),
        ("LOC", 6, 7),
        ("LOC", 7, 8),
        ("PER", 8, 9),
    ]
    assert impossible(tags) == [2, 4, 8]
    assert spans([]) == spans(["O"]) == impossible([]) == []


def test_sound_tags_give_what_the_data_set_says():
    """Where no I- stands alone, all programs agree."""
    for row in rows(0, 300):
        for place in impossible(row):
            row[place] = "O"  # may leave another one alone
        if not impossible(row):
            assert set(spans(row)) == set(ner.entities(row))


def test_token_f1_equals_sklearn():
    truth = rows(1)
    rng = np.random.default_rng(2)
    guesses = [[t if rng.random() < 0.7 else "B-PER" for t in row] for row in truth]
    flat = [[tag for row in a for tag in row] for a in (truth, guesses)]
    want = f1_score(*flat, labels=NAMES[1:], average="micro")
    assert 0.3 < want < 0.9
    assert token_f1(guesses, truth) == pytest.approx(want)


def test_entity_f1_needs_kind_and_both_ends():
    truth = [["B-PER", "I-PER", "O", "B-LOC"], ["O"]]
    assert entity_f1(truth, truth) == 1
    half = [["B-PER", "O", "O", "B-LOC"], ["O"]]
    assert entity_f1(half, truth) == 0.5
    kind = [["B-LOC", "I-LOC", "O", "B-LOC"], ["O"]]
    assert entity_f1(kind, truth) == 0.5
    two = [["B-PER", "B-PER", "O", "B-LOC"], ["O"]]  # 1 hit, 3 guessed, 2 true
    assert entity_f1(two, truth) == pytest.approx(2 / 5)
    assert token_f1(two, truth) == pytest.approx(4 / 6)  # flatters


def test_the_same_span_in_another_sentence_is_another_entity():
    assert entity_f1([["B-PER"], ["O"]], [["O"], ["B-PER"]]) == 0


def test_nothing_to_find_is_zero_and_not_nan():
    assert scores(set(), set()) == scores(set(), {1}) == scores({1}, set()) == (0, 0, 0)
    assert entity_f1([], []) == token_f1([["O"]], [["O"]]) == 0


@pytest.mark.parametrize("tag", ["PER", "B", "B-", "X-PER", "", "o"])
def test_rejects_tags(tag):
    with pytest.raises(ValueError, match="a tag must be O, B-... or I-..., got"):
        spans(["O", tag])


@pytest.mark.parametrize("f1", [entity_f1, token_f1])
def test_rejects_other_lengths(f1):
    for guesses in ([["O"]], [["O", "O"], []], []):
        with pytest.raises(ValueError, match="as many tags in each row"):
            f1(guesses, [["O"], ["O"]])
