"""Exercise: residual branches that start silent and are dropped at random.

A residual block adds a branch F(x) to x. Two additions train deep stacks of such
blocks: stochastic depth leaves out whole branches during training, the later ones
more often, and a zero in the right place lets every block start as the identity.

Paper: Huang et al., "Deep Networks with Stochastic Depth", ECCV 2016.
Link:  https://arxiv.org/abs/1603.09382 (section 3; equations 2, 4 and 5)
Paper: Goyal et al., "Accurate, Large Minibatch SGD", 2017.
Link:  https://arxiv.org/abs/1706.02677 (section 5.1: the zero gamma)
See:   modules/vision/classification/residual.py, residual_parts.py
Needs: vision/classification (residual networks, batch normalization)
Time:  40 minutes
Grade: python -m course grade vision/classification/residual_branches

Two things differ from the first paper, as in most code that is written today: each
example of a batch has a draw of its own, and there is no ReLU after the addition.
Gradients must flow through x and branch, so use keras.ops there and not NumPy.

When your functions are right, watch the blocks wake up:
python -m course demo vision/classification/residual_branches
"""

import keras
import numpy as np
from keras import layers, ops

from modules.vision.classification.residual_parts import (
    Conv,
    classifier,
    conv,
    norm,
    norm_relu,
)


def survival(block, blocks, last):
    """Return the probability that the branch of a block is kept, by linear decay.

    The input of the network counts as block 0, which is always kept; from there the
    probability falls by the same step from block to block and reaches `last` at the
    last one.

    Args:
        block: int from 1 to blocks, called l in the paper.
        blocks: int >= 1, called L.
        last: float in (0, 1], called p_L: the probability of the last block.

    Returns:
        float: 0.9 for block 1 of 5 with last = 0.5.
    """
    return 1 - (block / blocks) * (1 - last)


def mean_depth(blocks, last):
    """Return how many branches are kept on average, over all blocks of the network.

    Args:
        blocks: int >= 1.
        last: float in (0, 1], as in `survival`.

    Returns:
        float, not rounded: 40.25 for 54 blocks and last = 0.5.
    """
    depth = 0
    for l in range(1, blocks + 1):
        depth += survival(l, blocks, last)
    return depth


def drop_branch(x, branch, draws, keep):
    """Return the block's output in training: x plus its branch, or x alone.

    Example b keeps its branch if draws[b] < keep, and then the branch is added as it
    is: there is no scaling in training.

    Args:
        x: (B, H, W, C) float.
        branch: (B, H, W, C) float, the branch F(x).
        draws: (B,) float, uniform in [0, 1).
        keep: float in (0, 1], the probability that a branch is kept.

    Returns:
        (B, H, W, C) float.
    """
    mask = ops.where(draws < keep, 1.0, 0.0)
    return x + mask[:, None, None, None] * branch


def expected_branch(x, branch, keep):
    """Return the block's output in inference: the mean of what training gives.

    Args:
        x: (B, H, W, C) float.
        branch: (B, H, W, C) float, the branch F(x).
        keep: float in (0, 1], the probability that training keeps the branch.

    Returns:
        (B, H, W, C) float.
    """
    return x + keep * branch


def initial_gammas(norms, channels):
    """Return the first gammas of the batch normalizations in one branch.

    The branch is conv, norm, ReLU, conv, norm, and so on, and ends in a norm. At the
    start it must give zeros, whatever its input is, so that the block is the identity;
    and from the first step on it must be able to learn its way out.

    Args:
        norms: int >= 1, normalizations in the branch, all with beta = 0.
        channels: int >= 1.

    Returns:
        (norms, channels) float of zeros and ones, in the order of the branch.
    """
    # TODO: as few zeros as possible
    raise NotImplementedError


class StochasticDepth(layers.Layer):
    """Add a branch to x with your two functions; given."""

    def __init__(self, keep, seed, **kwargs):
        super().__init__(**kwargs)
        self.keep = keep
        self.seeds = keras.random.SeedGenerator(seed)

    def call(self, x, branch, training=False):
        if not training:
            return expected_branch(x, branch, self.keep)
        draws = keras.random.uniform((ops.shape(x)[0],), seed=self.seeds)
        return drop_branch(x, branch, draws, self.keep)

    def compute_output_shape(self, x_shape, branch_shape):
        return x_shape


def body(blocks, channels, last):
    """Return a model of residual blocks with your pieces, maps to maps; given."""
    x = inputs = keras.Input((None, None, channels))
    for block in range(1, blocks + 1):
        y = norm_relu(conv(x, Conv(channels, 3), f"conv{block}a"), f"{block}a")
        y = norm(conv(y, Conv(channels, 3), f"conv{block}b"), f"{block}b_norm")
        keep = survival(block, blocks, last)
        x = StochasticDepth(keep, seed=block, name=f"block{block}")(x, y)
    model = keras.Model(inputs, x, name="body")
    for block in range(1, blocks + 1):
        gammas = initial_gammas(2, channels)
        model.get_layer(f"{block}a_norm").gamma.assign(gammas[0])
        model.get_layer(f"{block}b_norm").gamma.assign(gammas[1])
    return model


def is_identity(trunk, maps):
    """Return whether a body hands on its input as it is; given."""
    return bool(ops.max(ops.abs(trunk(maps) - maps)) < 0.01)


def network(trunk):
    """Return a classifier of images around such a body; given."""
    inputs = keras.Input((None, None, 3))
    x = norm_relu(conv(inputs, Conv(trunk.inputs[0].shape[-1], 3), "stem"), "stem")
    model = classifier(inputs, trunk(x), num_classes=3, name="stochastic_depth")
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.SGD(0.1, momentum=0.9), loss, run_eagerly=True)
    return model


if __name__ == "__main__":
    labels = ops.arange(24) % 3
    images = 2 * ops.one_hot(labels, 3)[:, None, None]
    images += keras.random.normal((24, 6, 7, 3), seed=0)
    maps = keras.random.normal((24, 6, 7, 8), seed=1)
    trunk = body(blocks=4, channels=8, last=0.5)
    model = network(trunk)
    print("steps   loss   what the blocks add to their input, on average")
    for steps in range(0, 25, 4):
        added = float(ops.mean(ops.abs(trunk(maps) - maps)))
        print(
            f"{steps:5}  {model.evaluate(images, labels, verbose=0):5.3f}   {added:.3f}"
        )
        model.fit(images, labels, 24, epochs=4, verbose=0)
