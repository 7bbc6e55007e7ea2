"""course_scenes: captions and questions need the image; pairs need their parts."""

import keras
import numpy as np
from keras import layers, ops

from course.data.load import load
from course.data.worlds.scenes import COLORS, SHAPES

GUESSED = "answers from the question alone, accuracy in % (most frequent answers)"
SEEN = "answers from question and image, accuracy in %"
BLIND = "words of the captions without the image, AUC in % (chance 50)"
SIGHTED = "words of the captions from the image, AUC in % (chance 50)"
AS_PAIRS = "color and shape of unseen pairs, one class a pair, accuracy in % (chance 3)"
AS_PARTS = "color and shape of unseen pairs, shape from grey, accuracy in % (chance 3)"
BOUNDS = {
    BLIND: (45, 55),
    SIGHTED: (85, 100),
    GUESSED: (20, 38),
    SEEN: (48, 100),
    AS_PAIRS: (0, 0.5),
    AS_PARTS: (60, 100),
}
ANSWERS = ("yes", "no", "0", "1", "2", *COLORS, *SHAPES)
WORDS = (*COLORS, "square", "triangle", "cross", "heart")  # those without synonyms


def examples(config, split):
    found = list(load(f"course_scenes/{config}", split).as_numpy_iterator())
    return found, np.stack([e["image"] for e in found]).astype("float32") / 128 - 1


def eye(inputs, filters=(16, 32, 64)):
    """Look at images: to the strongest answer of each feature, wherever it is."""
    x = inputs
    for n in filters:
        x = layers.Conv2D(n, 3, padding="same", use_bias=False)(x)
        x = layers.ReLU()(layers.BatchNormalization(momentum=0.8)(x))
        x = layers.MaxPooling2D(2)(x)
    return layers.GlobalMaxPooling2D()(x)


def trained(model, x, y, epochs, loss=None, **options):
    loss = loss or keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(2e-3), loss, **options)
    model.fit(x, y, batch_size=64, epochs=epochs, verbose=0)
    return model


def asked(found, images):
    """Return (images, questions, numbers of the answers), a row a question."""
    rows, words, answers = [], [], []
    for i, example in enumerate(found):
        pairs = example["question_answer"]
        for q, a in zip(pairs["question"], pairs["answer"], strict=True):
            rows.append(i)
            words.append(q.decode())
            answers.append(ANSWERS.index(a.decode()))
    return images[rows], words, np.array(answers)


def spoken(found):
    """Return (N, W) bool: which of WORDS stand in the captions of an image."""
    texts = [" ".join(t.decode() for t in e["captions"]["text"]) for e in found]
    return np.array([[w in text for w in WORDS] for text in texts])


def auc(truth, scores):
    """Return the chance that an image with the word scores higher, the mean, in %."""
    found = []
    for t, s in zip(truth.T, scores.T, strict=True):
        gap = s[t][:, None] - s[~t]
        found.append(((gap > 0) + 0.5 * (gap == 0)).mean())
    return 100 * np.mean(found)


def captions(train, test):
    """Yield the AUC without the image and with it, and the network that has learned."""
    truth = spoken(test[0])
    yield auc(truth, np.tile(spoken(train[0]).mean(axis=0), (len(truth), 1)))
    inputs = keras.Input((32, 32, 3))
    seen = eye(inputs)
    model = keras.Model(inputs, layers.Dense(len(WORDS), "sigmoid")(seen))
    trained(model, train[1], spoken(train[0]), 6, "binary_crossentropy")
    yield auc(truth, model.predict(test[1], verbose=0))
    yield keras.Model(inputs, seen)


def answers(train, test):
    """Yield the accuracy from questions alone, and with features of images, in %."""
    (x, words, y), (x_test, words_test, y_test) = asked(*train), asked(*test)
    bags = layers.TextVectorization(output_mode="multi_hot")
    bags.adapt(words)
    q, q_test = np.asarray(bags(words)), np.asarray(bags(words_test))
    for images in (False, True):
        question, image = keras.Input(q.shape[1:]), keras.Input(x.shape[1:])
        h = layers.Dense(128, "relu")(question)
        if images:
            h = h * layers.Dense(128, "relu")(image)
        inputs = [question, image] if images else [question]
        model = keras.Model(inputs, layers.Dense(len(ANSWERS))(h))
        trained(model, [q, x][: len(inputs)], y, epochs=8)
        guess = model.predict([q_test, x_test][: len(inputs)], verbose=0).argmax(axis=1)
        yield 100 * (guess == y_test).mean()


def alone(found, images):
    """Return the images of one thing, its color and its shape."""
    kept = [i for i, e in enumerate(found) if len(e["objects"]["label"]) == 1]
    things = [found[i]["objects"] for i in kept]
    pairs = np.array([(t["color"][0], t["label"][0]) for t in things])
    return images[kept], *pairs.T


def composition(train, unseen):
    (x, color, shape), (x_new, *new) = alone(*train), alone(*unseen)
    inputs = keras.Input((32, 32, 3))
    pairs = keras.Model(inputs, layers.Dense(36)(eye(inputs)))
    trained(pairs, x, 6 * color + shape, epochs=2)
    guess = pairs.predict(x_new, verbose=0).argmax(axis=1)
    yield 100 * (guess == 6 * new[0] + new[1]).mean()
    grey = ops.mean(inputs, axis=-1, keepdims=True)
    heads = [eye(inputs, filters=(16, 32)), eye(grey)]
    heads = keras.Model(inputs, [layers.Dense(6)(seen) for seen in heads])
    loss = [keras.losses.SparseCategoricalCrossentropy(from_logits=True)] * 2
    trained(heads, x, [color, shape], 8, loss)
    guess = [scores.argmax(axis=1) for scores in heads.predict(x_new, verbose=0)]
    yield 100 * ((guess[0] == new[0]) & (guess[1] == new[1])).mean()


def measure():
    tiny = [examples("tiny", split) for split in ("train", "test")]
    blind, sighted, look = captions(*tiny)
    seen = [(found, look.predict(images, verbose=0)) for found, images in tiny]
    unseen = [examples("held_out", split) for split in ("train", "unseen")]
    measured = [blind, sighted, *answers(*seen), *composition(*unseen)]
    return dict(zip(BOUNDS, measured, strict=True))
