"""Controls of course_sentiment: which words there are is not enough, order decides."""

from collections import Counter, defaultdict

import keras
import numpy as np
from keras import layers

from course.data.load import load

SPLITS = ("train", "test", "minimal_pairs")
BOUNDS = {
    "counts of words, accuracy on test in % (chance 50)": (60, 80),
    "counts of words, accuracy on minimal_pairs in % (chance 50)": (49, 51),
    "first word alone, accuracy on test in % (chance 50)": (45, 57),
    "number of words alone, accuracy on test in % (chance 50)": (45, 57),
    "GRU, accuracy on test in % (chance 50)": (90, 100),
    "GRU, accuracy on minimal_pairs in % (chance 50)": (90, 100),
}


def measure():
    sets = {split: load("course_sentiment", split, batch_size=-1) for split in SPLITS}
    texts = {split: np.asarray(examples["text"]) for split, examples in sets.items()}
    labels = {split: np.asarray(examples["label"]) for split, examples in sets.items()}
    words = {split: [t.split() for t in texts[split]] for split in ("train", "test")}
    first = by_frequency(words, labels, lambda text: text[0])
    length = by_frequency(words, labels, len)
    counts = layers.TextVectorization(standardize=None, output_mode="count")
    bag = accuracies(counts, [layers.Dense(1)], 0.03, texts, labels)
    places = layers.TextVectorization(standardize=None)
    embed = layers.Embedding(500, 32, mask_zero=True)
    recurrent = [embed, layers.GRU(64), layers.Dense(1)]
    gru = accuracies(places, recurrent, 0.01, texts, labels)
    return dict(zip(BOUNDS, [*bag, first, length, *gru], strict=True))


def by_frequency(words, labels, clue):
    """Return the accuracy of the label that train has most often with this clue."""
    votes = defaultdict(Counter)
    for text, label in zip(words["train"], labels["train"], strict=True):
        votes[clue(text)][label] += 1
    guesses = [votes[clue(text)] for text in words["test"]]
    guesses = [max(v, key=v.get, default=0) for v in guesses]
    return 100 * np.mean(guesses == labels["test"])


def accuracies(lookup, network, rate, texts, labels):
    """Train on texts as lookup numbers them; return accuracy on the other splits."""
    lookup.adapt(texts["train"])
    x = {split: lookup(texts[split]) for split in SPLITS}
    model = keras.Sequential(network)
    loss = keras.losses.BinaryCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(rate), loss, jit_compile=False)
    model.fit(x["train"], labels["train"], batch_size=128, epochs=6, verbose=0)
    scores = [model.predict(x[split], verbose=0)[:, 0] for split in SPLITS[1:]]
    right = [(s > 0) == labels[p] for s, p in zip(scores, SPLITS[1:], strict=True)]
    return [100 * np.mean(r) for r in right]
