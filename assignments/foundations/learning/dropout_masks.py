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
    # TODO: compare, and make numbers of true and false
    raise NotImplementedError


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
    # TODO: mask and scale in training, hand on in inference
    raise NotImplementedError


def dropout_gradient(dy, mask, rate):
    """Take a gradient back through inverted dropout, in training.

    Args:
        dy: the gradient of the loss with respect to the output of `dropout`.
        mask: float, of the shape of dy, the mask that `dropout` was given.
        rate: float in [0, 1).

    Returns:
        The gradient with respect to x, of the shape of dy.
    """
    # TODO: the slope of each output in its own input
    raise NotImplementedError


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
    # TODO: shrink what the units are multiplied by
    raise NotImplementedError


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
    # TODO: multiply the chances of what became of every unit
    raise NotImplementedError


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
