"""Controls of course_zorp: no dictionary translates it, and hardly a single vector.

Sentences of at most 9 words, translated greedily; right is what has no wrong word.
Both networks see the same examples equally often.
"""

import keras
import numpy as np
from keras import layers

from course.data.load import load

EPOCHS, BATCH, UNITS = 4, 64, 64
BOUNDS = {
    "best dictionary, word for word: sentences right in % (chance 0)": (0, 1),
    "GRU without attention: sentences right in % (chance 0)": (0, 10),
    "Transformer, as many epochs: sentences right in % (chance 0)": (80, 100),
}


def measure():
    train = load("course_zorp/short", "train[:6000]", batch_size=-1)
    test = load("course_zorp/short", "test[:500]", batch_size=-1)
    x, x_test = numbered(train["en"], test["en"])
    y, y_test = numbered(train["zorp"], test["zorp"])  # zero: start, end and padding
    guesses = [by_dictionary(x, y)[x_test]]
    for network in (recurrent, transformer):
        model = network(x, y)
        fit(model, x, y)
        guesses.append(translated(model, x_test, y_test.shape[1]))
    return {
        what: 100 * np.mean([same(a, b) for a, b in zip(guess, y_test, strict=True)])
        for what, guess in zip(BOUNDS, guesses, strict=True)
    }


def numbered(train, test):
    """Return train and test sentences as rows of word numbers; 0 ends a sentence."""
    split = [[t.decode().split() for t in side.numpy()] for side in (train, test)]
    vocabulary = {w for sentences in split for s in sentences for w in s}
    number = {word: i for i, word in enumerate(sorted(vocabulary), 1)}
    length = 1 + max(len(s) for sentences in split for s in sentences)
    return [
        np.array([[*map(number.get, s), *[0] * (length - len(s))] for s in sentences])
        for sentences in split
    ]


def words(x):
    return int(x.max()) + 1


def same(guess, want):
    """Tell whether two rows hold the same words, whatever zeros follow."""
    return np.array_equal(np.trim_zeros(guess, "b"), np.trim_zeros(want, "b"))


def by_dictionary(x, y):
    """Return for each word of x the word of y that most favours its company.

    That is the most frequent one relative to how often it stands anywhere else.
    """
    together = np.zeros((words(x), words(y)))
    for source, target in zip(x, y, strict=True):
        together[np.ix_(source, target)] += 1
    together[:, 0] = 0
    dice = together / (together.sum(0) + together.sum(1, keepdims=True) + 1)
    best = dice.argmax(1)
    best[0] = 0
    return best


def recurrent(x, y):
    """The decoder starts from the encoder's last state and sees nothing else."""
    source = keras.Input((x.shape[1],))
    target = keras.Input((y.shape[1],))
    embedded = layers.Embedding(words(x), UNITS, mask_zero=True)(source)
    state = layers.GRU(2 * UNITS)(embedded)
    h = layers.Embedding(words(y), UNITS)(target)
    h = layers.GRU(2 * UNITS, return_sequences=True)(h, initial_state=state)
    return keras.Model([source, target], layers.Dense(words(y))(h))


def transformer(x, y):
    """One layer of encoder and of decoder."""
    source = keras.Input((x.shape[1],))
    target = keras.Input((y.shape[1],))
    seen = (source > 0)[:, None]
    memory = placed(source, words(x))
    memory = mixed(attended(memory, memory, attention_mask=seen))
    h = placed(target, words(y))
    h = attended(h, h, use_causal_mask=True)
    h = mixed(attended(h, memory, attention_mask=seen))
    return keras.Model([source, target], layers.Dense(words(y))(h))


def placed(numbers, count):
    """Embed words and add sines and cosines of their places."""
    rate = 10.0 ** -np.linspace(0, 2, UNITS // 2)
    angle = np.arange(numbers.shape[1])[:, None] * rate
    waves = np.concatenate([np.sin(angle), np.cos(angle)], axis=1).astype("float32")
    return layers.Embedding(count, UNITS, "random_normal")(numbers) + 0.1 * waves


def attended(h, memory, **masks):
    look = layers.MultiHeadAttention(4, UNITS // 4)(h, memory, **masks)
    return layers.LayerNormalization()(h + look)


def mixed(h):
    dense = layers.Dense(UNITS)(layers.Dense(2 * UNITS, "relu")(h))
    return layers.LayerNormalization()(h + dense)


def fit(model, x, y):
    """Predict each word of y from those before it; the rate warms up and decays."""
    steps = EPOCHS * -(-len(x) // BATCH)
    rate = keras.optimizers.schedules.CosineDecay(
        0.0, steps * 9 // 10, warmup_target=5e-3, warmup_steps=steps // 10
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(rate), loss, jit_compile=False)
    model.fit([x, shifted(y)], y, BATCH, EPOCHS, verbose=0, sample_weight=wanted(y))


def shifted(y):
    return np.pad(y, [(0, 0), (1, 0)])[:, :-1]


def wanted(y):
    """Tell which places hold a word or the end: the first, and those after a word."""
    return (shifted(y) > 0) | (np.arange(y.shape[1]) == 0)


def translated(model, x, length):
    """Return the word numbers that the model finds likeliest, one after another."""
    y = np.zeros((len(x), length), int)
    for place in range(length):
        scores = model.predict_on_batch([x, shifted(y)])
        y[:, place] = scores[:, place].argmax(-1) * wanted(y)[:, place]
    return y
