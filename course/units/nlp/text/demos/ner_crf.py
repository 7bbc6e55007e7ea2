"""Names in sentences, with and without a CRF: tokens and entities that were found.

Two taggers read the same 500 sentences of the course's set of names. Both are a
bidirectional LSTM; one tags each word for itself, the other scores neighbours too. The
left panel shows the F1 of tags and of whole entities on 800 sentences with other names,
and how many I- tags have nothing before them that they could go on with; the right
panel what the CRF has learned may follow what.

Paper: Lample et al., "Neural Architectures for Named Entity Recognition", NAACL 2016
       (section 2.2)
"""

from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from course.bar import Bar
from course.data.load import load
from course.figures import BLUE, ORANGE, panels, save, table
from modules.nlp.text.bilstm_crf import BiLSTMCRF
from modules.nlp.text.entities import entity_f1, impossible, token_f1
from modules.nlp.words.vocabulary import Vocabulary

FIGURE = Path(__file__).parents[1] / "figures" / "ner_crf.png"
SENTENCES, EPOCHS, UNITS = 500, 8, 24
RARE = 12  # words that occur less often are unknown: nearly all names


def read(split):
    """Return words and tags of each sentence, and the tags' names."""
    examples, info = load("course_ner", split, with_info=True)
    names, words, tags = info.features["ner"].feature.names, [], []
    for example in examples.as_numpy_iterator():
        words.append([word.decode() for word in example["tokens"]])
        tags.append([names[tag] for tag in example["ner"]])
    return words, tags, names


def numbered(rows, names, length):
    """Return tags as numbers, (N, length), -1 at padding."""
    found = np.full((len(rows), length), -1)
    for numbers, tags in zip(found, rows, strict=True):
        numbers[: len(tags)] = [names.index(tag) for tag in tags]
    return found


def tagger(crf, x, y, sizes, bar):
    """Return a tagger that has learned."""
    keras.utils.set_random_seed(0)
    model = BiLSTMCRF(*sizes, units=UNITS, embedding_dim=UNITS, rate=0.3, crf=crf)
    model.compile(keras.optimizers.Adam(0.01))
    model.fit(x, y, 32, EPOCHS, verbose=0, callbacks=[bar])
    return model


def judged(name, guesses, truth):
    """Print how good guesses are; return three numbers."""
    tokens, whole = 100 * token_f1(guesses, truth), 100 * entity_f1(guesses, truth)
    alone = sum(len(impossible(row)) for row in guesses)
    print(
        f"{name}: token F1 {tokens:.1f} %, entity F1 {whole:.1f} %, "
        f"{alone} impossible tags in {len(truth)} sentences"
    )
    return tokens, whole, alone


def draw(found, chain, names, out):
    figure, [axes] = panels(1, 2, size=(5.2, 4.2))
    places = np.arange(3)
    for i, (name, colour) in enumerate(zip(found, (BLUE, ORANGE), strict=True)):
        bars = axes[0].bar(
            places + 0.4 * i, found[name], 0.38, color=colour, label=name
        )
        axes[0].bar_label(bars, fmt="%.3g")
    labels = ["tokens,\nF1 in %", "entities,\nF1 in %", "impossible\ntags"]
    axes[0].set_xticks(places + 0.2, labels)
    axes[0].grid(axis="x", visible=False)
    axes[0].set(ylim=(0, 105))
    axes[0].legend(loc="upper right")
    rows = np.concatenate([[np.asarray(chain.start)], np.asarray(chain.transitions)])
    title = "score of a tag after another"
    table(axes[1], rows, ["(start)", *names], names, "tag", "after", title)
    axes[1].tick_params(axis="x", rotation=90)
    save(figure, out)


def main(out=FIGURE):
    tf.config.experimental.enable_op_determinism()
    words, tags, names = read(f"train[:{SENTENCES}]")
    test_words, truth, _ = read("test")
    vocabulary = Vocabulary(words, least=RARE)
    length = max(map(len, words + test_words))
    x, x_test = (vocabulary.rows(w, length) for w in (words, test_words))
    y, sizes = numbered(tags, names, length), (len(vocabulary), len(names))
    bar, found = Bar(2 * EPOCHS), {}
    for name, crf in {"each word for itself": False, "with a CRF": True}.items():
        model = tagger(crf, x, y, sizes, bar)
        guesses = [
            [names[tag] for tag in row[: len(tags)]]
            for row, tags in zip(model.tag(x_test), truth, strict=True)
        ]
        found[name] = judged(name, guesses, truth)
    draw(found, model.crf.chain, names, out)


if __name__ == "__main__":
    main()
