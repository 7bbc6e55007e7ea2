"""course_sprites: five independent factors, each to be seen in the picture."""

import hashlib
from itertools import product

import numpy as np
import pytest
import tensorflow_datasets as tfds

from course.data.load import load
from course.data.worlds import sprites
from course.data.worlds.sprites import COUNTS, SHAPES, SIZE, Sprite, render

LABELS, MEAN = "b907c2f06967ae51", 25.71110
FIELDS = ("shape", "scale", "orientation", "x_position", "y_position")


@pytest.fixture(scope="module")
def found():
    examples = load("course_sprites", "test", batch_size=-1)
    return {k: np.asarray(v) for k, v in examples.items()}


def test_features_are_those_of_dsprites():
    _, info = load("course_sprites", "test", with_info=True)
    fields = {"image", *(f"{k}_{f}" for k in ("label", "value") for f in FIELDS)}
    assert set(info.features) == fields
    assert info.features["image"].shape == (SIZE, SIZE, 1)
    for field in FIELDS:
        assert isinstance(info.features[f"label_{field}"], tfds.features.ClassLabel)
        assert info.features[f"value_{field}"].np_dtype == np.float32


def test_the_same_sprites_every_time(found):
    """A change of the generator needs a new version. Edges may differ in last bits."""
    labels = np.stack([found[f"label_{f}"][:100] for f in FIELDS])
    assert hashlib.sha256(labels.tobytes()).hexdigest()[:16] == LABELS
    np.testing.assert_allclose(found["image"][:100].mean(), MEAN, rtol=1e-4)


def test_factors_are_uniform_and_independent(found):
    labels = {f: found[f"label_{f}"] for f in FIELDS}
    for (name, a), (other, b) in product(labels.items(), repeat=2):
        table = np.zeros((a.max() + 1, b.max() + 1))
        np.add.at(table, (a, b), 1)
        if name == other:
            table = np.diag(table)
        even = table.sum() / table.size
        chi, free = ((table - even) ** 2 / even).sum(), table.size - 1
        assert chi < free + 5 * np.sqrt(2 * free), (name, other)


def moments(image):
    """Return the centre (x, y), the area, and the angle of the longest extent."""
    weight = image[..., 0] / 255
    y, x = np.mgrid[:SIZE, :SIZE] + 0.5
    area = weight.sum()
    cx, cy = (weight * x).sum() / area, (weight * y).sum() / area
    xx, yy = (weight * (x - cx) ** 2).sum(), (weight * (y - cy) ** 2).sum()
    xy = (weight * (x - cx) * (y - cy)).sum()
    return cx, cy, area, 0.5 * np.arctan2(2 * xy, xx - yy)


def test_values_are_to_be_measured_in_the_picture(found):
    kept = np.flatnonzero(found["label_shape"] == SHAPES.index("ellipse"))[:100]
    for i in kept:
        cx, cy, area, angle = moments(found["image"][i])
        radius = sprites.RADIUS * found["value_scale"][i]
        edge = sprites.RADIUS + sprites.MARGIN
        x, y = (found[f"value_{k}_position"][i] for k in "xy")
        assert abs(cx - (edge + (SIZE - 2 * edge) * x)) < 0.1
        assert abs(cy - (edge + (SIZE - 2 * edge) * y)) < 0.1
        assert abs(area / (np.pi * radius**2 / 2) - 1) < 0.05
        turn = (angle - found["value_orientation"][i]) % np.pi
        assert min(turn, np.pi - turn) < 0.05


def test_no_two_sprites_look_alike():
    """Every pair of sprites of one place and scale differs in many pixels."""
    kinds = product(range(3), (0, COUNTS["scale"] - 1), range(COUNTS["orientation"]))
    pictures = [render(Sprite(*kind, 4, 4)).ravel() / 255 for kind in kinds]
    for scale in range(2):
        part = np.array([p for i, p in enumerate(pictures) if i // 12 % 2 == scale])
        gaps = np.abs(part[:, None] - part).sum(axis=-1)
        assert (gaps + 99 * np.eye(len(part))).min() > (1.5, 5)[scale]


def test_no_sprite_of_test_is_in_train(found):
    train = load("course_sprites", "train", batch_size=-1)
    seen = {image.tobytes() for image in np.asarray(train["image"])}
    assert not seen & {image.tobytes() for image in found["image"]}


def test_nothing_is_cut_off(found):
    edges = [found["image"][:, [0, -1]], found["image"][:, :, [0, -1]]]
    assert max(edge.max() for edge in edges) == 0


def test_square_turned_by_a_quarter_would_look_the_same():
    sprite = Sprite(SHAPES.index("square"), 5, 0, 3, 3)
    assert sprites.REPEATS["square"] == 4
    quarter = np.rot90(render(sprite), axes=(0, 1))
    x, y = (np.nonzero(p.any(axis=(0, 2)))[0] for p in (quarter, render(sprite)))
    assert len(x) == len(y)
