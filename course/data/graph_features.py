"""A graph as an example of a data set: the fields of TFDS's ogbg_molpcba, and masks."""

import numpy as np
import tensorflow_datasets as tfds


def features(size, classes):
    """Return the feature spec of graphs with `size` features a node."""
    tensor = tfds.features.Tensor
    mask = tensor(shape=(None,), dtype=np.bool_)
    return {
        "edge_index": tensor(shape=(None, 2), dtype=np.int64),
        "node_feat": tensor(shape=(None, size), dtype=np.float32),
        "num_nodes": tensor(shape=(1,), dtype=np.int64),
        "num_edges": tensor(shape=(1,), dtype=np.int64),
        "labels": tensor(shape=(None,), dtype=np.int64),
        "num_classes": tfds.features.Scalar(dtype=np.int64),
        **{f"{part}_mask": mask for part in ("train", "valid", "test")},
    }


def example(graph):
    """Return a `worlds.blocks.Graph` as an example."""
    return {
        "edge_index": graph.edges,
        "node_feat": graph.features,
        "num_nodes": np.array([len(graph.labels)]),
        "num_edges": np.array([len(graph.edges)]),
        "labels": graph.labels,
        "num_classes": graph.labels.max() + 1,
        "train_mask": graph.train,
        "valid_mask": graph.valid,
        "test_mask": graph.test,
    }
