"""One vector or attention: which sentences come out right, and where attention looks.

Two recurrent models learn to translate the same short sentences from English to Zorp.
One hands its decoder the last state of the encoder, once; the other looks at all words
again before each word that it writes. The first panel shows how many sentences come out
without a wrong word, by the length of the sentence; the others show where the second
model looked.

Paper: Cho et al., 2014 (section 2.2); Bahdanau, Cho and Bengio, "Neural Machine
       Translation by Jointly Learning to Align and Translate", ICLR 2015 (figures 2, 3)
"""

from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from course.bar import Bar
from course.data.load import load
from course.figures import curves, panels, save, table
from modules.nlp.translation.bleu import bleu
from modules.nlp.translation.encoder_decoder import EncoderDecoder
from modules.nlp.translation.translator import teacher_forcing
from modules.vision.classification.label_smoothing import SmoothedCrossEntropy

FIGURE = Path(__file__).parents[1] / "figures" / "alignment.png"
EPOCHS, BATCH, UNITS = 4, 64, 64
END = 2  # 0 is padding, 1 the start
MODELS = {"one vector": None, "attention": "additive"}


def sentences(split):
    """Return the English and the Zorp sentences of a split, as lists of words."""
    texts = load("course_zorp/short", split, batch_size=-1)
    return [[t.decode().split() for t in texts[k].numpy()] for k in ("en", "zorp")]


def numbered(language, number, end=()):
    """Return (B, T) word numbers, each row followed by `end` and filled with 0."""
    rows = [[*map(number.get, sentence), *end] for sentence in language]
    length = max(map(len, rows))
    return np.array([row + [0] * (length - len(row)) for row in rows])


def train(attention, x, y, words, bar):
    """Return a model that has learned to write y after reading x."""
    keras.utils.set_random_seed(0)
    model = EncoderDecoder(words, UNITS, embedding_dim=UNITS // 2, attention=attention)
    rate = keras.optimizers.schedules.CosineDecay(6e-3, EPOCHS * len(x) // BATCH)
    optimizer = keras.optimizers.Adam(rate, clipnorm=1.0)
    model.compile(optimizer, SmoothedCrossEntropy(0.0, ignore=0))
    model.fit([x, teacher_forcing(y)], y, BATCH, EPOCHS, verbose=0, callbacks=[bar])
    return model


def words_of(rows):
    """Return lists of word numbers up to the end."""
    return [[n for n in row.tolist() if n and n != END] for row in rows]


def judged(name, model, x, y):
    """Print how good the translations are; return which have no wrong word."""
    found = model.translate(x, y.shape[1])
    right = (found == y).all(axis=1)
    wider = model.translate(x, y.shape[1], beams=4)
    scores = [
        100 * bleu(words_of(rows), [[r] for r in words_of(y)])
        for rows in (found, wider)
    ]
    print(
        f"{name}: {100 * right.mean():.1f} % of {len(x)} sentences without a wrong "
        f"word, BLEU {scores[0]:.1f}; with a beam of 4 "
        f"{100 * (wider == y).all(axis=1).mean():.1f} %, BLEU {scores[1]:.1f}"
    )
    return right


def draw(model, rights, english, zorp, x, y, out):
    """Draw accuracy by length, and the weights of two sentences."""
    figure, axes = panels(1, 3, size=(4.8, 4.4))
    lengths = np.array(list(map(len, english)))
    sizes = np.unique(lengths)
    shares = {
        name: [100 * right[lengths == n].mean() for n in sizes]
        for name, right in rights.items()
    }
    labels = "words of the sentence", "% without a wrong word"
    curves(axes[0, 0], sizes, shares, *labels)
    axes[0, 0].set_ylim(0, 103)
    _, weights = model([x, teacher_forcing(y)], return_attention_scores=True)
    best = np.flatnonzero(rights["attention"] & (lengths >= 8))[:2]
    for axis, i in zip(axes[0, 1:], best, strict=True):
        names = [*zorp[i], "(end)"], english[i]
        looks = np.asarray(weights[i])[: len(names[0]), : len(names[1])]
        table(axis, looks, *names, "reads", "writes", vmin=0, vmax=1)
        axis.tick_params(axis="x", rotation=60)
        peaks = [english[i][s] for s in looks.argmax(axis=1)]
        print(f"{' '.join(english[i])} -> {' '.join(zorp[i])}")
        print(f"  looked most at: {' '.join(peaks)}")
    save(figure, out)


def main(out=FIGURE):
    tf.config.experimental.enable_op_determinism()
    english, zorp = sentences("train")
    words = {word for language in (english, zorp) for s in language for word in s}
    number = {word: n for n, word in enumerate(sorted(words), 3)}
    x, y = numbered(english, number), numbered(zorp, number, [END])
    english, zorp = sentences("test")
    test = numbered(english, number), numbered(zorp, number, [END])
    bar, rights = Bar(len(MODELS) * EPOCHS), {}
    for name, attention in MODELS.items():
        model = train(attention, x, y, len(number) + 3, bar)
        rights[name] = judged(name, model, *test)
    draw(model, rights, english, zorp, *test, out)


if __name__ == "__main__":
    main()
