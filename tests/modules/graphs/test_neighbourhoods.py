import numpy as np
import pytest
from keras import ops

from course.checks import check_function
from modules.graphs import neighbourhoods as nb
from tests.modules.graphs.graphs import EDGES, NO_EDGES, D, N, X, adjacency

MESSAGES = np.random.default_rng(2).normal(size=(len(EDGES), D)).astype("float32")


def test_sum_equals_a_matrix_product():
    got = nb.neighbour_sum(nb.gather(X, EDGES), EDGES, N)
    np.testing.assert_allclose(got, adjacency(EDGES) @ X, atol=1e-6)


def test_functions_with_unknown_sizes():
    def summed(x, edges):
        return nb.neighbour_sum(nb.gather(x, edges), edges, ops.shape(x)[0])

    def softmax(messages, edges):
        return nb.neighbour_softmax(messages, edges, N)

    check_function(summed, X, EDGES, y_shape=X.shape)
    check_function(softmax, MESSAGES, EDGES, y_shape=MESSAGES.shape)


def test_softmax_sums_to_one_over_each_neighbourhood():
    alpha = nb.neighbour_softmax(50 * MESSAGES, EDGES, N)  # none overflows
    total = ops.convert_to_numpy(nb.neighbour_sum(alpha, EDGES, N))
    np.testing.assert_allclose(total[:6], 1, atol=1e-6)
    np.testing.assert_array_equal(total[6], 0)  # nobody sends anything there
    shifted = nb.neighbour_softmax(50 * MESSAGES + 7, EDGES, N)
    np.testing.assert_allclose(alpha, shifted, atol=1e-5)


def test_the_order_of_edges_does_not_matter():
    order = np.random.default_rng(3).permutation(len(EDGES))
    got = nb.neighbour_softmax(MESSAGES[order], EDGES[order], N)
    want = ops.convert_to_numpy(nb.neighbour_softmax(MESSAGES, EDGES, N))[order]
    np.testing.assert_allclose(got, want, atol=1e-6)


def test_self_loops_and_degrees():
    looped = nb.with_self_loops(EDGES, N)
    assert tuple(looped.shape) == (len(EDGES) + N, 2)
    np.testing.assert_array_equal(nb.in_degree(looped, N), [3, 3, 4, 2, 2, 2, 1])
    np.testing.assert_array_equal(nb.in_degree(EDGES, N), [2, 2, 3, 1, 1, 1, 0])


def test_a_graph_without_edges():
    assert tuple(nb.with_self_loops(NO_EDGES, N).shape) == (N, 2)
    nothing = nb.neighbour_sum(np.zeros((0, D), "float32"), NO_EDGES, N)
    np.testing.assert_array_equal(nothing, np.zeros((N, D)))


def test_edges_have_a_direction():
    one_way = np.array([[0, 1]], "int32")
    got = nb.neighbour_sum(nb.gather(X[:2], one_way), one_way, 2)
    np.testing.assert_allclose(got, [np.zeros(D), X[0]])


@pytest.mark.parametrize(
    ("x", "edges", "said"),
    [
        ((2, 3, 4), (5, 2), "x must be"),
        ((3, None), (5, 2), "x must be"),
        ((3, 4), (2, 5), "edges must be"),
        ((3, 4), (5,), "edges must be"),
    ],
)
def test_what_is_no_graph(x, edges, said):
    with pytest.raises(ValueError, match=said):
        nb.check_inputs(x, edges)
