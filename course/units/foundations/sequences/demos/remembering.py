"""Recalling the first of twenty tokens: what decides is what a network starts with.

A network reads twenty random tokens and is asked for the first. Only a gradient over
twenty steps can teach it that. All networks have 32 units and the same optimizer; the
accuracy is that on sequences that were not trained on, after every epoch.

Papers: Elman, "Finding Structure in Time", 1990; Hochreiter and Schmidhuber, "Long
        Short-Term Memory", 1997; Gers et al., "Learning to Forget", 2000; Cho et al.,
        2014; Le, Jaitly and Hinton, 1504.00941
"""

from functools import partial
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from course.bar import Bar
from course.figures import curves, panels, save
from modules.foundations.sequences.gru import GRU
from modules.foundations.sequences.lstm import LSTM
from modules.foundations.sequences.recurrent import SimpleRNN

FIGURE = Path(__file__).parents[1] / "figures" / "remembering.png"
STEPS, TOKENS, UNITS, EPOCHS = 20, 4, 32, 6
KINDS = {
    "plain, orthogonal W": partial(SimpleRNN, UNITS),
    "GRU": partial(GRU, UNITS),
    "LSTM, forget bias 0": partial(LSTM, UNITS, forget_bias=0.0),
    "LSTM, forget bias 1": partial(LSTM, UNITS, forget_bias=1.0),
    "LSTM, forget bias 4": partial(LSTM, UNITS, forget_bias=4.0),
}


def network(make):
    """Return a compiled classifier of sequences around one recurrent layer."""
    tokens = keras.Input((STEPS,), dtype="int32")
    x = layers.Embedding(TOKENS, 8, "orthogonal")(tokens)
    model = keras.Model(tokens, layers.Dense(TOKENS)(make()(x)))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    optimizer = keras.optimizers.Adam(0.005, global_clipnorm=1.0)
    model.compile(optimizer, loss, metrics=["accuracy"], jit_compile=False)
    return model


def main(out=FIGURE):
    tf.config.experimental.enable_op_determinism()
    x = np.random.default_rng(0).integers(TOKENS, size=(4096 + 512, STEPS))
    train, test = ((part, part[:, 0]) for part in (x[:4096], x[4096:]))
    bar, lines = Bar(EPOCHS * len(KINDS)), {}
    for name, make in KINDS.items():
        keras.utils.set_random_seed(0)
        fit = partial(network(make).fit, *train, 64, EPOCHS, verbose=0)
        history = fit(validation_data=test, callbacks=[bar]).history
        lines[name] = 100 * np.array(history["val_accuracy"])
        print(f"{name}: {lines[name][-1]:.1f} % after {EPOCHS} epochs (chance 25)")
    figure, [[axis]] = panels(size=(7.0, 4.0))
    epochs = np.arange(1, EPOCHS + 1)
    curves(axis, epochs, lines, "epoch", "first token recalled, %")
    axis.set_ylim(0, 104)
    axis.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    save(figure, out)


if __name__ == "__main__":
    main()
