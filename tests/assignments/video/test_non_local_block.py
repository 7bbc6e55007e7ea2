"""Grades assignments/video/non_local_block.py."""

import numpy as np

from course.grading import close, fit, gradient, points, symbolic

FORBIDDEN = (
    "modules.video.non_local",
    "modules.nlp.translation",
    "layers.Attention",
    "layers.AdditiveAttention",
    "layers.MultiHeadAttention",
    "layers.GroupQueryAttention",
    "layers.GroupedQueryAttention",
    "ops.dot_product_attention",
    "nn.dot_product_attention",
)


def gaussian(theta, phi):
    match = np.exp(np.einsum("bih,bjh->bij", theta, phi))
    return match / match.sum(axis=2, keepdims=True)


def pool(x, size):
    blocks = [x[:, :, i::size, j::size] for i in range(size) for j in range(size)]
    return np.max(blocks, axis=0)


def block(x, w_theta, w_phi, w_g, w_z, size):
    maps = x @ w_theta, pool(x @ w_phi, size), pool(x @ w_g, size)
    theta, phi, g = (m.reshape(len(x), -1, m.shape[-1]) for m in maps)
    y = gaussian(theta, phi) @ g
    return (y @ w_z).reshape(x.shape) + x


def inputs(rng, shape=(2, 3, 4, 6, 5), units=3):
    """Return x and the four weights of a block."""
    shapes = 3 * [(shape[-1], units)] + [(units, shape[-1])]
    return rng.normal(size=shape), *(rng.normal(size=s) for s in shapes)


@points(3)
def test_embedded_gaussian(submission, rng):
    """embedded_gaussian is a softmax over the places j, without a scale"""
    theta, phi = rng.normal(size=(2, 5, 4)), rng.normal(size=(2, 7, 4))
    got = submission.embedded_gaussian(theta, phi)
    close(got, gaussian(theta, phi), hint="Over which axis do weights sum to 1?")


@points(3)
def test_concatenation(submission, rng):
    """concatenation is a ReLU unit over both places, divided by their number"""
    theta, phi = rng.normal(size=(2, 5, 4)), rng.normal(size=(2, 7, 4))
    w = rng.normal(size=8)
    want = np.empty((2, 5, 7))
    for b, i, j in np.ndindex(want.shape):
        want[b, i, j] = max(np.concatenate([theta[b, i], phi[b, j]]) @ w, 0) / 7
    got = submission.concatenation(theta, phi, w)
    close(got, want, hint="Which half of w belongs to theta?")


@points(2)
def test_pool(submission, rng):
    """pool takes the largest of each block, in each frame by itself"""
    for size, shape in ((2, (2, 3, 4, 6, 2)), (3, (1, 2, 9, 6, 4))):
        x = rng.normal(size=shape)
        close(submission.pool(x, size), pool(x, size), hint="Which places are a block?")


@points(4)
def test_non_local(submission, rng):
    """non_local matches all places of all frames and adds what it finds to x"""
    x, *weights = inputs(rng)
    for size in (2, 1):
        got = submission.non_local(x, *weights, size)
        close(got, block(x, *weights, size), hint="theta has all places, phi and g?")


@points(2)
def test_first_weights(submission, rng):
    """first_weights scales the noise by 1 / sqrt(C), and w_z is zero"""
    noise = rng.normal(size=(3, 6, 4))
    want = (*(noise / np.sqrt(6)), np.zeros((4, 6)))
    close(submission.first_weights(noise), want, hint="What should w_z do at first?")


@points(1, hidden=True, after="test_non_local")
def test_order_of_places(submission, rng):
    """without pooling, places that change places in x change places in z"""
    x, *weights = inputs(rng)
    order = rng.permutation(3 * 4 * 6)
    mixed = x.reshape(2, -1, 5)[:, order].reshape(x.shape)
    want = block(x, *weights, 1).reshape(2, -1, 5)[:, order].reshape(x.shape)
    close(submission.non_local(mixed, *weights, 1), want)


@points(2, after="test_non_local")
def test_network(submission, rng):
    """the block starts as the identity, w_z gets a gradient, and a network learns"""
    x, *weights = inputs(rng)
    noise = rng.normal(size=(3, 5, 3))
    first = [noise[0], noise[1], noise[2], np.zeros((3, 5))]
    slope = gradient(submission.non_local, x, *first, wrt=4, cotangent=x)
    maps = [(x @ w).reshape(2, -1, 3) for w in first[:3]]
    y = (gaussian(*maps[:2]) @ maps[2]).reshape(-1, 3)
    close(slope, y.T @ x.reshape(-1, 5), rtol=1e-3, atol=1e-4)
    layer = submission.Block(4, 2)
    shape = symbolic(layer, (None, 3, 4, 6, 5))
    close(list(shape[1:]), [3, 4, 6, 5], hint="z has the size of x")
    close(layer(x), x, hint="w_z is zero at first")

    labels = np.arange(12) % 2
    clips = rng.normal(size=(12, 8, 8, 16, 1)) / 4
    for clip, label in zip(clips, labels, strict=True):
        clip[1, 1:4, 2:5] += 2  # something at first; later the same or another thing
        clip[6, 4:7, 12:15] += 2 if label else -2
    losses = fit(submission.network(), clips, labels, 10)
    assert losses[-1] < 0.6 * losses[0], f"the loss went {losses[0]} to {losses[-1]}"
