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
    # BEGIN SOLUTION which pixels are kept, then a choice between image and fill
    # HINT The mask of a pixel is the entry of its segment: index the masks' columns.
    # HINT ops.take(masks, segments, axis=1) is (N, H, W).
    # HINT ops.where(kept, image, fill) with one more axis for the channels.
    kept = ops.take(masks, segments, axis=1)[..., None]  # (N, H, W, 1)
    # WRONG kept = ops.take(masks, (segments + 1) % masks.shape[1], axis=1)[..., None]
    # WHY you hide other segments than the mask says: your numbers are off by one
    return kept * image + (1 - kept) * fill
    # WRONG return (1 - kept) * image + kept * fill
    # WHY you hide what should be kept: 1 means kept
    # WRONG return kept * image
    # WHY you hide with black; the colour of what is hidden is given
    # END SOLUTION


def responses(logits, original):
    """Return the probability of the class that is explained, for each perturbed image.

    Explained is the class that the network gives the image as it is.

    Args:
        logits: (N, K) float, of the perturbed images.
        original: (K,) float, the logits of the image itself.

    Returns:
        (N,) float.
    """
    # BEGIN SOLUTION one class for all rows, then its probability in each
    # HINT The class does not change when the image is perturbed.
    # HINT It is the arg max of original.
    target = ops.argmax(original)
    return ops.take(ops.softmax(logits, axis=-1), target, axis=-1)
    # WRONG return ops.max(ops.softmax(logits, axis=-1), axis=-1)
    # WHY you explain whatever class wins for each perturbed image; explained is one
    # WHY class, that of the image itself
    # WRONG return ops.take(logits, target, axis=-1)
    # WHY you return the logit; asked is the probability
    # WRONG return ops.take(ops.softmax(logits, axis=0), target, axis=-1)
    # WHY your softmax runs over the images; it runs over the classes
    # END SOLUTION


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
    # BEGIN SOLUTION the squared distance, then the exponential
    # HINT The masks differ by 1 in every hidden segment, so D^2 counts something.
    # HINT D^2 is the number of hidden segments.
    squared = ops.sum(ops.square(1 - masks), axis=-1)
    # WRONG squared = ops.sum(ops.square(masks), axis=-1)
    # WHY this is the distance from the image with everything hidden; count what is
    # WHY hidden
    # WRONG squared = ops.mean(ops.square(1 - masks), axis=-1)
    # WHY you divide the squared distance by the number of segments; the L2 distance is
    # WHY the root of a sum
    # WRONG squared = ops.sqrt(ops.sum(ops.square(1 - masks), axis=-1))
    # WHY you take D where the kernel has D^2
    return ops.exp(-squared / width**2)
    # WRONG return ops.exp(squared / width**2)
    # WHY the minus sign is missing: what is far away counts most
    # WRONG return ops.exp(-squared / width)
    # WHY you divide by the width; it is squared, as D is
    # WRONG return ops.exp(-squared / (2 * width**2))
    # WHY this is a Gaussian with a factor 2; the kernel has none
    # END SOLUTION


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
    # BEGIN SOLUTION remove the weighted means, then solve d equations
    # HINT For the best b the weighted mean of the errors is 0: b = mean y - mean z . w.
    # HINT With x and t, masks and y less their weighted means, no b is left.
    # HINT w = ops.solve(x^T diag(weights) x + penalty I, x^T diag(weights) t).
    share = weights / ops.sum(weights)
    # WRONG share = ops.ones_like(weights) / weights.shape[0]
    # WHY you remove the plain means; the means that the intercept removes are weighted
    # WRONG weights = ops.ones_like(weights)
    # WRONG share = weights / ops.sum(weights)
    # WHY your fit is not weighted: every perturbed image counts the same
    middle, level = ops.matmul(share, masks), ops.sum(share * y)
    # WRONG middle, level = ops.zeros_like(masks[0]), 0.0
    # WHY your model has no intercept
    x, t = masks - middle, y - level
    scaled = weights[:, None] * x
    # WRONG scaled = ops.square(weights)[:, None] * x
    # WHY you weigh twice, masks and y each by the weights; an error counts once: if you
    # WHY multiply rows, multiply them by the root
    slopes = ops.matmul(ops.transpose(scaled), x) + penalty * ops.eye(x.shape[1])
    # WRONG slopes = ops.matmul(ops.transpose(scaled), x)
    # WHY the penalty is missing
    w = ops.solve(slopes, ops.matmul(ops.transpose(scaled), t[:, None]))[:, 0]
    return w, level - ops.sum(middle * w)
    # WRONG return w, level
    # WHY your b is the weighted mean of y, the value at the mean mask; b is the value
    # WHY where every mask entry is 0
    # END SOLUTION


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
    # BEGIN SOLUTION grow a list by the segment that leaves the smallest error
    # HINT Fit on masks[:, chosen + [i]]: every candidate with those chosen before.
    # HINT ops.take(masks, columns, axis=1) takes a list of columns.
    # HINT min(candidates, key=error) returns the first of the smallest.
    chosen = []

    def error(segment):
        part = ops.take(masks, [*chosen, segment], axis=1)
        # WRONG part = ops.take(masks, [segment], axis=1)
        # WHY each segment is fitted alone, so one that says the same as a chosen one is
        # WHY chosen too; fit it together with those chosen before
        w, b = weighted_ridge(part, y, weights, penalty)
        rest = y - b - ops.matmul(part, w[:, None])[:, 0]
        return float(ops.sum(weights * ops.square(rest)))
        # WRONG return -float(ops.sum(weights * ops.square(rest)))
        # WHY you take the segment that leaves the largest error

    for _ in range(count):
        left = [i for i in range(masks.shape[1]) if i not in chosen]
        chosen.append(min(left, key=error))
    return chosen
    # WRONG return sorted(chosen)
    # WHY you return the segments in order of their numbers; asked is the order in which
    # WHY they were chosen
    # WRONG w, _ = weighted_ridge(masks, y, weights, penalty)
    # WRONG return [int(i) for i in ops.argsort(-ops.abs(w))[:count]]
    # WHY you take the largest weights of the fit to all segments, where two that say
    # WHY the same share a weight; choose one after the other
    # END SOLUTION


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
