"""Captions of scenes: an LSTM sees what a convolutional network saw, once.

The network first learns which words are true of a scene, as the paper's has learned to
classify; then it is frozen, and the LSTM learns to write the first caption of each
scene. New scenes are described greedily. BLEU is measured with five references each;
the same captions laid beside the NEXT scene tell how much of it grammar alone earns.

Paper: Vinyals et al., "Show and Tell", CVPR 2015 (sections 3 and 4.3.1)
"""

from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops

from course.bar import Bar
from course.data.load import load
from course.figures import image, panels, save
from modules.multimodal.show_and_tell import ShowAndTell
from modules.nlp.translation.bleu import bleu
from modules.nlp.words.vocabulary import Vocabulary

FIGURE = Path(__file__).parents[1] / "figures" / "captions.png"
CONFIG, LOOKS, READS, BATCH, LENGTH = "course_scenes/held_out", 10, 9, 64, 18
SHOWN = range(1, 9)


def scenes(split):
    """Return images from 0 to 1, and of each its captions as lists of words."""
    found = list(load(CONFIG, split).as_numpy_iterator())
    texts = [[t.decode().split() for t in e["captions"]["text"]] for e in found]
    return np.stack([e["image"] for e in found]).astype("float32") / 255, texts


def eye(x, filters):
    """Look at maps: the strongest answer of each feature, wherever it is."""
    for n in filters:
        x = layers.Conv2D(n, 3, padding="same", use_bias=False)(x)
        x = layers.ReLU()(layers.BatchNormalization(momentum=0.8)(x))
        x = layers.MaxPooling2D(2)(x)
    return layers.GlobalMaxPooling2D()(x)


def encoder(images, truth, bar):
    """Return a network that knows which words are true of an image, frozen."""
    x = keras.Input(images.shape[1:])
    grey = ops.mean(x, axis=-1, keepdims=True)
    seen = layers.Concatenate()([eye(x, (16, 32)), eye(grey, (16, 32, 64))])
    words = layers.Dense(truth.shape[1], "sigmoid")(seen)
    look = keras.Model(x, words)
    look.compile(keras.optimizers.Adam(2e-3), "binary_crossentropy")
    look.fit(images, truth, BATCH, LOOKS, verbose=0, callbacks=[bar])
    seen = keras.Model(x, seen)
    seen.trainable = False
    return seen


def draw(images, texts, out):
    figure, axes = panels(2, 4, size=(2.6, 2.3))
    for axis, i in zip(axes.ravel(), SHOWN, strict=True):
        words = " ".join(texts[i])
        image(axis, images[i], words.replace(" and ", "\nand "))
        axis.title.set_fontsize(8)
    save(figure, out)


def main(out=FIGURE):
    tf.config.experimental.enable_op_determinism()
    keras.utils.set_random_seed(0)
    images, captions = scenes("train")
    new, references = scenes("test")
    words = Vocabulary([text for texts in captions for text in texts])
    start, end = len(words), len(words) + 1
    truth = np.array([np.isin(words.words, sum(t, [])) for t in captions])
    bar = Bar(LOOKS + READS)
    seen = encoder(images, truth.astype("float32"), bar)
    model = ShowAndTell(seen, len(words) + 2, units=128, rate=0.0, low=0.0, high=1.0)
    rate = keras.optimizers.schedules.CosineDecay(5e-3, READS * len(images) // BATCH)
    model.compile(keras.optimizers.Adam(rate))
    rows = words.rows([text[0] for text in captions], LENGTH)
    rows = np.pad(rows, [(0, 0), (1, 1)], constant_values=[(0, 0), (start, 0)])
    rows[np.arange(len(rows)), (rows > 0).sum(axis=1)] = end
    model.fit(
        [images, rows], batch_size=BATCH, epochs=READS, verbose=0, callbacks=[bar]
    )
    told = model.caption(new, LENGTH, start, end)
    texts = [[words.words[t] for t in row if 0 < t < start] for row in told]
    for name, those in (("own", references), ("next", references[1:] + references[:1])):
        print(
            f"BLEU-4 with the {name} scene's captions: {100 * bleu(texts, those):.1f}"
        )
    print(f"{len(set(map(tuple, texts)))} different captions of {len(texts)}")
    draw(new, texts, out)


if __name__ == "__main__":
    main()
