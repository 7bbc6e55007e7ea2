"""Communities found by a graph network, where neither features nor edges say enough.

Three graphs of course_blocks, each a task of its own: 240 nodes of four classes, of
which five each are labelled. A dense network sees the features only; a graph
convolutional network (GCN) that is given numbers for features sees the edges only; GCN
and GAT see both. And the karate club, of which two members' sides are known.

Papers: Kipf and Welling, 1609.02907; Velickovic et al., 1710.10903
"""

from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from course.bar import Bar
from course.data.load import load
from course.figures import panels, points, save
from modules.graphs.graph_attention import gat
from modules.graphs.graph_convolution import gcn

FIGURE = Path(__file__).parents[1] / "figures" / "communities.png"
EPOCHS, GRAPHS = 100, 3


def dense(features, classes):
    """Return a network of the GCN's size that does not look at edges."""
    x, edges = keras.Input((features,)), keras.Input((2,), dtype="int32")
    y = layers.Dropout(0.5)(layers.Dense(16, "relu")(layers.Dropout(0.5)(x)))
    return keras.Model([x, edges], layers.Dense(classes)(y))


def train(make, x, graph, bar):
    """Return a network trained on the labelled nodes of one graph, and its logits."""
    keras.utils.set_random_seed(0)
    model = make(x.shape[1], int(graph["num_classes"]))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(0.01), loss, jit_compile=False)
    edges = graph["edge_index"].astype("int32")
    weights = graph["train_mask"].astype("float32")
    one = tf.data.Dataset.from_tensors(((x, edges), graph["labels"], weights))
    for _ in range(4):
        model.fit(one.repeat(EPOCHS // 4), shuffle=False, verbose=0)
        bar.step()
    return model, model([x, edges]).numpy()


def accuracy(logits, graph):
    test = graph["test_mask"]
    return 100 * np.mean(logits.argmax(axis=1)[test] == graph["labels"][test])


def main(out=FIGURE):
    tf.config.experimental.enable_op_determinism()
    graphs = list(load("course_blocks", "test").take(GRAPHS).as_numpy_iterator())
    [club] = load("course_karate", "train").as_numpy_iterator()
    nodes = np.eye(len(graphs[0]["labels"]), dtype="float32")
    kinds = {
        "features alone (dense)": (dense, None),
        "edges alone (GCN)": (gcn, nodes),
        "both (GCN)": (gcn, None),
        "both (GAT)": (gat, None),
    }
    bar, found = Bar(4 * (len(kinds) * GRAPHS + 1)), {}
    for name, (make, x) in kinds.items():
        right = []
        for graph in graphs:
            given = graph["node_feat"] if x is None else x
            _, logits = train(make, given, graph, bar)
            right.append(accuracy(logits, graph))
        found[name] = np.mean(right), logits, graphs[-1]
        print(f"{name}: {np.mean(right):.1f} % of unlabelled nodes (chance 25)")
    model, logits = train(gcn, club["node_feat"], club, bar)
    print(f"karate club: {accuracy(logits, club):.1f} % of 32 members (chance 50)")
    hidden = keras.Model(model.inputs, model.layers[-2].output)
    hidden = hidden([club["node_feat"], club["edge_index"].astype("int32")]).numpy()
    draw(found, hidden, club, out)


def draw(found, hidden, club, out):
    figure, [axes] = panels(1, 3, size=(3.6, 3.8))
    shown = ("features alone (dense)", "both (GCN)")
    for axis, name in zip(axes, shown, strict=False):
        _, logits, graph = found[name]
        names = [f"class {c}" for c in range(4)]
        points(axis, principal(logits), graph["labels"], names, name)
    sides = ["Mr. Hi's side", "the officer's side"]
    points(axes[2], principal(hidden), club["labels"], sides, "karate club (GCN)")
    for axis in axes:
        axis.set_xticks([])
        axis.set_yticks([])
        axis.legend(loc="upper center", bbox_to_anchor=(0.5, -0.02), ncols=2)
    save(figure, out)


def principal(values):
    """Return the two directions in which values differ most, (N, 2)."""
    values = values - values.mean(axis=0)
    _, _, directions = np.linalg.svd(values, full_matrices=False)
    return values @ directions[:2].T


if __name__ == "__main__":
    main()
