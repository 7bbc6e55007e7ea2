"""course_blocks: features and edges each say little, and together enough."""

import keras
import numpy as np
from keras import layers, ops
from sklearn.linear_model import LogisticRegression

from course.data.load import load
from course.data.worlds.blocks import FEATURES as FEATURE_COUNT
from course.data.worlds.blocks import NODES

FEATURES = "features alone, logistic regression, accuracy in % (chance 25)"
EDGES = "edges alone, labels spread to neighbours, accuracy in % (chance 25)"
BOTH = "both, graph convolutions, accuracy in % (chance 25)"
BOUNDS = {FEATURES: (35, 65), EDGES: (35, 65), BOTH: (75, 100)}


def graphs():
    for graph in load("course_blocks", "test").as_numpy_iterator():
        n = len(graph["labels"])
        adjacent = np.zeros((n, n), "float32")
        adjacent[tuple(graph["edge_index"].T)] = 1
        yield graph, adjacent


def from_features(graph, adjacent):
    train, x, y = graph["train_mask"], graph["node_feat"], graph["labels"]
    return LogisticRegression().fit(x[train], y[train]).predict(x)


def from_edges(graph, adjacent):
    """Spread the known labels along edges, again and again, and hold them fixed."""
    known = np.eye(4)[graph["labels"]] * graph["train_mask"][:, None]
    mean = adjacent / np.maximum(adjacent.sum(axis=1, keepdims=True), 1)
    spread = known
    for _ in range(30):
        spread = np.where(known.any(axis=1, keepdims=True), known, mean @ spread)
    return spread.argmax(axis=1)


def network(nodes, features):
    """Two graph convolutions: H = relu(A X W), logits = A H W'."""
    a, x = keras.Input((nodes, nodes)), keras.Input((nodes, features))
    hidden = layers.Dropout(0.5)(layers.Dense(16, "relu")(ops.matmul(a, x)))
    model = keras.Model([a, x], ops.matmul(a, layers.Dense(4)(hidden)))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(0.02, weight_decay=5e-3), loss)
    model.optimizer.build(model.trainable_variables)
    return model


class Both:
    """A graph network that begins anew with each graph."""

    def __init__(self):
        self.model = network(NODES, FEATURE_COUNT)
        self.state = self.model.variables + self.model.optimizer.variables
        self.start = [np.array(v) for v in self.state]

    def __call__(self, graph, adjacent):
        for variable, value in zip(self.state, self.start, strict=True):
            variable.assign(value)
        a = adjacent + np.eye(NODES, dtype="float32")
        root = np.sqrt(a.sum(axis=1))
        inputs = [(a / np.outer(root, root))[None], graph["node_feat"][None]]
        weight = graph["train_mask"][None].astype("float32")
        y = graph["labels"][None]
        for _ in range(80):
            self.model.train_on_batch(inputs, y, sample_weight=weight)
        return self.model.predict_on_batch(inputs)[0].argmax(axis=1)


def accuracy(predict):
    """Return the accuracy on the unlabelled nodes in %, the mean over the graphs."""
    found = []
    for graph, adjacent in graphs():
        right = predict(graph, adjacent) == graph["labels"]
        found.append(right[graph["test_mask"]].mean())
    return 100 * np.mean(found)


def measure():
    return {
        FEATURES: accuracy(from_features),
        EDGES: accuracy(from_edges),
        BOTH: accuracy(Both()),
    }
