"""Exercise: dropout, its two scalings and its thinned networks.

In training, dropout leaves out each unit with probability `rate`. In inference all
units are there, so something must be scaled: in training (as Keras does) or in
inference (as the paper does), and never in both.

Paper: Srivastava et al., "Dropout: A Simple Way to Prevent Neural Networks from
       Overfitting", JMLR 2014.
Link:  https://jmlr.org/papers/v15/srivastava14a.html (sections 1, 4 and 10)
See:   modules/foundations/learning/multilayer_perceptron.py (the network)
Needs: foundations/learning (dropout)
Time:  30 minutes
Grade: python -m course grade foundations/learning/dropout_masks

`rate` is Keras's: the share that is DROPPED. The paper's letter p is the probability to
keep a unit, p = 1 - rate. With p for the dropped share, as in some notes, its formulas
are wrong.

When your functions are right, see what the 2^n networks inside a network agree on:
python -m assignments.foundations.learning.dropout_masks
"""

from itertools import product

import keras
from keras import layers, ops

from modules.foundations.learning.multilayer_perceptron import mlp


def keep_mask(noise, rate):
    """Return which values are kept: 1.0 where noise >= rate, 0.0 elsewhere.

    With noise uniform in [0, 1) a value is kept with probability 1 - rate. Every value
    of every example has a draw of its own. Nothing is scaled yet.

    Use keras.ops and not NumPy: inside a network the batch may be unknown.

    Args:
        noise: (B, ...) float in [0, 1).
        rate: float in [0, 1), the share that is dropped.

    Returns:
        float, of the shape of noise.
    """
    # BEGIN SOLUTION compare, and make numbers of true and false
    # HINT A comparison gives booleans; ops.cast(..., "float32") makes numbers of them.
    # HINT With rate 0.1, which noise is kept: 0.05 or 0.5?
    return ops.cast(noise >= rate, noise.dtype)
    # WRONG return ops.cast(noise < rate, noise.dtype)
    # WHY you keep where the noise is below rate: that keeps the share `rate` instead of
    # WHY dropping it
    # WRONG return ops.cast(noise >= 1 - rate, noise.dtype)
    # WHY this keeps with probability rate: you take rate for the share that is kept
    # WRONG return ops.cast(noise >= rate, noise.dtype) / (1 - rate)
    # WHY you scale the mask here already; it holds zeros and ones only
    # WRONG return ops.cast(noise[:1] >= rate, noise.dtype) * ops.ones_like(noise)
    # WHY one mask is shared by the whole batch; every example has draws of its own
    # WRONG return ops.cast(noise[:, :1] >= rate, noise.dtype) * ops.ones_like(noise)
    # WHY all units of an example share one draw, so examples are kept or dropped as a
    # WHY whole; each unit has its own
    # END SOLUTION


def dropout(x, mask, rate, training):
    """Apply inverted dropout, the form that Keras has.

    In training what is kept is scaled up, so that every value has the expected value
    it had before. In inference nothing changes.

    Use keras.ops and not NumPy, since gradients must flow through.

    Args:
        x: (B, ...) float.
        mask: float, of the shape of x, 1 where a value is kept and 0 elsewhere.
        rate: float in [0, 1), the share that is dropped.
        training: bool.

    Returns:
        float, of the shape of x.
    """
    # BEGIN SOLUTION mask and scale in training, hand on in inference
    # HINT A value is kept with probability 1 - rate. What makes its mean x again?
    # HINT With rate 0.75 one value in four is kept, and is then four times as large.
    if not training:
        return x
        # WRONG return x * (1 - rate)
        # WHY you scale in inference too; the scaling in training has already seen to it
        # WRONG return x / (1 - rate)
        # WHY you scale up in inference, where nothing was dropped
    # WRONG pass
    # WHY your dropout is active in inference; there all units are there, unscaled
    return x * mask / (1 - rate)
    # WRONG return x * mask / rate
    # WHY you divide by the share that is dropped; the probability to be kept is
    # WHY 1 - rate
    # WRONG return x * mask * rate
    # WHY you multiply by the share that is dropped; what is kept must be scaled up, by
    # WHY 1 / (1 - rate)
    # WRONG return x * mask * (1 - rate)
    # WHY you multiply by 1 - rate where you must divide: the mean shrinks twice
    # WRONG return x * mask
    # WHY nothing makes up for what is dropped: without scaling the mean shrinks to
    # WHY 1 - rate of what inference gives
    # WRONG return (x + mask) / (1 - rate)
    # WHY you add the mask; a mask is multiplied
    # END SOLUTION


