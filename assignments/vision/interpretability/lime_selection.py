"""Exercise: LIME with few segments.

LIME hides parts of an image at random, asks a network each time, and fits a linear
model that counts more where less is hidden. A person can read a handful of weights, not
a hundred, so the linear model may use K segments only. You write all of it on arrays:
hiding, the kernel, the weighted fit, and the choice of segments.

Paper: Ribeiro, Singh and Guestrin, "Why Should I Trust You? Explaining the Predictions
       of Any Classifier", KDD 2016.
Link:  https://arxiv.org/abs/1602.04938 (sections 3.3 and 3.4, algorithm 1)
See:   modules/vision/interpretability/lime.py: all segments, and another distance
Needs: vision/interpretability (LIME), least squares
Time:  50 minutes
Grade: python -m course grade vision/interpretability/lime_selection

N is the number of perturbed images, d of segments, C of channels, K of classes. A mask
has an entry 1 for each segment that is kept and 0 for each that is hidden. NumPy and
keras.ops are both fine; nothing here is differentiated.

When your functions are right, see which parts of a digit a perceptron counts:
python -m course demo vision/interpretability/lime_selection
"""

import keras
import numpy as np
from keras import ops

from course.data.load import load
from modules.foundations.learning.multilayer_perceptron import mlp


def hide(image, segments, masks, fill):
    """Return one image for each mask, with the hidden segments replaced by fill.

    Args:
        image: (H, W, C) float.
        segments: (H, W) int from 0 to d - 1: the segment of each pixel.
        masks: (N, d) float of 0 and 1.
        fill: (C,) float, a colour.

    Returns:
        (N, H, W, C) float.
    """
    # TODO: which pixels are kept, then a choice between image and fill
    raise NotImplementedError


def responses(logits, original):
    """Return the probability of the class that is explained, for each perturbed image.

    Explained is the class that the network gives the image as it is.

    Args:
        logits: (N, K) float, of the perturbed images.
        original: (K,) float, the logits of the image itself.

    Returns:
        (N,) float.
    """
    # TODO: one class for all rows, then its probability in each
    raise NotImplementedError


def kernel(masks, width):
    """Return how much each perturbed image counts.

        pi = exp(-D^2 / width^2)

    D is the L2 distance between the mask and the mask that keeps everything.

    Args:
        masks: (N, d) float of 0 and 1.
        width: float > 0.

    Returns:
        (N,) float; 1 for the mask that keeps everything.
    """
    # TODO: the squared distance, then the exponential
    raise NotImplementedError


def weighted_ridge(masks, y, weights, penalty):
    """Return the linear model that fits best: its weights w and its intercept b.

    Smallest shall be

        sum over n of  weights[n] (y[n] - b - masks[n] . w)^2  +  penalty * sum of w^2

    The intercept b is not penalised.

    Args:
        masks: (N, d) float; their values need not be 0 and 1 here.
        y: (N,) float.
        weights: (N,) float > 0.
        penalty: float > 0.

    Returns:
        w, (d,) float, and b, a float scalar.
    """
    # TODO: remove the weighted means, then solve d equations
    raise NotImplementedError


def select(masks, y, weights, penalty, count):
    """Return the segments of the model, chosen one after the other.

    Begin with none. Then, `count` times: for each segment that is not yet chosen, fit
    weighted_ridge to it and those chosen before, and take the one that leaves the
    smallest weighted error, the sum over n of weights[n] (y[n] - b - masks[n] . w)^2.
    (Among equals take the first.)

    Args:
        masks: (N, d) float.
        y: (N,) float.
        weights: (N,) float > 0.
        penalty: float > 0.
        count: int from 1 to d.

    Returns:
        list of `count` ints, in the order in which they were chosen.
    """
    # TODO: grow a list by the segment that leaves the smallest error
    raise NotImplementedError


def explain(model, image, segments, masks, fill, width, penalty, count):
    """Return the chosen segments of an image, and their weights; given."""
    images, original = hide(image, segments, masks, fill), model(image[None])[0]
    y = ops.convert_to_tensor(responses(model(images), original))
    weights = ops.convert_to_tensor(kernel(masks, width))
    chosen = select(masks, y, weights, penalty, count)
    part = ops.take(masks, [int(i) for i in chosen], axis=1)
    return chosen, weighted_ridge(part, y, weights, penalty)[0]


def network():
    """Return a network whose class k looks at the quarter k of an image; given."""
    model = mlp((), num_classes=4, input_shape=(6, 8, 1))
    row, column = np.arange(6) // 3, np.arange(8) // 4
    quarter = (2 * row[:, None] + column).ravel()
    kernel, bias = model.get_weights()
    kernel = 0.2 * (quarter[:, None] == np.arange(4)).astype(kernel.dtype)
    model.set_weights([kernel, bias])
    return model


if __name__ == "__main__":
    x, y = load("course_digits", "train", as_supervised=True, batch_size=-1)
    x = np.asarray(x, "float32") / np.max(x)
    keras.utils.set_random_seed(0)
    model = mlp((64,), input_shape=(8, 8, 1))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(5e-3), loss)
    model.fit(x, np.asarray(y), 64, epochs=15, verbose=0)
    row = np.arange(8) // 2
    segments = 4 * row[:, None] + row  # 16 squares of 2 x 2
    kept = np.random.default_rng(0).random((500, 16)) < 0.7
    masks = ops.convert_to_tensor(kept.astype("float32"))
    for digit in (0, 7):
        image = x[np.asarray(y) == digit][0]
        fill = np.zeros(1, "float32")
        chosen, w = explain(model, image, segments, masks, fill, 3.0, 0.1, 5)
        print(f"a {digit}, and the five parts that matter most for its class")
        found = dict(zip(map(int, chosen), np.asarray(w), strict=True))
        for i in range(8):
            ink = "".join(" .:#"[int(3.99 * v)] * 2 for v in image[i, :, 0])
            line = (f"{found[s]:6.2f}" if s in found else "     ." for s in segments[i])
            print(ink, "  ", *list(line)[::2] if i % 2 == 0 else "")
