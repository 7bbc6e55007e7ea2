"""Graph convolution: each node takes a weighted mean of itself and its neighbours.

Paper: Kipf and Welling, "Semi-Supervised Classification with Graph Convolutional
       Networks", ICLR 2017.
Link:  https://arxiv.org/abs/1609.02907 (section 2, equation 2; section 3.1)
"""

import keras
from keras import layers, ops

from modules.graphs.neighbourhoods import (
    check_inputs,
    gather,
    in_degree,
    neighbour_sum,
    with_self_loops,
)


def convolution_weights(edges, nodes, dtype="float32"):
    """Return the weight of every edge, self-loops among them: 1 / sqrt(d_j d_i).

    d counts the edges into a node, its self-loop too: it is the degree in A + I, not in
    A, so it is never 0.

    Args:
        edges: (E, 2) int, self-loops included.
        nodes: int or int tensor, called N.

    Returns:
        (E,) float.

    Example:
        >>> pair = with_self_loops(ops.array([[0, 1], [1, 0]]), 2)
        >>> print(convolution_weights(pair, 2).numpy().round(4))
        [0.5 0.5 0.5 0.5]
    """
    scale = ops.rsqrt(in_degree(edges, nodes, dtype))  # (N,)
    begins, ends = ops.take(scale, edges[:, 0]), ops.take(scale, edges[:, 1])
    return begins * ends


@keras.saving.register_keras_serializable("graphs")
class GraphConvolution(layers.Layer):
    """Mix each node with its neighbours, then apply one matrix.

        H' = sigma(D~^(-1/2) A~ D~^(-1/2) H W)    with    A~ = A + I

    D~ is the diagonal matrix of the degrees in A~. The layer adds the self-loops; the
    edges must not hold them. Without edges it is a dense layer without bias.

    Args:
        units: int >= 1.
        activation: str or function, called sigma.
        kernel_regularizer: of W; the paper has one on its first layer.

    Shapes:
        x: (N, D) float, D known. edges: (E, 2) int, see neighbourhoods.py; E may be 0.
        y: (N, units). D units weights.

    Raises:
        ValueError: units is not an int >= 1, or x and edges are no graph.

    Example:
        >>> x, edges = ops.ones((3, 4)), ops.array([[0, 1], [1, 0]])
        >>> tuple(GraphConvolution(2)(x, edges).shape)
        (3, 2)
    """

    def __init__(self, units, activation=None, kernel_regularizer=None, **kwargs):
        super().__init__(**kwargs)
        if not (isinstance(units, int) and units >= 1):
            raise ValueError(f"units must be an int >= 1, got {units!r}")
        self.units = units
        self.activation = keras.activations.get(activation)
        self.kernel_regularizer = keras.regularizers.get(kernel_regularizer)

    def build(self, x_shape, edges_shape):
        check_inputs(x_shape, edges_shape)
        self.kernel = self.add_weight(
            (x_shape[-1], self.units),
            "glorot_uniform",
            regularizer=self.kernel_regularizer,
            name="kernel",
        )

    def call(self, x, edges):
        nodes = ops.shape(x)[0]
        edges = with_self_loops(edges, nodes)
        weights = convolution_weights(edges, nodes, x.dtype)  # (E + N,)
        messages = weights[:, None] * gather(x @ self.kernel, edges)
        return self.activation(neighbour_sum(messages, edges, nodes))  # (N, units)

    def get_config(self):
        return {
            **super().get_config(),
            "units": self.units,
            "activation": keras.activations.serialize(self.activation),
            "kernel_regularizer": keras.regularizers.serialize(self.kernel_regularizer),
        }


def gcn(features, num_classes, units=16, rate=0.5, decay=5e-4):
    """Return the paper's network of two layers, from nodes and edges to logits.

    The decay is on the first matrix only, and adds decay / 2 ||W||^2 to the loss, as
    in the paper's code.

    Args:
        features: int, D.
        num_classes: int >= 1.
        units: int >= 1, of the hidden layer.
        rate: float in [0, 1), of the dropout before each layer.
        decay: float >= 0.

    Returns:
        keras.Model of [x (N, D), edges (E, 2)].
    """
    x = keras.Input((features,), name="x")
    edges = keras.Input((2,), dtype="int32", name="edges")
    decay = keras.regularizers.L2(decay / 2)
    y = layers.Dropout(rate)(x)
    y = GraphConvolution(units, "relu", kernel_regularizer=decay)(y, edges)
    y = layers.Dropout(rate)(y)
    y = GraphConvolution(num_classes)(y, edges)
    return keras.Model([x, edges], y, name="gcn")
