"""Stochastic block model: nodes of a class are a little likelier to know each other.

Source: Holland, Laskey and Leinhardt, "Stochastic blockmodels: First steps", Social
        Networks 1983
"""

from dataclasses import dataclass

import numpy as np

NODES, CLASSES, FEATURES = 240, 4, 16
INSIDE, OUTSIDE = 6.0, 4.5  # neighbours of one's own class, and of all others
SPREAD = 0.4  # of the classes' means, where the noise has deviation 1
LABELLED, VALID = 5, 10  # nodes a class


@dataclass(frozen=True)
class Graph:
    """A graph of N nodes and E / 2 edges, each of which stands twice in `edges`.

    edges: (E, 2) int64. features: (N, F) float32. labels: (N,) int64.
    train, valid, test: (N,) bool, each node in exactly one.
    """

    edges: np.ndarray
    features: np.ndarray
    labels: np.ndarray
    train: np.ndarray
    valid: np.ndarray
    test: np.ndarray


def draw_graph(rng):
    """Return a Graph whose classes are equally large."""
    labels = rng.permutation(np.arange(NODES) % CLASSES)
    means = rng.normal(scale=SPREAD, size=(CLASSES, FEATURES))
    features = means[labels] + rng.normal(size=(NODES, FEATURES))
    train, valid = chosen(rng, labels)
    return Graph(
        edges=draw_edges(rng, labels),
        features=features.astype("float32"),
        labels=labels,
        train=train,
        valid=valid,
        test=~(train | valid),
    )


def draw_edges(rng, labels):
    """Return (E, 2) int64: each pair is an edge or not, independently of the others.

    p(edge) depends on whether both ends are of one class; a node has INSIDE and OUTSIDE
    neighbours on average.
    """
    own = NODES / CLASSES
    same = labels[:, None] == labels
    p = np.where(same, INSIDE / (own - 1), OUTSIDE / (NODES - own))
    upper = np.triu(rng.random((NODES, NODES)) < p, 1)
    return np.argwhere(upper | upper.T)


def chosen(rng, labels):
    """Return two masks, (N,) bool: LABELLED and VALID nodes of each class."""
    train, valid = np.zeros((2, len(labels)), bool)
    for label in range(CLASSES):
        members = rng.permutation(np.flatnonzero(labels == label))
        train[members[:LABELLED]] = True
        valid[members[LABELLED : LABELLED + VALID]] = True
    return train, valid
