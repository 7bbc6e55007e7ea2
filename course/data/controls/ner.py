"""Controls of course_ner: no word tells what it is, the words around it do.

Entity F1 counts an entity as found if its kind and both its ends are right.
"""

from collections import Counter, defaultdict
from itertools import chain

import keras
from keras import layers

from course.data.load import load
from course.data.worlds.ner import entities

RARE = 40  # no name is that frequent
BOUNDS = {
    "most frequent tag of the word in train, entity F1 in % (best 100)": (0, 10),
    "most frequent tag of the word in test itself, entity F1 in % (best 100)": (20, 45),
    "network that sees one word at a time, entity F1 in % (best 100)": (0, 30),
    "bidirectional LSTM, entity F1 in % (best 100)": (95, 100),
}


def measure():
    words, tags, names = read()
    guesses = [looked_up(words["test"], words[s], tags[s]) for s in ("train", "test")]
    known = {w for w, n in Counter(chain(*words["train"])).items() if n >= RARE}
    number = {word: i for i, word in enumerate(sorted(known), 2)}
    x = padded([[number.get(w, 1) for w in row] for row in words["train"]], 0)
    x_test = padded([[number.get(w, 1) for w in row] for row in words["test"]], 0)
    y = padded([map(names.index, row) for row in tags["train"]], -1)
    both_sides = layers.Bidirectional(layers.LSTM(48, return_sequences=True))
    for middle in ([], [both_sides]):
        scores = trained(middle, x, y).predict(x_test, batch_size=100, verbose=0)
        guesses.append([[names[t] for t in row] for row in scores.argmax(-1)])
    return {w: f1(g, tags["test"]) for w, g in zip(BOUNDS, guesses, strict=True)}


def read():
    """Return the words and tags of each split, lists of lists, and the tags' names."""
    splits, info = load("course_ner", with_info=True)
    names = info.features["ner"].feature.names
    words, tags = defaultdict(list), defaultdict(list)
    for split, examples in splits.items():
        for example in examples.as_numpy_iterator():
            words[split].append([word.decode() for word in example["tokens"]])
            tags[split].append([names[tag] for tag in example["ner"]])
    return words, tags, names


def looked_up(sentences, words, tags):
    """Return the tag that each word of sentences has most often in words, or O."""
    votes = defaultdict(Counter)
    for word, tag in zip(chain(*words), chain(*tags), strict=True):
        votes[word][tag] += 1
    best = {word: max(votes[word], key=votes[word].get) for word in votes}
    return [[best.get(word, "O") for word in row] for row in sentences]


def padded(rows, filler):
    return keras.utils.pad_sequences([*map(list, rows)], padding="post", value=filler)


def trained(middle, x, y):
    """Train on x, (N, T) numbers of words, and y, (N, T) numbers of tags, or -1."""
    embed, score = layers.Embedding(int(x.max()) + 1, 32), layers.Dense(9)
    model = keras.Sequential([embed, *middle, score])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=-1)
    model.compile(keras.optimizers.Adam(0.01), loss, jit_compile=False)
    model.fit(x, y, batch_size=64, epochs=3, verbose=0)
    return model


def f1(guesses, truth):
    """Return 2 hits / (guessed + true entities), in %."""
    hits = total = 0
    for guess, tags in zip(guesses, truth, strict=True):
        found, want = set(entities(guess[: len(tags)])), set(entities(tags))
        hits, total = hits + len(found & want), total + len(found) + len(want)
    return 100 * 2 * hits / total
