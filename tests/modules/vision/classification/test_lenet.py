import numpy as np
import pytest

from course.checks import check_layer, check_model, count_trainable, noise_weights
from modules.vision.classification.lenet import (
    TABLE,
    Subsampling,
    TableConv,
    lenet5,
    lenet5_original,
    squash,
)

IMAGES = np.random.default_rng(0).normal(size=(2, 32, 32, 1)).astype("float32")
X = np.random.default_rng(1).normal(size=(2, 8, 6, 6)).astype("float32")
SIZES = {"C1": (28, 28, 6), "S2": (14, 14, 6), "C3": (10, 10, 16), "S4": (5, 5, 16)}


def test_network():
    check_model(lenet5, IMAGES, (2, 10), weights=61_706)


def test_original_network():
    check_model(lenet5_original, IMAGES, (2, 84), weights=60_000)


@pytest.mark.parametrize("make", [lenet5, lenet5_original])
def test_sizes(make):
    model = make()
    got = {name: model.get_layer(name).output.shape[1:] for name in [*SIZES, "C5"]}
    assert got == SIZES | {"C5": (1, 1, 120)}


def test_counts_of_the_paper():
    model = lenet5_original()
    got = {x.name: count_trainable(x) for x in model.layers if x.weights}
    want = {"C1": 156, "S2": 12, "C3": 1_516, "S4": 32, "C5": 48_120, "F6": 10_164}
    assert got == want


def test_table():
    assert [len(row) for row in TABLE] == [3] * 6 + [4] * 9 + [6]
    assert len({frozenset(row) for row in TABLE}) == 16  # no two maps read the same
    readers = [sum(c in row for row in TABLE) for c in range(6)]
    assert readers == [10] * 6


def test_table_conv():
    make = lambda: TableConv([(0, 2, 5), (4,)], 3)  # noqa: E731
    check_layer(make, X, (2, 6, 4, 2), weights=4 * 9 + 2)


def test_table_conv_equals_its_parts():
    layer = TableConv(TABLE, 5)
    layer.build(X.shape)
    noise_weights(layer, seed=0)
    w, b = (np.asarray(a) for a in layer.get_weights())
    got, start = np.asarray(layer(X)), 0
    for out, row in enumerate(TABLE):
        kernel = w[:, :, start : start + len(row)]
        start += len(row)
        for i, j in np.ndindex(4, 2):
            patch = X[:, i : i + 5, j : j + 5][..., list(row)]
            want = (patch * kernel).sum(axis=(1, 2, 3)) + b[out]
            np.testing.assert_allclose(got[:, i, j, out], want, atol=1e-4)


def test_table_conv_reads_nothing_else():
    layer = TableConv([(1, 3)], 3)
    changed = X + 9 * np.isin(np.arange(6), (0, 2, 4, 5))
    np.testing.assert_array_equal(layer(X), layer(changed.astype("float32")))


def test_subsampling():
    check_layer(Subsampling, X, (2, 4, 3, 6), weights=12)


def test_subsampling_adds_up_each_window():
    layer = Subsampling()
    layer.build(X.shape)
    noise_weights(layer, seed=0)
    w, b = (np.asarray(a) for a in layer.get_weights())
    want = w * X.reshape(2, 4, 2, 3, 2, 6).sum(axis=(2, 4)) + b
    np.testing.assert_allclose(layer(X), want, atol=1e-5)


def test_squash_has_its_fixed_points_at_one():
    got = np.asarray(squash(np.array([-1.0, 0, 1, 100])))
    np.testing.assert_allclose(got, [-1, 0, 1, 1.7159], atol=1e-4)


def test_rejects_table():
    with pytest.raises(ValueError, match=r"table must name 0 to 5, got \[\[0, 6\]\]"):
        TableConv([(0, 6)], 3).build((None, 8, 6, 6))
