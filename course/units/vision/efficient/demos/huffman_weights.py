"""The weights of a trained network, rounded to 32 levels, and Huffman's bits for each.

A small perceptron learns digits. Its weights are rounded to 32 levels at equal
distances, so that an index of 5 bits would do; most lie near 0, and Huffman's code
spends fewer bits on those. The figure has how often each level occurs, and its bits.

Paper: Han, Mao and Dally, "Deep Compression", ICLR 2016 (sections 3 and 4; it finds the
       levels by k-means and trains them further)
"""

from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from course.bar import Bar
from course.data.load import load
from course.figures import BLUE, ORANGE, panels, save
from modules.foundations.learning.multilayer_perceptron import mlp
from modules.vision.efficient.huffman import (
    average_length,
    decode,
    encode,
    entropy,
    huffman_code,
)

FIGURE = Path(__file__).parents[1] / "figures" / "huffman_weights.png"
LEVELS, EPOCHS = 32, 20


def data(split):
    x, y = load("course_digits", split, as_supervised=True, batch_size=-1)
    return np.asarray(x, "float32") / 255, np.asarray(y)


def rounded(weights):
    """Return the index of the nearest of LEVELS levels, and the levels."""
    levels = np.linspace(weights.min(), weights.max(), LEVELS, dtype="float32")
    return np.abs(weights.ravel()[:, None] - levels).argmin(axis=1), levels


def main(out=FIGURE):
    tf.config.experimental.enable_op_determinism()
    keras.utils.set_random_seed(0)
    model = mlp((64,))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    settings = {"metrics": ["accuracy"], "jit_compile": False}
    model.compile(keras.optimizers.Adam(0.003), loss, **settings)
    model.fit(*data("train"), 64, EPOCHS, verbose=0, callbacks=[Bar(EPOCHS)])
    before = model.evaluate(*data("test"), verbose=0)[1]
    kernel = max(model.weights, key=lambda w: np.prod(w.shape))
    index, levels = rounded(kernel.numpy())
    counts = np.bincount(index, minlength=LEVELS)
    code = huffman_code(counts)
    bits = encode(index, code)
    again = levels[decode(bits, code)].reshape(kernel.shape)
    kernel.assign(again)
    after = model.evaluate(*data("test"), verbose=0)[1]
    print(f"{index.size} weights: {32 * index.size} bits, {len(bits)} with the code")
    print(
        f"bits for a weight: {average_length(counts, code):.3f}; entropy "
        f"{entropy(counts):.3f}; without the code 5"
    )
    print(f"accuracy: {100 * before:.1f} % before, {100 * after:.1f} % after rounding")
    figure, [[left, right]] = panels(1, 2)
    used = np.flatnonzero(counts)
    left.bar(used, counts[used], color=BLUE)
    left.set(xlabel="level", ylabel="weights", title="how often a level occurs")
    right.bar(used, [len(code[i]) for i in used], color=ORANGE)
    right.axhline(5, color="black", linewidth=1)
    right.set(xlabel="level", ylabel="bits", title="its Huffman code; 5 without")
    save(figure, out)


if __name__ == "__main__":
    main()
