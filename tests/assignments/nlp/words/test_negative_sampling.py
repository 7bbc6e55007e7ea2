"""Grades assignments/nlp/words/negative_sampling.py."""

import numpy as np

from course.grading import close, fit, gradient, points

FORBIDDEN = (
    "modules.nlp.words.negative_sampling",
    "modules.nlp.words.subsampling",
    "skip_gram.window_pairs",
    "sequence.skipgrams",
    "sequence.make_sampling_table",
    "nn.nce_loss",
    "nn.sampled_softmax_loss",
    "gensim",
)


def by_loops(sentence, reach):
    found = []
    for i in range(len(sentence)):
        for j in range(len(sentence)):
            if i != j and abs(i - j) <= reach[i]:
                found.append((sentence[i], sentence[j]))
    return np.array(found, int).reshape(-1, 2)


def sigmoid(x):
    return 0.5 + 0.5 * np.tanh(x / 2)


def softplus(x):
    return np.logaddexp(0, x)


def losses(v, u, drawn, hit):
    """The loss of each pair, one term at a time."""
    found = []
    for b in range(len(v)):
        total = softplus(-(u[b] @ v[b]))
        for i in range(drawn.shape[1]):
            if not hit[b, i]:
                total += softplus(drawn[b, i] @ v[b])
        found.append(total)
    return np.array(found)


def loss_of_tables(centers, contexts, c, o, drawn):
    hit = np.array([[word == o for word in drawn]])
    v, u = centers[c][None], contexts[o][None]
    return losses(v, u, contexts[np.array(drawn)][None], hit)[0]


def descended(centers, contexts, c, o, drawn, rate, delta=1e-5):
    """Both tables after a step along central differences."""
    found = []
    for table in (centers, contexts):
        slope = np.zeros(table.shape)
        for place in np.ndindex(table.shape):
            value = table[place]
            for sign in (1, -1):
                table[place] = value + sign * delta
                part = loss_of_tables(centers, contexts, c, o, drawn)
                slope[place] += sign * part / (2 * delta)
            table[place] = value
        found.append(table - rate * slope)
    return found


@points(2)
def test_pairs(submission, rng):
    """pairs lists each centre with its contexts, up to its own reach"""
    for length in (7, 4, 9):
        sentence = rng.integers(2, 6, size=length)  # some words occur twice
        sentence[2] = sentence[1]
        reach = rng.permutation(np.resize([1, 3, 2], length))
        got = np.array(submission.pairs(sentence, reach))
        close(got, by_loops(sentence, reach), hint="Whose reach, and on which sides?")
    got = np.array(submission.pairs(np.array([5]), np.array([2])))
    close(list(got.shape), [0, 2], hint="A sentence of one word has no pairs.")


@points(1)
def test_noise(submission, rng):
    """noise is proportional to the count to the power 3/4"""
    counts = np.concatenate([[0.0, 1.0], rng.uniform(2, 900, size=5)])
    want = np.array([c**0.75 for c in counts])
    got = submission.noise(counts)
    close(got, want / want.sum(), hint="What do they sum to?")


@points(2)
def test_draw(submission, rng):
    """draw finds the word whose piece of [0, 1) holds u"""
    parts = rng.permutation([0, 3, 9, 0, 20, 32]) / 64
    parts = np.concatenate([[0.0], parts])  # word 0 is padding
    uniform = rng.integers(0, 256, size=(5, 7)) / 256
    uniform[0, 0], uniform[1, 2] = 0.0, np.cumsum(parts)[3] % 1
    want = np.zeros(uniform.shape, int)
    for place, u in np.ndenumerate(uniform):
        want[place] = next(i for i in range(7) if u < parts[: i + 1].sum())
    close(submission.draw(parts, uniform), want, hint="Is u BELOW the sum?")


@points(2)
def test_keep(submission, rng):
    """keep gives the probability to keep, 1 for rare words"""
    counts = np.concatenate([[1.0, 2.0], rng.uniform(50, 500, size=5)])
    for threshold in (0.01, 0.1):
        want = [min(1.0, (threshold / (c / counts.sum())) ** 0.5) for c in counts]
        got = submission.keep(counts, threshold)
        close(got, np.array(want), hint="Which words shall be dropped?")


def vectors(rng, batch=3, k=4, d=5):
    v, u = rng.normal(size=(2, batch, d))
    drawn = rng.normal(size=(batch, k, d))
    hit = np.zeros((batch, k), bool)
    hit[0, 1] = hit[2, 0] = hit[2, 3] = True
    return v, u, drawn, hit


@points(3)
def test_loss(submission, rng):
    """loss adds the true pair's term and those of the drawn words, hits left out"""
    v, u, drawn, hit = vectors(rng)
    none = submission.loss(v, u, drawn, np.zeros_like(hit))
    close(none, losses(v, u, drawn, 0 * hit), hint="Here no drawn word is a hit.")
    got = submission.loss(v, u, drawn, hit)
    close(got, losses(v, u, drawn, hit), hint="What does a hit add?")


@points(1)
def test_large_scores(submission, rng):
    """loss is right for very large dot products, and gradients flow through it"""
    v, u, drawn, hit = vectors(rng)
    v, drawn = 12 * v, 12 * drawn
    u[0], drawn[1, 0] = -4 * v[0], 4 * v[1]
    want = losses(v, u, drawn, hit)
    got = submission.loss(v, u, drawn, hit)
    close(got, want, hint="Is a logarithm of 0 anywhere?")
    slope = gradient(submission.loss, v, u, drawn, hit, wrt=1)
    error = sigmoid((u * v).sum(axis=1)) - 1
    close(slope, error[:, None] * v, hint="Is it differentiable?")


@points(4)
def test_step(submission, rng):
    """step moves the rows of one pair down the slope, and no others"""
    for c, o, drawn in ((1, 4, [3, 5, 0]), (2, 0, [6, 3, 6]), (5, 3, [4, 3, 5])):
        centers, contexts = rng.normal(size=(2, 7, 4))
        want = descended(centers, contexts, c, o, drawn, 0.6)
        got = submission.step(centers, contexts, c, o, np.array(drawn), 0.6)
        hint = f"centre {c}, context {o}, drawn {drawn}"
        close(list(got), want, hint=hint, rtol=1e-3, atol=1e-3)


@points(2, after="test_loss", seconds=20)
def test_learning(submission, rng):
    """a model of the course learns which words stand together, with your functions"""
    sentences = [[2, 3] * 8, [4, 5] * 8, [6, 7] * 8]
    found = [
        np.array(submission.pairs(np.array(s), np.ones(len(s), int))) for s in sentences
    ]
    pairs = np.concatenate(found)
    close(pairs, np.concatenate([by_loops(s, np.ones(len(s), int)) for s in sentences]))
    counts = np.bincount(np.concatenate(sentences), minlength=8)
    model = submission.reader([float(c) for c in counts], 6)
    losses = fit(model, list(pairs.T), None, 10)
    assert losses[-1] < 0.8 * losses[0], f"the loss went {losses[0]} to {losses[-1]}"
    logits = np.asarray(model.logits(np.arange(2, 8)))
    best = 2 + logits[:, 2:].argmax(axis=1)
    close(best, np.array([3, 2, 5, 4, 7, 6]), hint="Who is near whom?")
