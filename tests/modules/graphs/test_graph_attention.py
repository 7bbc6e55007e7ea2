import numpy as np
import pytest
from keras import ops

from course.checks import check_layer, check_model, noise_weights
from modules.graphs.graph_attention import GraphAttention, gat
from modules.graphs.neighbourhoods import with_self_loops
from tests.modules.graphs.graphs import (
    EDGES,
    FIRST_ALONE,
    NO_EDGES,
    D,
    N,
    X,
    adjacency,
    assert_equivariant,
    reach,
)


def built(units=3, num_heads=2, **options):
    layer = GraphAttention(units, num_heads, **options)
    layer.build(X.shape, EDGES.shape)
    noise_weights(layer, seed=0)
    return layer


def dense(layer, head):
    """Return alpha (N, N) and h' of one head as equations 1 to 4 say, in NumPy."""
    kernel, receiver, sender, _ = layer.get_weights()
    units = layer.units
    h = X @ kernel[:, head * units : (head + 1) * units]
    e = (h @ receiver[head])[:, None] + (h @ sender[head])[None]  # e[i, j]
    e = np.where(e > 0, e, 0.2 * e)
    e = np.where(adjacency(EDGES) + np.eye(N) > 0, e, -np.inf)
    alpha = np.exp(e - e.max(axis=1, keepdims=True))
    alpha /= alpha.sum(axis=1, keepdims=True)
    return alpha, alpha @ h


def test_layer():
    weights = 2 * (D * 3 + 2 * 3)
    make = lambda: GraphAttention(3, 2)  # noqa: E731
    check_layer(make, (X, FIRST_ALONE), (N, 6), weights + 6, training="differs")
    make = lambda: GraphAttention(3, 2, average=True, rate=0.0)  # noqa: E731
    check_layer(make, (X, FIRST_ALONE), (N, 3), weights + 3)


def test_model():
    first, second = 8 * (D * 8 + 16) + 64, 64 * 3 + 6 + 3
    make = lambda: gat(D, 3)  # noqa: E731
    check_model(make, (X, FIRST_ALONE), (N, 3), first + second, training="differs")


def test_equals_the_equations():
    layer = built(activation=None)
    y, alpha = layer(X, EDGES, return_attention_scores=True)
    bias = layer.get_weights()[3]
    for head in range(2):
        want, mixed = dense(layer, head)
        got = np.zeros((N, N))
        looped = ops.convert_to_numpy(with_self_loops(EDGES, N))
        got[looped[:, 1], looped[:, 0]] = ops.convert_to_numpy(alpha)[:, head]
        np.testing.assert_allclose(got, want, atol=1e-5)
        part = slice(3 * head, 3 * head + 3)
        np.testing.assert_allclose(y[:, part], mixed + bias[part], atol=1e-5)


def test_average_is_the_mean_of_the_heads():
    whole, mean = built(activation=None), built(activation=None, average=True)
    mean.set_weights([*whole.get_weights()[:3], np.zeros(3)])
    whole.set_weights([*whole.get_weights()[:3], np.zeros(6)])
    heads = ops.reshape(whole(X, EDGES), (N, 2, 3))
    np.testing.assert_allclose(mean(X, EDGES), ops.mean(heads, axis=1), atol=1e-5)


def test_without_a_it_is_the_mean():
    layer = built(activation=None, num_heads=1)
    kernel, receiver, sender, bias = layer.get_weights()
    layer.set_weights([kernel, 0 * receiver, 0 * sender, 0 * bias])
    whole = adjacency(EDGES) + np.eye(N)
    mean = whole / whole.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(layer(X, EDGES), mean @ X @ kernel, atol=1e-5)


def test_all_nodes_rank_their_neighbours_alike():
    """Static attention: in a complete graph the order of e_ij over j is the same."""
    pairs = [(a, b) for a in range(N) for b in range(N) if a != b]
    layer = built(num_heads=1)
    _, alpha = layer(X, np.array(pairs, "int32"), return_attention_scores=True)
    table = np.full((N, N), np.nan)
    looped = np.array(pairs + [(a, a) for a in range(N)])
    table[looped[:, 1], looped[:, 0]] = ops.convert_to_numpy(alpha)[:, 0]
    ranks = np.argsort(table, axis=1)
    assert (ranks == ranks[0]).all() and table.std(axis=0).max() > 1e-3


def test_without_edges_each_node_is_alone():
    layer = built(activation=None)
    kernel, _, _, bias = layer.get_weights()
    np.testing.assert_allclose(layer(X, NO_EDGES), X @ kernel + bias, atol=1e-5)


def test_equivariant_and_local():
    assert_equivariant(built(), X, EDGES)
    model = gat(D, 3)
    noise_weights(model, seed=0)
    assert_equivariant(lambda x, edges: model([x, edges]), X, EDGES)
    assert reach(built(), X, EDGES, 3) == {2, 3}
    assert reach(lambda x, edges: model([x, edges]), X, EDGES, 3) == {0, 1, 2, 3}


@pytest.mark.parametrize("name", ["units", "num_heads"])
def test_rejects(name):
    with pytest.raises(ValueError, match=f"{name} must be an int >= 1, got 0"):
        GraphAttention(**{"units": 3, name: 0})
    with pytest.raises(ValueError, match="x must be"):
        GraphAttention(3)(X[None], EDGES)
