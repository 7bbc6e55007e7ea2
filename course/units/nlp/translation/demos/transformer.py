"""A small Transformer translates English to Zorp; its attention aligns the two.

One encoder layer and one decoder layer learn 12,000 short sentences with the paper's
recipe: warm-up, label smoothing, dropout, shared embeddings. Then they translate
sentences that they have not seen, greedily and with a key/value cache; right is what
has no wrong word. The figure shows where the decoder looks as it writes.

Paper: Vaswani et al., "Attention Is All You Need", NeurIPS 2017 (sections 3.2.3 and 5)
"""

from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from course.bar import Bar
from course.data.load import load
from course.figures import panels, save, table
from modules.nlp.translation.transformer import Transformer
from modules.nlp.translation.warmup_schedule import WarmupSchedule
from modules.vision.classification.label_smoothing import SmoothedCrossEntropy

FIGURE = Path(__file__).parents[1] / "figures" / "transformer.png"
EPOCHS, BATCH, UNITS = 5, 64, 64
START, END = 1, 2  # 0 is padding
SHOWN = 2  # sentences in the figure


def sentences(split):
    """Return the English and the Zorp sentences of a split, as lists of words."""
    texts = load("course_zorp/short", split, batch_size=-1)
    return [[t.decode().split() for t in texts[k].numpy()] for k in ("en", "zorp")]


def vocabulary(*languages):
    """Return a number for each word of all languages, from 3."""
    words = {w for language in languages for sentence in language for w in sentence}
    return {word: number for number, word in enumerate(sorted(words), 3)}


def numbered(language, number, end=()):
    """Return (B, T) word numbers, each row followed by `end` and filled with 0."""
    rows = [[*map(number.get, sentence), *end] for sentence in language]
    length = max(map(len, rows))
    return np.array([row + [0] * (length - len(row)) for row in rows])


def train(x, y, words, bar):
    """Return a Transformer that has learned to write y after reading x."""
    model = Transformer(
        words, num_layers=1, num_heads=4, hidden_dim=UNITS, intermediate_dim=4 * UNITS
    )
    rate = WarmupSchedule(UNITS, warmup_steps=400)
    model.compile(
        keras.optimizers.Adam(rate, 0.9, 0.98, 1e-9), SmoothedCrossEntropy(ignore=0)
    )
    given = np.pad(y, [(0, 0), (1, 0)], constant_values=START)[:, :-1]
    model.fit([x, given], y, BATCH, EPOCHS, verbose=0, callbacks=[bar])
    return model


def right(model, x, y):
    """Return which sentences are translated without a wrong word, and all words."""
    found = model.translate(x, y.shape[1], START, END)
    return (found == y).all(axis=1), found


def draw(model, english, zorp, number, out):
    """Draw cross-attention, averaged over heads, for some sentences."""
    figure, [axes] = panels(1, SHOWN, size=(5.6, 4.6))
    for axis, source, target in zip(axes, english, zorp, strict=True):
        given = [START, *map(number.get, target)]
        x, y = (np.array([row]) for row in (list(map(number.get, source)), given))
        _, [weights] = model([x, y], return_attention_scores=True)
        weights = np.mean(weights[0], axis=0)  # (T, S)
        names = ([*target, "(end)"], source, "reads", "writes")
        table(axis, weights, *names, vmin=0, vmax=1)
        axis.tick_params(axis="x", rotation=60)
    save(figure, out)


def main(out=FIGURE):
    tf.config.experimental.enable_op_determinism()
    keras.utils.set_random_seed(0)
    english, zorp = sentences("train")
    number = vocabulary(english, zorp)
    x, y = numbered(english, number), numbered(zorp, number, [END])
    bar = Bar(EPOCHS + 2)
    model = train(x, y, len(number) + 3, bar)
    for split in ("longer", "test"):
        english, zorp = sentences(split)
        x, y = numbered(english, number), numbered(zorp, number, [END])
        correct, found = right(model, x, y)
        words = 100 * np.mean((found == y)[y > 0])
        bar.step()
        print(
            f"{split}: {100 * correct.mean():.1f} % of {len(x)} sentences without a "
            f"wrong word, {words:.1f} % of the words in their place"
        )
    best = [i for i in np.flatnonzero(correct) if len(english[i]) >= 8][:SHOWN]
    english, zorp = ([side[i] for i in best] for side in (english, zorp))
    for source, target in zip(english, zorp, strict=True):
        print(f"{' '.join(source)} -> {' '.join(target)}")
    draw(model, english, zorp, number, out)


if __name__ == "__main__":
    main()
