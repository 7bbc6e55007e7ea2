"""A small GPT and an LSTM learn a language; the GPT writes, greedily and by sampling.

Both learn sentences of an invented grammar whose entropy is known, so that there is a
perplexity that nobody can go below. Then the GPT writes 400 sentences in each of five
ways. A sentence counts as accepted if each two words of it stand in this order in some
sentence of the training set: agreement in number, gender, tense and subject is tested
by pairs, at any distance.

Paper: Holtzman et al., "The Curious Case of Neural Text Degeneration", ICLR 2020
       (section 3.1); Radford et al., "Language Models are Unsupervised Multitask
       Learners", 2019
"""

from itertools import combinations
from math import exp, log
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from course.bar import Bar
from course.data.load import load
from course.figures import BLUE, ORANGE, curves, panels, save
from modules.nlp.language_models.gpt import GPT
from modules.nlp.language_models.recurrent_language_model import RecurrentLanguageModel
from modules.nlp.language_models.sampling import Sampler

FIGURE = Path(__file__).parents[1] / "figures" / "text_by_sampling.png"
SENTENCES, EPOCHS, BATCH, TEXTS = 7000, 6, 64, 400
FRESH = 2000  # sentences that no choice of the settings has looked at
START, END = 1, 2  # 0 is padding
WAYS = {
    "greedy": None,
    "temperature 1": Sampler(),
    "temperature 1.5": Sampler(1.5),
    "1.5, top-k 10": Sampler(1.5, top_k=10),
    "1.5, nucleus 0.8": Sampler(1.5, top_p=0.8),
}


def entropy():
    """Return nats of a sentence: what course/data/worlds/corpus.py draws, all of it.

    A base of 14 in 2 genders and 2 numbers, a verb of 14 in 2 tenses, a determiner of
    4 and 3 objects; and with probability 0.8 each a feeling of 4 for a thing of 3, a
    time of 3, a tail of 4. Each sentence comes from one set of choices only.
    """
    always = log(14 * 2 * 2 * 14 * 2 * 4 * 3)
    maybe = -3 * (0.8 * log(0.8) + 0.2 * log(0.2))
    return always + maybe + 0.8 * (log(4 * 3) + log(3) + log(4))


def sentences():
    """Return sentences as lists of words."""
    texts = load("course_corpus/grammar", "train", batch_size=-1)["text"].numpy()
    return [text.decode().split() for text in texts]


def numbered(texts, number):
    """Return (B, T) tokens: start, words, end, padding."""
    rows = [[START, *map(number.get, words), END] for words in texts]
    length = max(map(len, rows))
    return np.array([row + [0] * (length - len(row)) for row in rows])


def learned(model, x, held_out, bar):
    """Return the perplexity on sentences held out, after each epoch."""
    rate = keras.optimizers.schedules.CosineDecay(5e-3, EPOCHS * len(x) // BATCH)
    model.compile(keras.optimizers.Adam(rate, beta_2=0.98))
    history = model.fit(
        x,
        batch_size=BATCH,
        epochs=EPOCHS,
        verbose=0,
        callbacks=[bar],
        validation_data=(held_out,),
        validation_batch_size=500,
    )
    return history.history["val_perplexity"]


def ordered_pairs(words):
    return set(combinations(words, 2))


def written(model, sampler, words):
    """Return sentences that the model writes, as lists of words."""
    prompt = np.full((TEXTS, 1), START)
    texts = model.generate(prompt, model.max_length, END, sampler, seed=0)
    return [[words[t] for t in row[1:] if t > END] for row in texts]


def draw(lines, bound, found, out):
    figure, [[left, right]] = panels(1, 2, size=(4.8, 3.4))
    epochs = range(1, EPOCHS + 1)
    lines = {**lines, "entropy of the grammar": [bound] * EPOCHS}
    curves(left, epochs, lines, "epoch", "perplexity on other sentences", log=True)
    left.set_yticks([3, 4, 6, 8], ["3", "4", "6", "8"], minor=False)
    left.minorticks_off()
    place = np.arange(len(found))
    for shift, colour, name in ((-0.2, BLUE, "accepted"), (0.2, ORANGE, "different")):
        shares = [100 * share[name] for share in found.values()]
        right.barh(place + shift, shares, 0.38, color=colour, label=name)
    right.set_yticks(place, [*found])
    right.invert_yaxis()
    right.set(xlabel="% of 400 sentences", xlim=(0, 100))
    figure.legend(
        *right.get_legend_handles_labels(), loc="outside upper right", ncols=2
    )
    save(figure, out)


def main(out=FIGURE):
    tf.config.experimental.enable_op_determinism()
    keras.utils.set_random_seed(0)
    everything = sentences()
    everything, test = everything[:-FRESH], everything[-FRESH:]
    words = ["", "", "", *sorted({w for text in everything for w in text})]
    number = {word: place for place, word in enumerate(words)}
    x = numbered(everything[:SENTENCES], number)
    held_out = numbered(test, number)
    bar = Bar(2 * EPOCHS + len(WAYS))
    sizes = {"num_layers": 2, "num_heads": 4, "hidden_dim": 64}
    gpt = GPT(len(words), max(x.shape[1], held_out.shape[1]), **sizes, rate=0.0)
    lstm = RecurrentLanguageModel(len(words), units=64, steps=8)
    models = {"LSTM": lstm, "GPT": gpt}
    lines = {name: learned(m, x, held_out, bar) for name, m in models.items()}
    bound = exp(entropy() / np.mean([len(text) + 1 for text in test]))
    for name, values in lines.items():
        print(f"{name}: perplexity {values[-1]:.2f}, at best {bound:.2f}")
    known = set().union(*map(ordered_pairs, everything))
    real = np.mean([ordered_pairs(text) <= known for text in test])
    print(f"accepted of other sentences of the set: {100 * real:.1f} %")
    found = {}
    for name, sampler in WAYS.items():
        texts = written(gpt, sampler, words)
        accepted = np.mean([ordered_pairs(text) <= known for text in texts])
        different = len(set(map(tuple, texts))) / len(texts)
        found[name] = {"accepted": accepted, "different": different}
        bar.step()
        said = f"{100 * accepted:.1f} % accepted, {100 * different:.1f} % different"
        print(f"{name}: {said}: {' '.join(texts[0])}")
    draw(lines, bound, found, out)


if __name__ == "__main__":
    main()
