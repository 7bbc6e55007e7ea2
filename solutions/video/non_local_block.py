"""Exercise: a non-local block with its weights in hand.

A convolution sees a neighbourhood. A non-local block lets each place of a clip see all
places of all frames, and adds what it has seen to what is there. You write its two ways
of matching, its pooling, the block, and weights with which it changes nothing at first.

Paper: Wang, Girshick, Gupta and He, "Non-local Neural Networks", CVPR 2018.
Link:  https://arxiv.org/abs/1711.07971 (section 3, equations 1 to 6, figure 2)
See:   modules/video/non_local.py (the same, as a layer with batch normalization)
Needs: video (non-local blocks), nlp/translation (attention)
Time:  50 minutes
Grade: python -m course grade video/non_local_block

Clips are (B, T, H, W, C) tensors. All sizes but B are known, and B is None while a
network is put together: write -1 for it. A place is one (t, h, w); there are
N = T H W of them, and M where some have been pooled. There are no biases.
"""

import keras
from keras import layers, ops

from modules.video.fusion import slow_fusion
from modules.video.group_norm import GroupNorm
from modules.video.tower import Stage, classify, tower


def embedded_gaussian(theta, phi):
    """Return how much each place takes of each other one.

        exp(theta_i . phi_j) / (sum over j of exp(theta_i . phi_j))

    The sum runs over all j that place i may take from. There is no 1 / sqrt(h), which
    the attention of the Transformer has.

    Args:
        theta: (B, N, h) float, of the places i.
        phi: (B, M, h) float, of the places j.

    Returns:
        (B, N, M) float; each row sums to 1.
    """
    # BEGIN SOLUTION match every i with every j, then a softmax over j
    # HINT The scores are theta times phi transposed: (B, N, h) by (B, h, M).
    # HINT ops.swapaxes(phi, 1, 2) is phi with places and channels swapped.
    # HINT Which axis is j in (B, N, M)? The softmax runs over that one.
    scores = ops.matmul(theta, ops.swapaxes(phi, 1, 2))  # (B, N, M)
    # WRONG scores = ops.matmul(theta, ops.swapaxes(phi, 1, 2))
    # WRONG scores = scores / theta.shape[-1] ** 0.5
    # WHY you divide by sqrt(h), as the Transformer does; this paper does not
    return ops.softmax(scores, axis=-1)
    # WRONG return ops.softmax(scores, axis=1)
    # WHY your softmax runs over i: for each j the weights sum to 1, not for each i
    # WRONG return ops.exp(scores) / phi.shape[1]
    # WHY you divide by the number of places; a Gaussian is divided by its own sum
    # WRONG return scores / ops.sum(scores, axis=-1, keepdims=True)
    # WHY the exponential is missing, so the weights can be negative
    # END SOLUTION


def concatenation(theta, phi, w):
    """Return another match: a ReLU unit that sees both places side by side.

        relu(w . [theta_i, phi_j]) / M

    theta_i comes first. M is the number of places j. (The module has no such match.)

    Args:
        theta: (B, N, h) float, of the places i.
        phi: (B, M, h) float, of the places j.
        w: (2 h,) float.

    Returns:
        (B, N, M) float.
    """
    # BEGIN SOLUTION split w: one half reads theta, the other phi
    # HINT w . [a, b] = w[:h] . a + w[h:] . b: two vectors of scores, added crosswise.
    # HINT a[:, :, None] + b[:, None, :] is (B, N, M) for a (B, N) and b (B, M).
    # HINT ops.relu(...) / phi.shape[1]
    half = theta.shape[-1]
    a = ops.matmul(theta, w[:half])  # (B, N)
    # WRONG theta, phi, w = theta, phi, ops.concatenate([w[half:], w[:half]])
    # WRONG a = ops.matmul(theta, w[:half])
    # WHY you put phi first: the first half of w belongs to theta
    b = ops.matmul(phi, w[half:])  # (B, M)
    scores = a[:, :, None] + b[:, None, :]
    # WRONG scores = a[:, :, None] * b[:, None, :]
    # WHY you multiply the two halves: w . [a, b] is their sum
    return ops.relu(scores) / phi.shape[1]
    # WRONG return scores / phi.shape[1]
    # WHY the ReLU is missing
    # WRONG return ops.relu(scores) / theta.shape[1]
    # WHY you divide by the number of places i; the sum has as many terms as places j
    # WRONG return ops.relu(scores)
    # WHY you do not divide by M, so the result grows with the size of the clip
    # WRONG return ops.softmax(ops.relu(scores), axis=-1)
    # WHY this match has no softmax: it is divided by the number of places
    # END SOLUTION


