"""A small BERT fills blanks: it looks at what stands before AND behind them.

It learns sentences of an invented grammar. In each epoch 30 % of the words are selected
anew (BERT's 15 % would take longer), and 80 % of those are hidden. Then it names words
that are hidden in sentences it has not seen; once more with everything behind the blank
hidden as well. So many hidden words it has never seen in training, so that part of what
is lost is not the fault of looking to one side only.

Paper: Devlin et al., "BERT", NAACL 2019 (section 3.1, task 1)
"""

from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from course.bar import Bar
from course.data.load import load
from course.figures import BLUE, ORANGE, panels, save
from modules.nlp.language_models.bert import Bert
from modules.nlp.language_models.bert_pretraining import BertPretraining
from modules.nlp.language_models.masking import mask_tokens

FIGURE = Path(__file__).parents[1] / "figures" / "filled_blanks.png"
SENTENCES, EPOCHS, BATCH, RATE = 5000, 12, 64, 0.3
FRESH = 2000  # sentences that no choice of the settings has looked at
CLS, SEP, MASK = 1, 2, 3  # 0 is padding
BLANKS = (
    "____ witch tired of the spell wrote a poem yesterday .",
    "____ witches tired of the spell wrote a poem yesterday .",
    "____ (all words behind are hidden too)",
)


def sentences():
    """Return sentences as lists of words."""
    texts = load("course_corpus/grammar", "train", batch_size=-1)["text"].numpy()
    return [text.decode().split() for text in texts]


def numbered(texts, number, length):
    """Return (B, T) tokens: [CLS], words, [SEP], padding."""
    rows = [[CLS, *map(number.get, words), SEP] for words in texts]
    return np.array([row + [0] * (length - len(row)) for row in rows], "int32")


def masked(tokens, rng, vocabulary):
    """Return [tokens, segments] to read, and labels; each epoch others."""
    noise = rng.random((3, *tokens.shape)).astype("float32")
    read, labels = mask_tokens(tokens, noise, vocabulary, MASK, (CLS, SEP), RATE)
    read, labels = np.asarray(read), np.asarray(labels)
    return [read, np.zeros_like(read)], labels


def train(model, tokens, bar):
    rate = keras.optimizers.schedules.CosineDecay(5e-3, EPOCHS * len(tokens) // BATCH)
    model.compile(keras.optimizers.Adam(rate, beta_2=0.98))
    rng = np.random.default_rng(0)
    for _ in range(EPOCHS):
        x, labels = masked(tokens, rng, model.bert.vocabulary_size)
        model.fit(x, labels, BATCH, verbose=0, callbacks=[bar])


def blanked(tokens, rng, behind):
    """Return sentences with one blank each, and where it is."""
    places = np.array([rng.integers(1, (row > MASK).sum() + 1) for row in tokens])
    at = np.arange(tokens.shape[1])
    hide = at == places[:, None]
    hide |= behind & (at > places[:, None]) & (tokens > MASK)
    return np.where(hide, MASK, tokens), places


def probabilities(model, read, places):
    """Return (B, K), what the model says stands at each place."""
    words, _ = model.predict([read, np.zeros_like(read)], 500, verbose=0)
    logits = words[np.arange(len(read)), places]
    return np.exp(logits - np.logaddexp.reduce(logits, axis=1, keepdims=True))


def questions(number, length):
    """Return the sentences of the figure with their blanks, (3, T)."""
    texts = [text.replace("____", "[MASK]").split() for text in BLANKS[:2]]
    texts.append(["[MASK]"] * len(texts[0]))
    return numbered(texts, number, length)


def draw(found, words, out, shown=8):
    figure, axes = panels(3, 1, size=(6.2, 1.75))
    for [axis], title, p in zip(axes, BLANKS, found, strict=True):
        best = np.argsort(-p)[:shown]
        axis.bar(range(shown), p[best], color=[ORANGE, *[BLUE] * (shown - 1)])
        axis.set_xticks(range(shown), [words[b] for b in best])
        axis.set(title=title, ylim=(0, 1))
    figure.supylabel("probability of the first blank")
    save(figure, out)


def main(out=FIGURE):
    tf.config.experimental.enable_op_determinism()
    keras.utils.set_random_seed(0)
    texts = sentences()
    texts, test = texts[:-FRESH], texts[-FRESH:]
    vocabulary = sorted({w for text in texts for w in text})
    words = ["", "[CLS]", "[SEP]", "[MASK]", *vocabulary]
    number = {word: place for place, word in enumerate(words)}
    length = 2 + max(map(len, [*texts, *test]))
    sizes = {"num_layers": 2, "num_heads": 4, "hidden_dim": 64}
    bert = Bert(len(words), length, **sizes, rate=0.0, epsilon=1e-6)
    model, bar = BertPretraining(bert), Bar(EPOCHS + 2)
    train(model, numbered(texts[:SENTENCES], number, length), bar)
    tokens = numbered(test, number, length)
    for behind, name in ((False, "both sides"), (True, "the left side only")):
        read, places = blanked(tokens, np.random.default_rng(1), behind)
        p = probabilities(model, read, places)
        right = np.mean(p.argmax(axis=1) == tokens[np.arange(len(tokens)), places])
        bar.step()
        print(f"one blank, {name}: {100 * right:.1f} % of {len(tokens)} words right")
    found = probabilities(model, questions(number, length), np.array([1, 1, 1]))
    for text, p in zip(BLANKS, found, strict=True):
        print(f"{text} {words[p.argmax()]} ({p.max():.2f})")
    draw(found, words, out)


if __name__ == "__main__":
    main()
