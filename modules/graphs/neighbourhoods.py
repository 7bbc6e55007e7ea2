"""Neighbourhoods: sums and softmaxes over those nodes that have an edge to each node.

Source: Gilmer et al., "Neural Message Passing for Quantum Chemistry", ICML 2017,
        https://arxiv.org/abs/1704.01212 (section 2): every graph network below gathers
        along edges, computes a message, and adds up what arrives at each node.

A graph has N nodes, x (N, D), and E edges, (E, 2) int: edge [j, i] carries a message
from j to i. An undirected edge stands there twice, once in each direction. Several
graphs are one graph whose parts are not connected.
"""

from keras import ops


def with_self_loops(edges, nodes):
    """Return the edges, then one from each node to itself.

    Args:
        edges: (E, 2) int; E may be 0.
        nodes: int or int tensor, called N.

    Returns:
        (E + N, 2) int.

    Example:
        >>> with_self_loops([[0, 1]], 2).numpy().tolist()
        [[0, 1], [0, 0], [1, 1]]
    """
    edges = ops.convert_to_tensor(edges)
    itself = ops.cast(ops.arange(nodes), edges.dtype)
    return ops.concatenate([edges, ops.stack([itself, itself], axis=1)], axis=0)


def gather(x, edges):
    """Return the values of the nodes where edges begin, (E, ...)."""
    return ops.take(x, edges[:, 0], axis=0)


def neighbour_sum(messages, edges, nodes):
    """Return for each node the sum of the messages that arrive there; 0 if none does.

    Args:
        messages: (E, ...) float, one for each edge.
        edges: (E, 2) int.
        nodes: int or int tensor, called N.

    Returns:
        (N, ...), in the dtype of the messages.

    Example:
        >>> edges = ops.array([[0, 1], [2, 1], [1, 0]])
        >>> neighbour_sum([1.0, 2.0, 4.0], edges, 3).numpy()
        array([4., 3., 0.], dtype=float32)
    """
    return ops.segment_sum(ops.convert_to_tensor(messages), edges[:, 1], nodes)


def in_degree(edges, nodes, dtype="float32"):
    """Return how many edges end in each node, (N,)."""
    return neighbour_sum(ops.ones_like(edges[:, 1], dtype=dtype), edges, nodes)


def neighbour_softmax(scores, edges, nodes):
    """Return weights of edges that are positive and sum to 1 over those into a node.

        alpha_ij = exp(e_ij) / sum over the neighbours k of i of exp(e_ik)

    Args:
        scores: (E, ...) float, one or several for each edge.
        edges: (E, 2) int.
        nodes: int or int tensor, called N.

    Returns:
        (E, ...), in the dtype of the scores.

    Example:
        >>> edges = ops.array([[0, 1], [2, 1], [1, 0]])
        >>> neighbour_softmax([3.0, 3.0, 7.0], edges, 3).numpy()
        array([0.5, 0.5, 1. ], dtype=float32)
    """
    scores = ops.convert_to_tensor(scores)
    arrives = edges[:, 1]
    most = ops.segment_max(ops.stop_gradient(scores), arrives, nodes)  # (N, ...)
    parts = ops.exp(scores - ops.take(most, arrives, axis=0))
    total = ops.take(ops.segment_sum(parts, arrives, nodes), arrives, axis=0)
    return parts / total


def check_inputs(x_shape, edges_shape):
    """Refuse what is no graph.

    Raises:
        ValueError: x is not (N, D) with D known, or edges are not (E, 2).
    """
    if len(x_shape) != 2 or x_shape[-1] is None:
        raise ValueError(f"x must be (N, D) with D known, got {tuple(x_shape)}")
    if len(edges_shape) != 2 or edges_shape[-1] not in (2, None):
        raise ValueError(f"edges must be (E, 2), got {tuple(edges_shape)}")
