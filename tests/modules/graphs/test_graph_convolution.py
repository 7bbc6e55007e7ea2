import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops
from scipy.sparse import csgraph

from course.checks import check_layer, check_model, noise_weights
from modules.graphs.graph_convolution import GraphConvolution, convolution_weights, gcn
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


def normalized():
    """D~^(-1/2) (A + I) D~^(-1/2), by dense algebra."""
    whole = adjacency(EDGES) + np.eye(N)
    scale = np.diag(whole.sum(axis=1) ** -0.5)
    return scale @ whole @ scale


def built(units=3, **options):
    layer = GraphConvolution(units, **options)
    layer.build(X.shape, EDGES.shape)
    noise_weights(layer, seed=0)
    return layer


def test_layer():
    make = lambda: GraphConvolution(3, "tanh", kernel_regularizer="l2")  # noqa: E731
    check_layer(make, (X, FIRST_ALONE), (N, 3), D * 3)


def test_model():
    check_model(
        lambda: gcn(D, 3), (X, FIRST_ALONE), (N, 3), 16 * (D + 3), training="differs"
    )


def test_equals_dense_algebra():
    layer = built(activation="tanh")
    want = np.tanh(normalized() @ X @ layer.get_weights()[0])
    np.testing.assert_allclose(layer(X, EDGES), want, atol=1e-5)


def test_equals_the_laplacian_of_scipy():
    """With D~ - A~ = D - A = L, the matrix is I - D~^(-1/2) L D~^(-1/2)."""
    degrees = adjacency(EDGES).sum(axis=1) + 1
    scaled = csgraph.laplacian(adjacency(EDGES)) / np.sqrt(np.outer(degrees, degrees))
    layer = built()
    want = (np.eye(N) - scaled) @ X @ layer.get_weights()[0]
    np.testing.assert_allclose(layer(X, EDGES), want, atol=1e-5)


def test_two_nodes_get_a_half_everywhere():
    pair = with_self_loops(np.array([[0, 1], [1, 0]], "int32"), 2)
    np.testing.assert_allclose(convolution_weights(pair, 2), np.full(4, 0.5))


def test_eigenvalues_are_above_minus_one_and_at_most_one():
    values = np.linalg.eigvalsh(normalized())
    assert values.min() > -1 and values.max() == pytest.approx(1)


def test_without_edges_it_is_a_dense_layer():
    layer = built()
    np.testing.assert_allclose(
        layer(X, NO_EDGES), X @ layer.get_weights()[0], atol=1e-5
    )
    alone = ops.convert_to_numpy(layer(X, EDGES))[6]  # a node without neighbours too
    np.testing.assert_allclose(alone, X[6] @ layer.get_weights()[0], atol=1e-5)


def test_equivariant():
    assert_equivariant(built(activation="tanh"), X, EDGES)
    model = gcn(D, 3)
    noise_weights(model, seed=0)
    assert_equivariant(lambda x, edges: model([x, edges]), X, EDGES)


def test_two_layers_reach_two_steps():
    """By the support of the gradient: 3 sees 2, and behind it 0 and 1."""
    assert reach(built(activation="tanh"), X, EDGES, 3) == {2, 3}
    model = gcn(D, 3, units=64)
    noise_weights(model, seed=0)
    assert reach(lambda x, edges: model([x, edges]), X, EDGES, 3) == {0, 1, 2, 3}
    assert reach(lambda x, edges: model([x, edges]), X, EDGES, 4) == {4, 5}


def test_graphs_side_by_side_do_not_see_each_other():
    layer = built()
    both = layer(np.concatenate([X, 2 * X]), np.concatenate([EDGES, EDGES + N]))
    np.testing.assert_allclose(both[:N], layer(X, EDGES), atol=1e-5)
    np.testing.assert_allclose(both[N:], layer(2 * X, EDGES), atol=1e-5)


def test_decay_is_on_the_first_matrix():
    model = gcn(D, 3, decay=0.5)
    first = np.square(model.get_weights()[0]).sum()
    assert float(sum(model.losses)) == pytest.approx(0.25 * first, rel=1e-5)


def test_fits_a_graph():
    keras.utils.set_random_seed(0)
    model, y = gcn(D, 2, rate=0.0), np.array([0, 0, 0, 0, 1, 1, 1])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(0.05), loss)
    one = tf.data.Dataset.from_tensors(((X, EDGES), y))
    history = model.fit(one.repeat(60), shuffle=False, verbose=0).history["loss"]
    assert model.evaluate(one, verbose=0) < history[0]


@pytest.mark.parametrize("units", [0, 2.5])
def test_rejects_units(units):
    with pytest.raises(ValueError, match="units must be an int >= 1, got"):
        GraphConvolution(units)


def test_rejects_what_is_no_graph():
    with pytest.raises(ValueError, match="edges must be"):
        GraphConvolution(3)(X, EDGES.T)