def dropout_gradient(dy, mask, rate):
    """Take a gradient back through inverted dropout, in training.

    Args:
        dy: the gradient of the loss with respect to the output of `dropout`.
        mask: float, of the shape of dy, the mask that `dropout` was given.
        rate: float in [0, 1).

    Returns:
        The gradient with respect to x, of the shape of dy.
    """
    # BEGIN SOLUTION the slope of each output in its own input
    # HINT For a fixed mask, dropout is linear: y = c x with a number c for each value.
    # HINT c is 0 where a value was dropped. And elsewhere?
    return dy * mask / (1 - rate)
    # WRONG return dy
    # WHY gradients must not reach what was dropped: the mask of the forward pass is
    # WHY missing
    # WRONG return dy * mask
    # WHY the scale is missing: y is x / (1 - rate) where it was kept
    # WRONG return dy / (1 - rate)
    # WHY you scale, and the mask is missing: what was dropped gets no gradient
    # WRONG return dy * mask * (1 - rate)
    # WHY you multiply by 1 - rate; the slope of y = x / (1 - rate) is 1 / (1 - rate)
    # END SOLUTION


def test_time_weights(kernel, bias, rate):
    """Return the weights for inference in the paper's form of dropout.

    There training only multiplies units by the mask, x * mask, without a scale. The
    layer behind them, y = x kernel + bias, was therefore trained on fewer units than
    inference gives it. Its weights are changed once, after training, so that y without
    dropout is the mean of y with dropout.

    Args:
        kernel: (D, K) float.
        bias: (K,) float.
        rate: float in [0, 1), the share of the D inputs that was dropped in training.

    Returns:
        (kernel, bias) for inference.
    """
    # BEGIN SOLUTION shrink what the units are multiplied by
    # HINT The mean of x * mask is (1 - rate) x. What kernel makes the same of x?
    # HINT Does the bias see the mask?
    return (1 - rate) * kernel, bias
    # WRONG return rate * kernel, bias
    # WHY you multiply by the share that is dropped; the paper's p is the probability to
    # WHY be kept, 1 - rate
    # WRONG return kernel / (1 - rate), bias
    # WHY you divide, as inverted dropout does in training; in inference more units are
    # WHY there, so the weights must shrink
    # WRONG return (1 - rate) * kernel, (1 - rate) * bias
    # WHY you scale the bias too; no mask was ever laid over it
    # WRONG return kernel, bias
    # WHY you change nothing; in this form training did not scale, so inference must
    # END SOLUTION


def mask_probability(masks, rate):
    """Return the probability of each of N thinned networks.

    A mask of n units chooses one of 2^n networks. Each unit is kept on its own, with
    probability 1 - rate.

    Args:
        masks: (N, n) float, 0 or 1.
        rate: float in (0, 1).

    Returns:
        (N,) float.
    """
    # BEGIN SOLUTION multiply the chances of what became of every unit
    # HINT A unit contributes 1 - rate if it is kept. And if it is not?
    # HINT ops.where(masks > 0, ..., ...) has the chance of each; they are independent.
    chance = ops.where(masks > 0, 1 - rate, rate)  # (N, n)
    # WRONG chance = ops.where(masks > 0, rate, 1 - rate)
    # WHY you take rate for the probability to be kept; it is that to be dropped
    # WRONG chance = ops.where(masks > 0, 1 - rate, 1.0)
    # WHY units that are dropped count too, each with probability rate
    return ops.prod(chance, axis=1)
    # WRONG return ops.mean(chance, axis=1)
    # WHY you average; the units are independent, so their probabilities are multiplied
    # WRONG return ops.sum(chance, axis=1)
    # WHY you add; the units are independent, so their probabilities are multiplied
    # END SOLUTION


class MaskedDropout(layers.Layer):
    """Your functions as a layer that draws its noise anew at every call; given."""

    def __init__(self, rate, **kwargs):
        super().__init__(**kwargs)
        self.rate = rate
        self.generator = keras.random.SeedGenerator()

    def call(self, x, training=False):
        noise = keras.random.uniform(ops.shape(x), seed=self.generator)
        return dropout(x, keep_mask(noise, self.rate), self.rate, training)


def network():
    """Return a perceptron with your dropout behind both hidden layers; given."""
    options = {"num_classes": 3, "input_shape": (20,)}
    model = mlp((64, 64), between=lambda x: MaskedDropout(0.25)(x), **options)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.SGD(0.1, momentum=0.9), loss, jit_compile=False)
    return model


if __name__ == "__main__":
    rate, n = 0.3, 8
    masks = ops.convert_to_tensor(list(product([0.0, 1.0], repeat=n)))
    chance = mask_probability(masks, rate)
    x, kernel = keras.random.normal((n,), seed=0), keras.random.normal((n, 3), seed=1)
    bias = ops.ones(3)
    each = ops.matmul(masks * x, kernel) + bias
    small, same = test_time_weights(kernel, bias, rate)
    print(f"{len(masks)} networks, whose probabilities sum to {ops.sum(chance):.4f}")
    print("their mean:       ", ops.matmul(chance, each))
    print("one with p kernel:", ops.matmul(x, small) + same)