def pool(x, size):
    """Return the largest value of size x size places, in each frame by itself.

    Args:
        x: (B, T, H, W, C) float; size divides H and W.
        size: int >= 1.

    Returns:
        (B, T, H / size, W / size, C) float.
    """
    # BEGIN SOLUTION split H and W into blocks, and take the largest of each
    # HINT H becomes (H / size, size), and W likewise: seven axes all in all.
    # HINT ops.max takes a tuple of axes.
    # HINT blocks = ops.reshape(x, (-1, T, H // size, size, W // size, size, C))
    steps, height, width, channels = x.shape[1:]
    h, w = height // size, width // size
    blocks = ops.reshape(x, (-1, steps, h, size, w, size, channels))
    # WRONG blocks = ops.reshape(x, (-1, steps, size, h, size, w, channels))
    # WRONG blocks = ops.transpose(blocks, (0, 1, 3, 2, 5, 4, 6))
    # WHY your blocks hold places that are far apart: H is (H / size, size), not
    # WHY (size, H / size)
    return ops.max(blocks, axis=(3, 5))
    # WRONG return ops.mean(blocks, axis=(3, 5))
    # WHY you average; the statement takes the largest
    # WRONG return blocks[:, :, :, 0, :, 0]
    # WHY you take the first place of each block, not the largest
    # WRONG return ops.repeat(ops.max(blocks, axis=(1, 3, 5))[:, None], steps, axis=1)
    # WHY you pool over time too; each frame is pooled by itself
    # END SOLUTION


