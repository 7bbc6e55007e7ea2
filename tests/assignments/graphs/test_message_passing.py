"""Grades assignments/graphs/message_passing.py."""

import numpy as np

from course.grading import close, fit, gradient, points

FORBIDDEN = (
    "modules.graphs.neighbourhoods",
    "modules.graphs.graph_convolution",
    "modules.graphs.graph_attention",
)


def graph(rng, n=7):
    """Return edges of a directed graph; node n - 1 neither sends nor gets anything."""
    there = rng.random((n, n)) < 0.4  # [j, i]
    np.fill_diagonal(there, False)
    there[0, 1:4] = there[1, 0] = there[4, 3] = there[5, 2] = True
    there[1:4, 5] = False
    there[n - 1] = there[:, n - 1] = False
    edges = np.argwhere(there)
    return rng.permutation(edges)


def looped(edges, n):
    return np.concatenate([edges, np.stack([np.arange(n)] * 2, axis=1)])


def softmax(scores, edges):
    """The softmax of each node's edges, in float64, node by node."""
    weights = np.zeros(len(scores))
    for node in set(edges[:, 1]):
        mine = edges[:, 1] == node
        powers = np.exp(scores[mine] - scores[mine].max())
        weights[mine] = powers / powers.sum()
    return weights


@points(3)
def test_degree_weights(submission, rng):
    """each edge weighs 1 / sqrt(d_j d_i), with self-loops in the degrees"""
    edges = graph(rng)
    want = looped(edges, 7)
    degrees = np.bincount(want[:, 1], minlength=7)
    got, weights = submission.degree_weights(edges, 7)
    close(got, want, hint="Where do the self-loops stand, and in which order?")
    want = 1 / np.sqrt(degrees[want[:, 0]] * degrees[want[:, 1]])
    close(weights, want, hint="Which edges does d count?")

    got, weights = submission.degree_weights(np.zeros((0, 2), int), 3)
    close(weights, np.ones(3), hint="What does a graph without edges do?")


@points(3)
def test_propagate(submission, rng):
    """each node gets the weighted sum of what is sent to it"""
    edges, x = graph(rng), rng.normal(size=(7, 3))
    weights = rng.normal(size=len(edges))
    matrix = np.zeros((7, 7))
    matrix[edges[:, 1], edges[:, 0]] = weights
    got = submission.propagate(x, edges, weights)
    close(got, matrix @ x, hint="[j, i]: who sends, and who gets it?")

    order = rng.permutation(len(edges))
    again = submission.propagate(x, edges[order], weights[order])
    close(again, matrix @ x, hint="Does the order of the edges matter?")
    nothing = submission.propagate(x, np.zeros((0, 2), int), np.zeros(0))
    close(nothing, np.zeros((7, 3)), hint="What arrives in a graph without edges?")


@points(3)
def test_attention_scores(submission, rng):
    """scores are those of GATv2: bent first, then weighed by a"""
    edges, x = graph(rng), rng.normal(size=(7, 3))
    w_to, w_from, a = (rng.normal(size=s) for s in [(3, 5), (3, 5), 5])
    u = x[edges[:, 1]] @ w_to + x[edges[:, 0]] @ w_from
    want = np.where(u > 0, u, 0.2 * u) @ a
    got = submission.attention_scores(x, edges, w_to, w_from, a)
    close(got, want, hint="Which matrix belongs to which end of an edge?")


@points(3)
def test_neighbour_softmax(submission, rng):
    """weights sum to 1 over the edges that end in a node, also of large scores"""
    edges = graph(rng)
    scores = 2 * rng.normal(size=len(edges))
    got = submission.neighbour_softmax(scores, edges, 7)
    close(got, softmax(scores, edges), hint="Over which edges do the weights sum to 1?")

    scores = scores + np.array([0, 1000, -1000, 10, 500, 0, 0])[edges[:, 1]]
    got = submission.neighbour_softmax(scores, edges, 7)
    want = softmax(scores.astype("float32").astype("float64"), edges)
    close(
        got, want, rtol=1e-3, hint="What is exp of a large number, and of a small one?"
    )


@points(2, after="test_propagate")
def test_only_neighbours_count(submission, rng):
    """a node depends on those that send to it, and on no others"""
    edges, x = graph(rng), rng.normal(size=(7, 3))
    weights = 1 + rng.random(len(edges))
    for node in (0, 3, 6):
        cotangent = np.zeros((7, 3))
        cotangent[node] = 1
        got = gradient(submission.propagate, x, edges, weights, cotangent=cotangent)
        want = np.zeros((7, 3))
        mine = edges[:, 1] == node
        want[edges[mine, 0]] = weights[mine][:, None]
        close(got, want, hint="Which rows of x may the output of one node see?")


@points(2, after="test_neighbour_softmax")
def test_network(submission, rng):
    """two of your layers tell two communities apart"""
    sides = np.arange(20) % 2
    same = sides[:, None] == sides[None]
    there = rng.random((20, 20)) < np.where(same, 0.5, 0.05)
    there = np.triu(there, 1)
    there = there | there.T
    edges = np.argwhere(there).tolist()
    x = rng.normal(size=(20, 4)) + 0.5 * np.eye(4)[sides]
    losses = fit(submission.network(edges, 20, 4, 2), x, sides, 10)
    assert losses[-1] < 0.6 * losses[0], f"the loss went {losses[0]} to {losses[-1]}"
