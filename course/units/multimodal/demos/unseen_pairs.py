"""CLIP names what it never saw together: colors and shapes of unseen pairs.

It learns from scenes and their captions; six pairs such as "red triangle" never occur.
Then scenes of one thing are classified among all 36 pairs by three sentences each. A
classifier with one class a pair learns from the same scenes of one thing.

Paper: Radford et al., "Learning Transferable Visual Models From Natural Language
       Supervision", ICML 2021 (sections 2.3 and 3.1)
"""

from itertools import product
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops

from course.bar import Bar
from course.data.load import load
from course.figures import BLUE, ORANGE, panels, save, table
from modules.multimodal.clip import CLIP
from modules.nlp.words.vocabulary import Vocabulary

FIGURE = Path(__file__).parents[1] / "figures" / "unseen_pairs.png"
CONFIG, EPOCHS, BATCH, LENGTH = "course_scenes/held_out", 10, 64, 18
COLORS = ("red", "green", "blue", "yellow", "purple", "white")
SHAPES = ("circle", "square", "triangle", "star", "cross", "heart")
PAIRS = list(product(COLORS, SHAPES))
PROMPTS = ("a {} {}", "there is a {} {}", "a picture with a {} {}")


def scenes(split):
    """Return images, captions, and the pair of each scene, -1 where it has two."""
    found = list(load(CONFIG, split).as_numpy_iterator())
    images = np.stack([e["image"] for e in found]).astype("float32") / 255
    texts = [[t.decode().split() for t in e["captions"]["text"]] for e in found]
    things = [e["objects"] for e in found]
    pairs = [
        6 * t["color"][0] + t["label"][0] if len(t["label"]) == 1 else -1
        for t in things
    ]
    return images, texts, np.array(pairs)


def eye(x, filters):
    """Look at maps of halving size; where a feature is, is kept."""
    for n in filters:
        x = layers.Conv2D(n, 3, padding="same", use_bias=False)(x)
        x = layers.ReLU()(layers.BatchNormalization(momentum=0.9)(x))
        x = layers.MaxPooling2D(2)(x)
    return layers.Flatten()(x)


def image_encoder():
    """Return a network with an eye for colors and one that sees grey."""
    x = keras.Input((32, 32, 3))
    grey = ops.mean(x, axis=-1, keepdims=True)
    return keras.Model(
        x, layers.Concatenate()([eye(x, (16, 32)), eye(grey, (16, 32, 64))])
    )


def text_encoder(words):
    """Return the mean of the vectors of a text's words; 0 is padding."""
    x = keras.Input((LENGTH,), dtype="int32")
    v = layers.Embedding(words, 64, mask_zero=True)(x)
    return keras.Model(x, layers.GlobalAveragePooling1D()(v))


def learned(images, captions, words, bar):
    """Return a CLIP that has seen each scene with a caption of it a time and epoch."""
    model = CLIP(image_encoder(), text_encoder(len(words)), 32, low=0.0, high=1.0)
    rate = keras.optimizers.schedules.CosineDecay(3e-3, EPOCHS * len(images) // BATCH)
    model.compile(keras.optimizers.Adam(rate))
    rng = np.random.default_rng(0)
    for _ in range(EPOCHS):
        chosen = [texts[rng.integers(len(texts))] for texts in captions]
        x = [images, words.rows(chosen, LENGTH)]
        model.fit(x, batch_size=BATCH, verbose=0, callbacks=[bar])
    return model


def classifier(images, pairs, bar):
    """Return a network of the same kind with a class for each pair."""
    seen = image_encoder()
    model = keras.Model(seen.input, layers.Dense(len(PAIRS))(seen.output))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(2e-3), loss)
    model.fit(images, pairs, BATCH, EPOCHS, verbose=0, callbacks=[bar])
    return model


def draw(right, unseen, found, out):
    figure, [axes] = panels(1, 2, size=(5.2, 3.8))
    shares = np.where(unseen, right, np.nan).reshape(6, 6)
    title = "unseen pairs that CLIP names right, in %"
    table(axes[0], 100 * shares, COLORS, SHAPES, "shape", "color", title)
    names = ["CLIP", "a class a pair"]
    place = np.arange(2)
    for shift, colour, kind in (
        (-0.2, BLUE, "seen pairs"),
        (0.2, ORANGE, "unseen pairs"),
    ):
        shown = [100 * found[name, kind] for name in names]
        bars = axes[1].bar(place + shift, shown, 0.38, color=colour, label=kind)
        axes[1].bar_label(bars, fmt="%.0f")
    axes[1].set_xticks(place, names)
    axes[1].set(ylim=(0, 110), ylabel="right among 36 pairs, in %")
    axes[1].legend(loc="upper right")
    save(figure, out)


def main(out=FIGURE):
    tf.config.experimental.enable_op_determinism()
    keras.utils.set_random_seed(0)
    images, captions, pairs = scenes("train")
    words = Vocabulary([text for texts in captions for text in texts])
    bar = Bar(2 * EPOCHS)
    clip = learned(images, captions, words, bar)
    alone = pairs >= 0
    plain = classifier(images[alone], pairs[alone], bar)
    texts = [[p.format(*pair).split() for p in PROMPTS] for pair in PAIRS]
    prompts = np.stack([words.rows(t, LENGTH) for t in texts])
    found = {}
    for kind, split in (("seen pairs", "test"), ("unseen pairs", "unseen")):
        x, _, y = scenes(split)
        x, y = x[y >= 0], y[y >= 0]
        right = np.asarray(clip.classify(x, prompts)).argmax(axis=1) == y
        other = plain.predict(x, verbose=0).argmax(axis=1) == y
        found |= {
            ("CLIP", kind): right.mean(),
            ("a class a pair", kind): other.mean(),
        }
        shares = (
            f"CLIP {100 * right.mean():.1f} %, a class a pair {100 * other.mean():.1f}"
        )
        print(f"{kind}: {shares} % of {len(y)} scenes (chance 2.8)")
    count = np.bincount(y, minlength=36)
    share = np.bincount(y, right, minlength=36) / np.maximum(count, 1)
    draw(share, count > 0, found, out)


if __name__ == "__main__":
    main()
