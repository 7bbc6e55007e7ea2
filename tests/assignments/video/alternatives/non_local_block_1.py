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
    scores = ops.einsum("bih,bjh->bij", theta, phi)
    match = ops.exp(scores - ops.max(scores, axis=2, keepdims=True))
    return match / ops.sum(match, axis=2, keepdims=True)


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
    n, m = theta.shape[1], phi.shape[1]
    left = ops.repeat(theta[:, :, None], m, axis=2)
    right = ops.repeat(phi[:, None], n, axis=1)
    both = ops.concatenate([left, right], axis=-1)  # (B, N, M, 2 h)
    return ops.maximum(ops.einsum("bijc,c->bij", both, w), 0.0) / m


def pool(x, size):
    """Return the largest value of size x size places, in each frame by itself.

    Args:
        x: (B, T, H, W, C) float; size divides H and W.
        size: int >= 1.

    Returns:
        (B, T, H / size, W / size, C) float.
    """
    best = None
    for i in range(size):
        for j in range(size):
            part = x[:, :, i::size, j::size]
            best = part if best is None else ops.maximum(best, part)
    return best


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

    def flat(maps):
        return ops.concatenate(
            [maps[:, t, h] for t in range(maps.shape[1]) for h in range(maps.shape[2])],
            axis=1,
        )

    theta = flat(ops.einsum("bthwc,cd->bthwd", x, w_theta))
    phi = flat(pool(ops.einsum("bthwc,cd->bthwd", x, w_phi), size))
    g = flat(pool(ops.einsum("bthwc,cd->bthwd", x, w_g), size))
    match = embedded_gaussian(theta, phi)
    added = ops.einsum("bij,bjd,dc->bic", match, g, w_z)
    return x + ops.reshape(added, (-1, *x.shape[1:]))


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
    w_theta, w_phi, w_g = (noise[i] * noise.shape[1] ** -0.5 for i in range(3))
    return [w_theta, w_phi, w_g, ops.zeros_like(ops.transpose(w_g))]


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
