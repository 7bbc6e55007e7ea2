"""Analogies as arrows: from "king" to "queen" as from "man" to "woman".

Skip-gram with negative sampling reads 18,000 sentences of the course's corpus, once
with all their words and once subsampled. The left panels show some vectors from the
side from which OTHER pairs of words differ most, so that nothing makes the arrows
parallel but the vectors. The right panel counts how many of 2,058 analogies come out
right.

Paper: Mikolov et al., "Efficient Estimation of Word Representations in Vector Space",
       2013 (section 4); "Distributed Representations of Words and Phrases and their
       Compositionality", 2013 (sections 2.2 and 2.3)
"""

from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from course.bar import Bar
from course.data.load import load
from course.figures import BLUE, GREEN, arrows, panels, save
from modules.nlp.words.analogies import analogy_accuracy, normalize, solve
from modules.nlp.words.negative_sampling import NegativeSampling
from modules.nlp.words.skip_gram import window_pairs
from modules.nlp.words.subsampling import keep_probability, subsample
from modules.nlp.words.vocabulary import Vocabulary

FIGURE = Path(__file__).parents[1] / "figures" / "analogies.png"
WINDOW, DIM, NEVER = 8, 40, (0, 1)  # padding and unknown words are no answers
NOUNS = (
    "king queen kings queens|man woman men women|boy girl boys girls|"
    "actor actress actors actresses|prince princess princes princesses|"
    "uncle aunt uncles aunts|waiter waitress waiters waitresses|"
    "monk nun monks nuns|wizard witch wizards witches|duke duchess dukes duchesses|"
    "hero heroine heroes heroines|host hostess hosts hostesses|"
    "god goddess gods goddesses|"
    "grandfather grandmother grandfathers grandmothers"
)
VERBS = (
    "sings sing sang|drives drive drove|swims swim swam|bakes bake baked|"
    "writes write wrote|plays play played|rides ride rode|buys buy bought|"
    "climbs climb climbed|grows grow grew|builds build built|drinks drink drank|"
    "paints paint painted|teaches teach taught"
)


def forms(words, *chosen):
    """Return the chosen forms of each word, as tuples."""
    return [tuple(w.split()[i] for i in chosen) for w in words.split("|")]


def analogies():
    """Return all a : b :: c : d of gender, number, tense, and number of verbs."""
    relations = [
        forms(NOUNS, 0, 1) + forms(NOUNS, 2, 3),
        forms(NOUNS, 0, 2) + forms(NOUNS, 1, 3),
        forms(VERBS, 0, 2),
        forms(VERBS, 1, 2),
        forms(VERBS, 0, 1),
    ]
    return [(*p, *q) for pairs in relations for p in pairs for q in pairs if p != q]


def vectors(rows, counts, bar):
    """Return the words' vectors after one pass over the sentences."""
    keras.utils.set_random_seed(0)
    model = NegativeSampling(counts, DIM, negatives=5, seed=0)
    model.compile(keras.optimizers.Adam(0.01))
    model.fit(window_pairs(rows, WINDOW), None, 2048, 1, verbose=0, callbacks=[bar])
    return model.vectors


def side(v, shown, others):
    """Return shown pairs (N, 2, 2): along the mean step of others, and across it."""
    step = normalize((v[others[:, 1]] - v[others[:, 0]]).mean(axis=0))
    across = v[shown.ravel()] - v[shown.ravel()].mean(axis=0)
    across = across - np.outer(across @ step, step)
    _, _, directions = np.linalg.svd(across, full_matrices=False)
    return np.stack([v[shown] @ step, v[shown] @ directions[0]], axis=-1)


def nearest_to_c(v, quads):
    """Return how many answers are right if only c is looked at: b - a is 0."""
    found = solve(v, quads[:, [0, 0, 2]], never=(*NEVER,))
    return np.mean(found == quads[:, 3])


def draw(v, words, results, out):
    figure, [axes] = panels(1, 3, size=(4.6, 4.2))
    kinds = {
        "male to female": (forms(NOUNS, 0, 1), BLUE, [0, 1, 3, 5, 6, 11]),
        "present to past": (forms(VERBS, 1, 2), GREEN, [0, 3, 6, 9, 11]),
    }
    for axis, (title, (pairs, colour, shown)) in zip(axes, kinds.items(), strict=False):
        numbers = np.array([[words.number(w) for w in pair] for pair in pairs])
        others = np.delete(numbers, shown, axis=0)
        names = [pairs[i] for i in shown]
        arrows(axis, side(v, numbers[shown], others), names, colour)
        axis.set(title=title, xlabel="mean step of all other pairs")
    names, values = list(results), [100 * r for r in results.values()]
    places = np.arange(len(names))[::-1]
    axes[2].barh(places, values, color=BLUE, height=0.6)
    axes[2].set_yticks(places, names)
    axes[2].set(xlim=(0, 100), title="analogies that come out right, in %")
    axes[2].grid(axis="y", visible=False)
    save(figure, out)


def main(out=FIGURE):
    tf.config.experimental.enable_op_determinism()
    texts = load("course_corpus/grammar", "train", batch_size=-1)["text"].numpy()
    sentences = [text.decode().split() for text in texts]
    words = Vocabulary(sentences)
    rows = words.rows(sentences)
    quads = np.array([[words.number(w) for w in quad] for quad in analogies()])
    fewer = subsample(
        rows, keep_probability(words.counts, 0.005), np.random.default_rng(0)
    )
    bar = Bar(2)
    v, plain = (vectors(r, words.counts, bar) for r in (fewer, rows))
    v, plain = normalize(v), normalize(plain)
    results = {
        "subsampled": analogy_accuracy(v, quads, never=NEVER),
        "all words": analogy_accuracy(plain, quads, never=NEVER),
        "all words, a, b, c\nallowed as answers": analogy_accuracy(
            plain, quads, exclude=False, never=NEVER
        ),
        "subsampled,\nnearest to c": nearest_to_c(v, quads),
    }
    print(f"words kept by subsampling: {(fewer > 0).sum() / (rows > 0).sum():.0%}")
    for name, right in results.items():
        print(
            f"{' '.join(name.split())}: {100 * right:.1f} % of {len(quads)} analogies"
        )
    draw(v, words, results, out)


if __name__ == "__main__":
    main()
