"""A small graph, and what the tests of this chapter ask of every layer on graphs."""

import numpy as np
import tensorflow as tf
from keras import ops

N, D = 7, 4
# 6 has no neighbour, 4 and 5 have one each; both directions of each edge
PAIRS = [(0, 1), (0, 2), (1, 2), (2, 3), (4, 5)]
EDGES = np.array(PAIRS + [(b, a) for a, b in PAIRS], "int32")
X = np.random.default_rng(0).normal(size=(N, D)).astype("float32")
# check_layer also calls with the first node and the first edge alone
FIRST_ALONE = np.concatenate([[[0, 0]], EDGES]).astype("int32")
NO_EDGES = np.zeros((0, 2), "int32")


def adjacency(edges, nodes=N):
    """Return A with A[i, j] = 1 where an edge goes from j to i."""
    found = np.zeros((nodes, nodes))
    np.add.at(found, (edges[:, 1], edges[:, 0]), 1)
    return found


def assert_equivariant(layer, x, edges, tolerance=1e-5):
    """f(P X, P A P^T) = P f(X, A), whatever the order of the edges."""
    rng = np.random.default_rng(1)
    y = ops.convert_to_numpy(layer(x, edges))
    assert y.std() > 0
    for _ in range(5):
        order = rng.permutation(len(x))  # row k of P X is row order[k] of X
        place = np.argsort(order).astype("int32")  # where each node stands now
        moved = rng.permutation(place[edges])
        got = ops.convert_to_numpy(layer(x[order], moved))
        np.testing.assert_allclose(got, y[order], atol=tolerance)


def reach(function, x, edges, node):
    """Return which nodes the output of one node depends on, by its gradient."""
    x, edges = tf.Variable(x), tf.constant(edges)
    with tf.GradientTape() as tape:
        y = function(x + 0, edges)[node]
    slope = tape.gradient(y, x)
    return set(np.flatnonzero(np.abs(ops.convert_to_numpy(slope)).sum(axis=1)).tolist())
