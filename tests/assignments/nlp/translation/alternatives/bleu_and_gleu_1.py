"""Dictionaries and plain loops."""

import math


def counts(words, n):
    found = {}
    for i in range(len(words) - n + 1):
        gram = " ".join(words[i : i + n])
        found[gram] = found.get(gram, 0) + 1
    return found


def matches(hypothesis, references, n):
    have, right = counts(hypothesis, n), 0
    for gram, number in have.items():
        right += min(number, max(counts(r, n).get(gram, 0) for r in references))
    return [right, max(len(hypothesis) - n + 1, 0)]


def closest_length(hypothesis, references):
    best = None
    for reference in references:
        size = len(reference)
        if best is None:
            best = size
        near, before = abs(size - len(hypothesis)), abs(best - len(hypothesis))
        if near < before or (near == before and size < best):
            best = size
    return best


def brevity_penalty(c, r):
    if c >= r:
        return float(c > 0)
    return math.exp((c - r) / c) if c else 0.0


def bleu(hypotheses, references, smooth=0):
    product = 1.0
    for n in range(1, 5):
        right = found = smooth if n > 1 else 0
        for hypothesis, those in zip(hypotheses, references, strict=True):
            r, f = matches(hypothesis, those, n)
            right, found = right + r, found + f
        product *= right / found if right else 0
    c = sum(len(h) for h in hypotheses)
    r = sum(closest_length(h, t) for h, t in zip(hypotheses, references, strict=True))
    return brevity_penalty(c, r) * product**0.25


def gleu(hypothesis, reference):
    right = sum(matches(hypothesis, [reference], n)[0] for n in range(1, 5))
    sizes = [sum(max(len(w) - n, 0) for n in range(4)) for w in (hypothesis, reference)]
    if not all(sizes):
        return 0.0
    return min(right / size for size in sizes)
