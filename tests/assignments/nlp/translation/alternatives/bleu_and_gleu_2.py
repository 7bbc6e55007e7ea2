"""NumPy: arrays of counts over all n-grams that occur."""

import numpy as np


def matches(hypothesis, references, n):
    texts = [hypothesis, *references]
    grams = [[tuple(t[i : i + n]) for i in range(len(t) - n + 1)] for t in texts]
    kinds = sorted(set(sum(grams, [])))
    table = np.array([[g.count(kind) for kind in kinds] for g in grams], dtype=int)
    table = table.reshape(len(texts), len(kinds))
    right = np.minimum(table[0], table[1:].max(axis=0)).sum()
    return int(right), int(table[0].sum())


def closest_length(hypothesis, references):
    sizes = np.sort([len(reference) for reference in references])
    return int(sizes[np.argmin(np.abs(sizes - len(hypothesis)))])


def brevity_penalty(c, r):
    if not c:
        return 0.0
    return float(np.exp(min(0.0, 1 - r / c)))


def bleu(hypotheses, references, smooth=0):
    orders = [1, 2, 3, 4]
    table = [
        [matches(h, those, n) for h, those in zip(hypotheses, references, strict=True)]
        for n in orders
    ]
    sums = np.sum(table, axis=1).astype(float)  # (4, 2)
    sums[1:] += smooth
    if (sums == 0).any():
        return 0.0
    c = np.sum([len(h) for h in hypotheses])
    pairs = zip(hypotheses, references, strict=True)
    r = np.sum([closest_length(*pair) for pair in pairs])
    mean = np.exp(np.mean(np.log(sums[:, 0] / sums[:, 1])))
    return float(brevity_penalty(c, r) * mean)


def gleu(hypothesis, reference):
    both = [(hypothesis, reference), (reference, hypothesis)]
    sums = np.sum([[matches(a, [b], n) for n in (1, 2, 3, 4)] for a, b in both], axis=1)
    right, sizes = sums[0, 0], sums[:, 1]
    return float(np.min(right / sizes)) if sizes.all() else 0.0