def non_local(x, w_theta, w_phi, w_g, w_z, size=1):
    """Return the block of figure 2 with the embedded Gaussian.

        theta = x w_theta    phi = pool(x w_phi)    g = pool(x w_g)
        y_i = sum over j of match_ij g_j
        z = y w_z + x

    Places are matched over all frames. theta is not pooled, so z has the size of x.

    Args:
        x: (B, T, H, W, C) float.
        w_theta, w_phi, w_g: (C, h) float.
        w_z: (h, C) float.
        size: int >= 1, of the pooling of phi and g.

    Returns:
        (B, T, H, W, C) float.
    """
    # BEGIN SOLUTION map, pool, flatten, match, and add to x
    # HINT x w is ops.matmul(x, w): it acts on the last axis, whatever stands before.
    # HINT (B, T, H, W, h) becomes (B, N, h) by ops.reshape(maps, (-1, N, h)).
    # HINT theta has N = T H W places; phi and g have M = N / size^2.
    # HINT Bring y back to the shape of theta before you multiply by w_z.
    steps, height, width = x.shape[1:4]
    count, units = steps * height * width, w_theta.shape[-1]
    theta = ops.reshape(ops.matmul(x, w_theta), (-1, count, units))
    # WRONG theta = ops.transpose(ops.matmul(x, w_theta), (0, 4, 1, 2, 3))
    # WRONG theta = ops.reshape(theta, (-1, count, units))
    # WHY you reshape with the channels in front, so places and channels are mixed
    # WRONG whole = ops.repeat(ops.repeat(pool(x, size), size, axis=2), size, axis=3)
    # WRONG theta = ops.reshape(ops.matmul(whole, w_theta), (-1, count, units))
    # WHY you pool theta as well; only phi and g are pooled
    phi = pool(ops.matmul(x, w_phi), size)
    # WRONG phi = ops.matmul(pool(x, size), w_phi)
    # WHY you pool x and then map it; the pooling follows phi
    phi = ops.reshape(phi, (-1, count // size**2, units))
    g = pool(ops.matmul(x, w_g), size)
    # WRONG g = pool(ops.matmul(x, w_phi), size)
    # WHY you take phi for g: what is matched is not what is summed
    g = ops.reshape(g, (-1, count // size**2, units))
    # WRONG alone = [(-1, n // steps, units) for n in (count, count // size**2)]
    # WRONG g = ops.reshape(g, alone[1])
    # WRONG theta, phi = ops.reshape(theta, alone[0]), ops.reshape(phi, alone[1])
    # WHY each of your frames sees itself alone; all places of all frames are matched
    y = ops.matmul(embedded_gaussian(theta, phi), g)
    y = ops.reshape(y, (-1, steps, height, width, units))
    return ops.matmul(y, w_z) + x
    # WRONG return ops.matmul(y, w_z)
    # WHY the residual is missing: z is x and what the block adds
    # WRONG return ops.relu(ops.matmul(y, w_z) + x)
    # WHY no ReLU follows the sum: with w_z = 0 the block has to be the identity
    # WRONG return ops.matmul(y + ops.matmul(x, w_theta), w_z)
    # WHY you add theta before w_z; x itself is added, after it
    # END SOLUTION


def first_weights(noise):
    """Return weights with which the block is the identity, and yet learns.

    The maps theta, phi and g start from noise with a standard deviation of 1 / sqrt(C);
    w_z starts from zeros. (The paper's code has a batch normalization behind w_z, and
    sets its scale to 0 instead; the effect is the same.)

    Args:
        noise: (3, C, h) float, standard normal.

    Returns:
        Four tensors (w_theta, w_phi, w_g, w_z): three of (C, h), one of (h, C).
    """
    # BEGIN SOLUTION scale the noise; zeros for w_z
    # HINT noise.shape is (3, C, h): unpack it.
    # HINT w_theta = noise[0] / C**0.5, and so on.
    # HINT ops.zeros((h, C)) for w_z; were g zero too, w_z would get no gradient.
    _, channels, units = noise.shape
    scaled = noise / channels**0.5
    # WRONG scaled = noise
    # WHY the noise has a standard deviation of 1; the maps start from 1 / sqrt(C)
    # WRONG scaled = noise / units**0.5
    # WHY you divide by sqrt(h): a map sums over its C inputs
    # WRONG scaled = noise / channels
    # WHY you divide by C, which makes the maps too small; the root is missing
    # WRONG scaled = 0 * noise
    # WHY all is zero: then y is zero for ever, and w_z gets no gradient either
    return scaled[0], scaled[1], scaled[2], ops.zeros((units, channels))
    # WRONG w_z = ops.transpose(scaled[2])
    # WRONG return scaled[0], scaled[1], scaled[2], w_z
    # WHY w_z does not start from zeros, so the block changes a network that was trained
    # END SOLUTION


class Block(layers.Layer):
    """Your block as a layer, with weights from `first_weights`; given."""

    def __init__(self, units, size=1, **kwargs):
        super().__init__(**kwargs)
        self.units, self.size = units, size

    def build(self, input_shape):
        noise = keras.random.normal((3, input_shape[-1], self.units), seed=0)
        self.maps = [
            self.add_weight(shape=value.shape, name=name)
            for name, value in zip(
                ("theta", "phi", "g", "z"), first_weights(noise), strict=True
            )
        ]
        for weight, value in zip(self.maps, first_weights(noise), strict=True):
            weight.assign(value)

    def call(self, x):
        return non_local(x, *map(ops.convert_to_tensor, self.maps), self.size)


def network(frames=8):
    """Return a tower of slow fusion with your block behind it; given."""
    fusion = slow_fusion(frames, extents=(2, 2), strides=(2, 1))
    plan = (Stage(8, 3, 2, norm=True), Stage(8, 3))
    inputs = keras.Input((frames, 8, 16, 1))
    x = tower(inputs, fusion, plan, norm=lambda: GroupNorm(groups=4))  # 3 steps
    model = classify(inputs, Block(4, size=2, name="block")(x), (16,), num_classes=2)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(0.01), loss, jit_compile=False)
    return model


if __name__ == "__main__":
    x = keras.random.normal((1, 4, 6, 6, 8), seed=0)
    noise = keras.random.normal((3, 8, 4), seed=1)
    weights = first_weights(noise)
    change = float(ops.max(ops.abs(non_local(x, *weights, size=2) - x)))
    print(f"at first the block changes its input by {change:g}")
    for size in (1, 2, 3):
        match = 144 * 144 // size**2
        print(f"pooling {size} x {size}: {match:,} matches of 144 places")
