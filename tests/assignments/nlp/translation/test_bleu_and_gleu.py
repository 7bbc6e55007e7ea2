"""Grades assignments/nlp/translation/bleu_and_gleu.py."""

import math

import numpy as np

from course.grading import close, points

FORBIDDEN = (
    "modules.nlp.translation.bleu",
    "sacrebleu",
    "nltk",
    "keras_hub",
    "evaluate",
    "torchmetrics",
)
THE = ["the"] * 7
CAT = "the cat is on the mat".split()
MAT = "there is a cat on the mat".split()


def sentence(rng, shortest=1, longest=12):
    return rng.choice(list("abc"), size=int(rng.integers(shortest, longest))).tolist()


def grams(words, n):
    return [words[i : i + n] for i in range(len(words) - n + 1)]


def counted(hypothesis, references, n):
    """Strike out each n-gram of a reference that is used up; the oracle of matches.

    The n-grams are struck out one kind at a time, in the reference that has most.
    """
    have = grams(hypothesis, n)
    right = 0
    for i, gram in enumerate(have):
        if gram in have[:i]:
            continue
        most = max(grams(reference, n).count(gram) for reference in references)
        right += min(have.count(gram), most)
    return right, len(have)


def nearest(hypothesis, references):
    for distance in range(99):
        for size in (len(hypothesis) - distance, len(hypothesis) + distance):
            if any(len(reference) == size for reference in references):
                return size


def score(hypotheses, references, smooth):
    """BLEU as a product, without a logarithm."""
    product = 1.0
    for n in range(1, 5):
        pairs = zip(hypotheses, references, strict=True)
        right, found = np.sum([counted(*pair, n) for pair in pairs], axis=0)
        more = smooth * (n > 1)
        product *= (right + more) / (found + more) if right + more else 0.0
    c = sum(map(len, hypotheses))
    r = sum(nearest(*pair) for pair in zip(hypotheses, references, strict=True))
    return product**0.25 * (1.0 if c >= r else math.exp(1 - r / c) if c else 0.0)


def corpus(rng, sentences=4):
    """Return translations that share 4-grams with their references."""
    hypotheses, references = [], []
    for _ in range(sentences):
        words = sentence(rng, 7, 12)
        cut = int(rng.integers(0, 3))
        hypotheses.append([*words[cut:], *sentence(rng, 1, 3)])
        references.append([[*sentence(rng, 1, 4), *words], sentence(rng, 4, 9)])
    return hypotheses, references


@points(2)
def test_matches(submission, rng):
    """matches clips the count of each n-gram to the one reference that has most"""
    close(submission.matches(THE, [CAT, MAT], 1), (2, 7), hint="the paper's example")
    close(submission.matches(THE, [MAT, MAT, MAT], 1), (1, 7))
    for _ in range(6):
        hypothesis = [*sentence(rng, 4), "a", "b", "a", "b", "a"]
        references = [[*sentence(rng), "a", "b"], sentence(rng, 5), sentence(rng, 5)]
        for n in (1, 2, 4):
            got = submission.matches(hypothesis, references, n)
            hint = f"{n}-grams of {' '.join(hypothesis)}; references: "
            hint += ", ".join(" ".join(reference) for reference in references)
            close(got, counted(hypothesis, references, n), hint=hint)
    close(submission.matches(["a", "b"], [CAT], 3), (0, 0), hint="two words, no 3-gram")


@points(1)
def test_closest_length(submission, rng):
    """closest_length takes the nearest length, and of two the shorter"""
    for sizes in [(3, 7), (9, 2, 6), (4, 12, 5), (6, 6)]:
        references = [["a"] * size for size in sizes]
        for size in (5, 0, 8):
            want = nearest(["b"] * size, references)
            hint = f"{size} words; references of {sizes}"
            close(submission.closest_length(["b"] * size, references), want, hint=hint)


@points(2)
def test_brevity_penalty(submission):
    """brevity_penalty is below 1 for what is too short, and never above"""
    close(submission.brevity_penalty(9, 10), 0.8948393, hint="9 words instead of 10")
    close(submission.brevity_penalty(4, 10), math.exp(-1.5))
    close(submission.brevity_penalty(10, 9), 1.0, hint="10 words instead of 9")
    close(submission.brevity_penalty(7, 7), 1.0)
    close(submission.brevity_penalty(0, 7), 0.0, hint="no words at all")


@points(3)
def test_bleu(submission, rng):
    """bleu of a corpus is the geometric mean of four precisions, times the penalty"""
    short = [[CAT[:4], CAT[:5]], [[CAT], [CAT]]]
    close(submission.bleu(*short), math.exp(1 - 12 / 9), hint="right, but too short")
    for _ in range(4):
        pairs = corpus(rng)
        close(submission.bleu(*pairs), score(*pairs, 0), hint="no smoothing")
    close(submission.bleu([CAT], [[CAT]]), 1.0, hint="a perfect translation")
    close(submission.bleu([CAT[:3]], [[CAT]]), 0.0, hint="three words have no 4-gram")
    close(submission.bleu([["a", *CAT[::-1]]], [[CAT]]), 0.0, hint="no 2-gram is right")


@points(1)
def test_smoothing(submission, rng):
    """with smooth=1 single sentences get a score; single words are not smoothed"""
    for _ in range(4):
        hypotheses, references = corpus(rng, sentences=1)
        for smooth in (1, 2):
            want = score(hypotheses, references, smooth)
            close(submission.bleu(hypotheses, references, smooth), want)
    far = [["cat", "dog", "mat"]], [[CAT]]
    close(submission.bleu(*far, 1), score(*far, 1))
    close(submission.bleu([["dog"]], [[CAT]], 1), 0.0, hint="not one word is right")


@points(2)
def test_gleu(submission, rng):
    """gleu is the smaller one of precision and recall over 1- to 4-grams"""
    for _ in range(6):
        words = sentence(rng, 5, 12)
        pair = [[*words[2:], *sentence(rng, 1, 8)], [*words, "c"]]
        for hypothesis, reference in (pair, pair[::-1]):
            counts = [counted(hypothesis, [reference], n) for n in range(1, 5)]
            right, found = np.sum(counts, axis=0)
            there = sum(len(grams(reference, n)) for n in range(1, 5))
            want = right / max(found, there)
            close(submission.gleu(hypothesis, reference), want)
    close(submission.gleu(["a", "b"], ["a", "b"]), 1.0)
    close(submission.gleu(["cat"], CAT), 1 / 18, hint="one word of six")
    close(submission.gleu([], CAT), 0.0)
