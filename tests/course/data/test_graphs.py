"""course_blocks and course_karate: the fields of ogbg_molpcba, and facts of each."""

import numpy as np
import pytest

from course.data.load import load
from course.data.worlds import blocks, karate

FIELDS = {
    "edge_index": np.int64,
    "node_feat": np.float32,
    "num_nodes": np.int64,
    "num_edges": np.int64,
    "labels": np.int64,
    "num_classes": np.int64,
    "train_mask": np.bool_,
    "valid_mask": np.bool_,
    "test_mask": np.bool_,
}


@pytest.fixture(scope="module")
def graphs():
    return list(load("course_blocks", "test").as_numpy_iterator())


@pytest.fixture(scope="module")
def club():
    [graph] = load("course_karate", "train").as_numpy_iterator()
    return graph


def adjacency(graph):
    n = len(graph["labels"])
    found = np.zeros((n, n), int)
    np.add.at(found, tuple(graph["edge_index"].T), 1)
    return found


@pytest.mark.parametrize("name", ["course_blocks", "course_karate"])
def test_fields(name):
    _, info = load(name, "train", with_info=True)
    assert {k: info.features[k].np_dtype for k in info.features} == FIELDS
    assert info.features["edge_index"].shape == (None, 2)


def test_graphs_are_simple_and_undirected(graphs, club):
    for graph in [*graphs, club]:
        a = adjacency(graph)
        assert (a == a.T).all() and a.max() == 1 and np.trace(a) == 0
        assert graph["num_edges"] == [a.sum()] and graph["num_nodes"] == [len(a)]
        masks = [graph[f"{part}_mask"] for part in ("train", "valid", "test")]
        assert (np.sum(masks, axis=0) == 1).all()


def test_blocks_have_the_densities_they_say(graphs):
    inside, outside = [], []
    for graph in graphs:
        y, a = graph["labels"], adjacency(graph)
        same = y[:, None] == y
        inside.append((a * same).sum(axis=1).mean())
        outside.append((a * ~same).sum(axis=1).mean())
        assert np.bincount(y).tolist() == [60] * 4
        for mask, count in (("train_mask", 5), ("valid_mask", 10)):
            assert np.bincount(y[graph[mask]]).tolist() == [count] * 4
    # the mean of 10 x 240 nodes' Poisson degrees: four standard errors
    assert abs(np.mean(inside) - blocks.INSIDE) < 0.3
    assert abs(np.mean(outside) - blocks.OUTSIDE) < 0.25


def test_features_are_a_mean_and_noise(graphs):
    for graph in graphs:
        x, y = graph["node_feat"], graph["labels"]
        means = np.stack([x[y == k].mean(axis=0) for k in range(4)])
        assert abs((x - means[y]).std() - 1) < 0.05
    apart = np.mean(
        [m["node_feat"][m["labels"] == 0].mean(axis=0).std() for m in graphs]
    )
    assert abs(apart - np.hypot(blocks.SPREAD, 1 / np.sqrt(60))) < 0.1


def test_graphs_differ_and_stay(graphs):
    again = list(load("course_blocks", "test").as_numpy_iterator())
    assert all(
        (a["edge_index"] == b["edge_index"]).all()
        for a, b in zip(graphs, again, strict=True)
    )
    assert len({graph["edge_index"].tobytes() for graph in graphs}) == 10
    assert [len(g["edge_index"]) for g in graphs][:3] == EDGES


EDGES = [2566, 2414, 2552]


def test_karate_is_zacharys(club):
    """Facts of the paper's figure 1; and of the 34 degrees those that it speaks of."""
    a = adjacency(club)
    assert a.shape == (34, 34) and a.sum() == 2 * 78
    degrees = a.sum(axis=0)
    assert degrees[[0, 33, 32, 11]].tolist() == [16, 17, 12, 1]
    assert sorted(degrees)[:12] == [1] + [2] * 11
    triangles = np.trace(np.linalg.matrix_power(a, 3)) // 6
    assert triangles == 45
    assert np.bincount(club["labels"]).tolist() == [17, 17]
    assert (club["node_feat"] == np.eye(34)).all()
    assert np.flatnonzero(club["train_mask"]).tolist() == [0, 33]
    # member 8 stood with the president's faction and joined the instructor's club
    assert club["labels"][[0, 33, 8]].tolist() == [0, 1, 0]


def test_karate_splits_where_it_is_thin(club):
    """Few of the 78 friendships lead from one club to the other."""
    a, y = adjacency(club), club["labels"]
    assert (a * (y[:, None] != y)).sum() // 2 == 11
    assert karate.edges().tolist() == sorted(map(list, karate.edges().tolist()))
