"""Graph attention: each node decides how much it takes of which neighbour.

Paper: Velickovic et al., "Graph Attention Networks", ICLR 2018.
Link:  https://arxiv.org/abs/1710.10903 (section 2.1, equations 1 to 6; section 3.3)
"""

import keras
from keras import layers, ops

from modules.graphs.neighbourhoods import (
    check_inputs,
    gather,
    neighbour_softmax,
    neighbour_sum,
    with_self_loops,
)


@keras.saving.register_keras_serializable("graphs")
class GraphAttention(layers.Layer):
    """Let several heads weigh the neighbours of each node.

        e_ij = LeakyReLU(a^T [W h_i || W h_j])    LeakyReLU of slope 0.2
        alpha_ij = softmax of e_ij over i itself and those with an edge to i
        h'_i = sum over j of alpha_ij W h_j

    a^T [u || v] is a sum of two products, so each node is multiplied by its half of a
    once, not once for each edge. Since LeakyReLU is monotone, all nodes rank a common
    set of neighbours alike ("static" attention); GATv2 puts a behind the LeakyReLU.

    Args:
        units: int >= 1, of each head.
        num_heads: int >= 1, called K.
        average: bool, the mean over heads (equation 6) instead of their concatenation.
        activation: str or function, ELU in the paper.
        rate: float in [0, 1), dropout of the weights alpha; 0.6 in the paper.

    Shapes:
        x: (N, D) float, D known. edges: (E, 2) int without self-loops; E may be 0.
        y: (N, K units), or (N, units) with average. With return_attention_scores also
            alpha, (E + N, K), for the edges and then the self-loops.
        K (D units + 2 units) weights, and a bias of the width of y.

    Raises:
        ValueError: units or num_heads is not an int >= 1, or x and edges are no graph.

    Example:
        >>> x, edges = ops.ones((3, 4)), ops.array([[0, 1], [1, 0]])
        >>> tuple(GraphAttention(8, num_heads=2)(x, edges).shape)
        (3, 16)
    """

    def __init__(
        self, units, num_heads=8, average=False, activation="elu", rate=0.6, **kwargs
    ):
        super().__init__(**kwargs)
        for name, size in (("units", units), ("num_heads", num_heads)):
            if not (isinstance(size, int) and size >= 1):
                raise ValueError(f"{name} must be an int >= 1, got {size!r}")
        self.units = units
        self.num_heads = num_heads
        self.average = average
        self.activation = keras.activations.get(activation)
        self.rate = rate

    def build(self, x_shape, edges_shape):
        check_inputs(x_shape, edges_shape)
        heads, units = self.num_heads, self.units
        weight = {"initializer": "glorot_uniform"}
        self.kernel = self.add_weight((x_shape[-1], heads * units), **weight, name="W")
        self.receiver = self.add_weight((heads, units), **weight, name="a_receiver")
        self.sender = self.add_weight((heads, units), **weight, name="a_sender")
        width = units if self.average else heads * units
        self.bias = self.add_weight((width,), "zeros", name="bias")
        self.dropout = layers.Dropout(self.rate, dtype=self.dtype_policy)

    def call(self, x, edges, return_attention_scores=False):
        nodes = ops.shape(x)[0]
        edges = with_self_loops(edges, nodes)
        shape = (nodes, self.num_heads, self.units)
        h = ops.reshape(x @ self.kernel, shape)  # (N, K, units)
        mine = ops.sum(h * self.receiver, axis=-1)  # (N, K)
        theirs = ops.sum(h * self.sender, axis=-1)
        scores = ops.take(mine, edges[:, 1], axis=0) + gather(theirs, edges)
        scores = ops.leaky_relu(scores, negative_slope=0.2)  # (E + N, K)
        alpha = neighbour_softmax(scores, edges, nodes)
        messages = self.dropout(alpha)[..., None] * gather(h, edges)
        y = neighbour_sum(messages, edges, nodes)  # (N, K, units)
        y = ops.mean(y, axis=1) if self.average else ops.reshape(y, (nodes, -1))
        y = self.activation(y + self.bias)
        return (y, alpha) if return_attention_scores else y

    def get_config(self):
        own = ("units", "num_heads", "average", "rate")
        config = {name: getattr(self, name) for name in own}
        config["activation"] = keras.activations.serialize(self.activation)
        return {**super().get_config(), **config}


def gat(features, num_classes, units=8, num_heads=8, rate=0.6):
    """Return the paper's network of two layers, from nodes and edges to logits.

    Args:
        features: int, D.
        num_classes: int >= 1.
        units: int >= 1, of each head of the first layer.
        num_heads: int >= 1, of the first layer; the second has one.
        rate: float in [0, 1), of the dropout of inputs and of attention weights.

    Returns:
        keras.Model of [x (N, D), edges (E, 2)].
    """
    x = keras.Input((features,), name="x")
    edges = keras.Input((2,), dtype="int32", name="edges")
    y = layers.Dropout(rate)(x)
    y = GraphAttention(units, num_heads, rate=rate)(y, edges)
    y = layers.Dropout(rate)(y)
    last = {"average": True, "activation": None, "rate": rate}
    y = GraphAttention(num_classes, 1, **last)(y, edges)
    return keras.Model([x, edges], y, name="gat")
