"""Exercise: message passing, with fixed weights and with attention.

Every graph network sends messages along edges and adds up what arrives. What differs
is the weight of a message: a number that follows from the degrees (graph convolution),
or one that the two nodes decide on (attention). Here you write both, the second as in
GATv2, which can do what the first graph attention network cannot: let each node rank
its neighbours in an order of its own.

Paper: Kipf and Welling, ICLR 2017; Brody, Alon and Yahav, "How Attentive are Graph
       Attention Networks?", ICLR 2022.
Link:  https://arxiv.org/abs/1609.02907 (equation 2), https://arxiv.org/abs/2105.14491
       (section 3.2, equation 7)
See:   modules/graphs/graph_attention.py
Needs: graphs (graph convolution, graph attention)
Time:  60 minutes
Grade: python -m course grade graphs/message_passing

A graph has n nodes, with x (n, D), and edges (E, 2), int: row [j, i] is an edge from
node j to node i, along which j sends to i. An undirected edge is two rows. No row
stands there twice. All functions must work for any number of edges, also for none.

When your functions are right, see who sides with whom in a club that split in two:
python -m course demo graphs/message_passing
"""

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops


def degree_weights(edges, n):
    """Return the edges with self-loops, and the weight of each in a graph convolution.

    Add an edge from every node to itself, behind all others and in the order of the
    nodes. With d_i the number of edges that end in i, its self-loop included, the
    weight of the edge from j to i is 1 / sqrt(d_j d_i).

    Args:
        edges: (E, 2) int, without self-loops.
        n: int, the number of nodes.

    Returns:
        edges: (E + n, 2) int.
        weights: (E + n,) float.
    """
    nodes = tf.range(n, dtype=edges.dtype)
    edges = tf.concat([edges, tf.stack([nodes, nodes], axis=-1)], 0)
    degrees = tf.math.bincount(tf.cast(edges[:, 1], tf.int32), minlength=n)
    d = tf.gather(tf.cast(degrees, tf.float32), edges)  # (E + n, 2)
    return edges, tf.math.rsqrt(tf.reduce_prod(d, axis=1))


def propagate(x, edges, weights):
    """Return for each node the weighted sum of what is sent to it.

        y_i = sum over the edges [j, i] of weight * x_j

    Args:
        x: (n, D) float.
        edges: (E, 2) int.
        weights: (E,) float, one for each edge.

    Returns:
        (n, D) float, 0 for a node in which no edge ends.
    """
    sent = tf.gather(x, edges[:, 0]) * tf.expand_dims(weights, -1)
    return tf.tensor_scatter_nd_add(tf.zeros_like(x), edges[:, 1:], sent)


def attention_scores(x, edges, w_to, w_from, a):
    """Return how much the receiver of each edge is interested in its sender (GATv2).

        e_ij = a . LeakyReLU(x_i W_to + x_j W_from)

    The edge is [j, i]; LeakyReLU has slope 0.2 below 0. Mind the order: a stands
    behind the LeakyReLU. (In the first graph attention network it stands in front.)

    Args:
        x: (n, D) float.
        edges: (E, 2) int.
        w_to: (D, U) float, for the node i in which the edge ends.
        w_from: (D, U) float, for the node j in which it begins.
        a: (U,) float.

    Returns:
        (E,) float.
    """
    u = tf.gather(tf.matmul(x, w_to), edges[:, 1])
    u += tf.gather(tf.matmul(x, w_from), edges[:, 0])
    return tf.tensordot(tf.nn.leaky_relu(u), a, 1)


def neighbour_softmax(scores, edges, n):
    """Return weights that sum to 1 over the edges that end in each node.

        alpha_ij = exp(e_ij) / sum over all edges [k, i] of exp(e_ik)

    Scores may be large: of 1000 and 1001 no weight may become NaN.

    Args:
        scores: (E,) float.
        edges: (E, 2) int.
        n: int, the number of nodes.

    Returns:
        (E,) float.
    """
    to = edges[:, 1]
    top = tf.math.unsorted_segment_max(scores, to, n)
    powers = tf.math.exp(scores - tf.gather(top, to))
    return powers / tf.gather(tf.math.unsorted_segment_sum(powers, to, n), to)


@keras.saving.register_keras_serializable("graphs/message_passing")
class AttentionLayer(layers.Layer):
    """Your functions as a layer over a graph that is given once; given."""

    def __init__(self, edges, nodes, units, **kwargs):
        super().__init__(**kwargs)
        self.edges, self.nodes, self.units = edges, nodes, units

    def build(self, input_shape):
        shape = (input_shape[-1], self.units)
        self.w_to = self.add_weight(shape, name="w_to")
        self.w_from = self.add_weight(shape, name="w_from")
        self.a = self.add_weight((self.units,), "glorot_uniform", name="a")

    def call(self, x):
        edges = ops.convert_to_tensor(np.array(self.edges, "int32"))
        edges, _ = degree_weights(edges, self.nodes)
        x = ops.reshape(x, (self.nodes, -1))
        scores = attention_scores(x, edges, self.w_to, self.w_from, self.a)
        alpha = neighbour_softmax(scores, edges, self.nodes)
        return propagate(x @ self.w_from, edges, alpha)


def network(edges, nodes, features, classes):
    """Return a network of two such layers for the nodes of one graph; given.

    Args:
        edges: list of [j, i].
        nodes, features, classes: ints.
    """
    x = keras.Input((features,), batch_size=nodes)
    y = ops.elu(AttentionLayer(edges, nodes, 8)(x))
    model = keras.Model(x, AttentionLayer(edges, nodes, classes)(y))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(0.05), loss, jit_compile=False)
    return model


if __name__ == "__main__":
    from course.data.load import load

    [club] = load("course_karate", "train").as_numpy_iterator()
    edges, nodes = club["edge_index"].tolist(), len(club["labels"])
    keras.utils.set_random_seed(0)
    model = network(edges, nodes, nodes, 2)
    known = club["train_mask"].astype("float32")
    settings = {"batch_size": nodes, "shuffle": False, "verbose": 0}
    labels = club["labels"]
    model.fit(club["node_feat"], labels, epochs=60, sample_weight=known, **settings)
    said = model.predict(club["node_feat"], batch_size=nodes, verbose=0).argmax(axis=1)
    right = (said == labels)[club["test_mask"]]
    print(f"told the side of 2 members, {right.sum()} of {len(right)} others are right")
