import numpy as np
import pytest

from modules.nlp.translation.bleu import (
    bleu,
    brevity_penalty,
    closest_length,
    matches,
    ngrams,
)

CAT = "the cat is on the mat".split()
sacrebleu = pytest.importorskip("sacrebleu")


def theirs(hypotheses, references, max_order=4):
    """Return the score of sacrebleu, whose default is this paper's with smoothing."""
    metric = sacrebleu.BLEU(
        tokenize="none",
        smooth_method="none",
        effective_order=False,
        force=True,
        max_ngram_order=max_order,
    )
    streams = zip(*([" ".join(r) for r in those] for those in references), strict=True)
    texts = [" ".join(h) for h in hypotheses]
    return metric.corpus_score(texts, list(map(list, streams))).score / 100


def corpus(rng, sentences, people, shortest=1):
    """Return noisy copies of random sentences, and several references of each."""
    hypotheses, references = [], []
    for _ in range(sentences):
        true = rng.choice(list("abcdef"), size=rng.integers(shortest, 15))
        those = []
        for _ in range(people + 1):
            kept = true[rng.random(len(true)) < 0.9]
            noise = rng.random(len(kept)) < 0.15
            those.append(list(np.where(noise, "z", kept)) or ["a"])
        hypotheses.append(those[0])
        references.append(those[1:])
    return hypotheses, references


@pytest.mark.parametrize("people", [1, 2, 4])
@pytest.mark.parametrize("max_order", [1, 2, 4])
def test_equals_sacrebleu(people, max_order):
    rng, seen = np.random.default_rng(people), set()
    for _ in range(30):
        pairs = corpus(rng, sentences=int(rng.integers(1, 9)), people=people)
        got, want = bleu(*pairs, max_order), theirs(*pairs, max_order)
        assert got == pytest.approx(want, abs=1e-12)
        seen.add(round(want, 3))
    assert len(seen) > 10


def test_clipping_allows_each_word_as_often_as_one_reference_has_it():
    other = "there is a cat on the mat".split()
    assert matches(["the"] * 7, [CAT, other], 1) == (2, 7)
    assert matches(["the"] * 7, [other, other, other], 1) == (1, 7)  # not 3


def test_brevity_penalty_by_hand():
    """The other way round, exp(1 - c / r), it would reward: 1.105 for c=9, r=10."""
    assert brevity_penalty(9, 10) == pytest.approx(0.894839, abs=1e-6)
    assert brevity_penalty(10, 10) == brevity_penalty(11, 10) == 1
    assert brevity_penalty(0, 10) == 0
    assert 0 < brevity_penalty(1, 100) < 1e-40


def test_geometric_mean_by_hand():
    """p_1 = 5/6, p_2 = 3/5: sqrt(1/2); without the logarithm it would be above 1."""
    sat = "the cat sat on the mat".split()
    assert bleu([sat], [[CAT]], 2) == pytest.approx(0.5**0.5)


def test_sums_over_the_corpus_and_not_over_sentences():
    short, long = (["a"], [["b"]]), (CAT, [CAT])
    got = bleu(*map(list, zip(short, long, strict=True)), 1)
    assert got == pytest.approx(6 / 7)
    assert got != pytest.approx((0 + 1) / 2)


def test_closest_reference_and_of_two_the_shorter():
    of = [["a"] * n for n in (2, 9, 7)]
    assert closest_length(["a"] * 8, of) == 7
    assert closest_length(["a"] * 3, of) == 2
    assert closest_length(["a"] * 5, [["a"] * 7, ["a"] * 3]) == 3


def test_limits():
    assert bleu([CAT], [[CAT]]) == 1
    assert bleu([CAT], [["x y".split(), CAT]]) == 1
    assert bleu([CAT[:3]], [[CAT[:3]]]) == 0  # it has no 4-gram: p_4 = 0
    assert bleu([["dog"]], [[CAT]]) == 0
    assert bleu([[]], [[CAT]]) == bleu([[]], [[[]]]) == bleu([CAT], [[[]]]) == 0
    assert matches([], [CAT], 1) == (0, 0) and not ngrams(CAT, 7)


def test_order_of_words_changes_all_but_the_first_precision():
    shuffled = list(np.random.default_rng(0).permutation(CAT))
    assert bleu([shuffled], [[CAT]], 1) == 1
    assert bleu([shuffled], [[CAT]], 2) < 0.8


@pytest.mark.parametrize(
    "hypotheses, references, message",
    [
        ([], [], "as many lists of references as hypotheses, got 0 and 0"),
        ([CAT, CAT], [[CAT]], "got 2 and 1"),
        ([CAT], [[]], "hypothesis 0 has no reference"),
        (["the cat"], [[CAT]], r"number 0 has text: use split\(\)"),
        ([CAT, CAT], [[CAT], CAT], r"number 1 has text: use split\(\)"),
    ],
)
def test_refuses_what_has_no_score(hypotheses, references, message):
    with pytest.raises(ValueError, match=message):
        bleu(hypotheses, references)


@pytest.mark.parametrize("max_order", [0, 2.5, "4"])
def test_rejects_max_order(max_order):
    with pytest.raises(ValueError, match="max_order must be an int >= 1, got"):
        bleu([CAT], [[CAT]], max_order)
