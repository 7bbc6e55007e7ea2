"""Controls of course_corpus: analogies need the company of words, and offsets.

Vectors are those of pointwise mutual information, factorized: what skip-gram with
negative sampling tends to (Levy and Goldberg, "Neural Word Embedding as Implicit
Matrix Factorization", NeurIPS 2014).
"""

import keras
import numpy as np
from keras import layers

from course.data.load import load
from course.data.worlds.corpus import analogies

BOUNDS = {
    "vectors of the corpus, analogies right in % (chance 0.4)": (95, 100),
    "vectors of the shuffled corpus, analogies right in % (chance 0.4)": (0, 2),
    "word nearest to c, whatever a and b, analogies right in %": (35, 70),
    "word as frequent as c, analogies right in % (chance 0.4)": (0, 2),
    "each word alone, perplexity (229 words)": (80, 110),
    "each word after the one before, perplexity": (5, 7),
    "GRU, perplexity": (3, 4.6),
}
DIMENSIONS = 60


def measure():
    train = sentences("train")
    number = {w: i for i, w in enumerate(sorted({w for s in train for w in s}), 1)}
    x, x_test = (rows(s, number) for s in (train, sentences("test")))
    quads = np.array([[number[word] for word in quad] for quad in analogies()])
    shuffled = x.copy()
    shuffled[x > 0] = np.random.default_rng(0).permutation(x[x > 0])
    v = vectors(x)
    measured = [solved(v, quads), solved(vectors(shuffled), quads)]
    measured += [solved(v, quads[:, [0, 0, 2, 3]], quads), by_frequency(x, quads)]
    measured += [*by_counts(x, x_test), by_gru(x, x_test)]
    return dict(zip(BOUNDS, measured, strict=True))


def sentences(split):
    texts = load("course_corpus/grammar", split, batch_size=-1)["text"].numpy()
    return [text.decode().split() for text in texts]


def rows(sentences, number):
    """Return sentences as numbers of words, (N, T); zeros follow."""
    numbers = [[number[word] for word in s] for s in sentences]
    return keras.utils.pad_sequences(numbers, 24, padding="post")


def vectors(x):
    """Return the words' vectors, (V, D), each of length 1; word 0 is padding."""
    there = np.zeros((len(x), x.max() + 1), "float32")
    np.put_along_axis(there, x, 1, axis=1)
    there[:, 0] = 0
    together = there.T @ there
    alone = np.diag(together) + 1e-9
    np.fill_diagonal(together, 0)
    pmi = np.log(np.maximum(together * len(x) / np.outer(alone, alone), 1))
    u, s, _ = np.linalg.svd(pmi)
    v = u[:, :DIMENSIONS] * np.sqrt(s[:DIMENSIONS])
    return v / (np.linalg.norm(v, axis=1, keepdims=True) + 1e-9)


def solved(v, quads, asked=None):
    """Return in how many % b - a + c is nearest to d, of the words not asked about."""
    a, b, c, d = quads.T
    scores = (v[b] - v[a] + v[c]) @ v.T
    np.put_along_axis(scores, (quads if asked is None else asked)[:, :3], -9, axis=1)
    return 100 * np.mean(scores.argmax(1) == d)


def by_frequency(x, quads):
    """Return the same for the word that is as frequent as c."""
    counts = np.bincount(x.ravel()).astype(float)
    counts[0] = -np.inf
    distance = np.abs(counts - counts[quads[:, 2]][:, None])
    np.put_along_axis(distance, quads[:, :3], np.inf, axis=1)
    return 100 * np.mean(distance.argmin(1) == quads[:, 3])


def by_counts(x, x_test):
    """Return the perplexity of words by their own counts, and after the word before."""
    after = np.full((x.max() + 1, x.max() + 1), 0.1)
    np.add.at(after, (before(x), x), x > 0)
    after[:, 0] = 0
    alone = np.tile(after.sum(0), (len(after), 1))
    return [
        perplexity((counts / counts.sum(1, keepdims=True))[before(x_test)], x_test)
        for counts in (alone, after)
    ]


def by_gru(x, x_test):
    words = int(x.max()) + 1
    embed, score = layers.Embedding(words, 32), layers.Dense(words)
    gru = layers.GRU(64, return_sequences=True)
    model = keras.Sequential([embed, gru, score, layers.Softmax()])
    loss = keras.losses.SparseCategoricalCrossentropy(ignore_class=0)
    model.compile(keras.optimizers.Adam(0.01), loss, jit_compile=False)
    model.fit(before(x), x, batch_size=64, epochs=1, verbose=0)
    return perplexity(model.predict(before(x_test), batch_size=200, verbose=0), x_test)


def before(x):
    """Return the words before those of x, (N, T); 0 is before the first."""
    return np.pad(x, [(0, 0), (1, 0)])[:, :-1]


def perplexity(p, x):
    """Return that of words x, (N, T), given probabilities, (N, T, V)."""
    likely = np.take_along_axis(p, x[..., None], -1)[..., 0]
    return np.exp(-np.log(likely[x > 0]).mean())
