"""course_motion: its flow is exact, and no frame knows the class."""

import hashlib

import numpy as np
import pytest
import tensorflow_datasets as tfds

from course.data.load import load
from course.data.worlds import motion
from course.data.worlds.motion import CLASSES, FRAMES, SIZE

LABELS, MEANS = "ced9792d63f1ecae", (115.72347, 0.1043015)


@pytest.fixture(scope="module")
def clips():
    return {
        k: np.asarray(v)
        for k, v in load("course_motion", batch_size=-1)["test"].items()
    }


def test_features_are_those_of_ucf101():
    _, info = load("course_motion", "test", with_info=True)
    video = info.features["video"]
    assert isinstance(video, tfds.features.Video)
    assert video.shape == (FRAMES, SIZE, SIZE, 3) and video.np_dtype == np.uint8
    assert info.features["label"].names == list(CLASSES)
    assert info.features["flow"].shape == (FRAMES - 1, SIZE, SIZE, 2)
    assert info.splits["train"].num_examples == 2000


def test_the_same_clips_every_time(clips):
    """A change of the generator needs a new version. Floats may differ in last bits."""
    labels = hashlib.sha256(clips["label"][:100].tobytes()).hexdigest()
    assert labels[:16] == LABELS
    sums = clips["video"][:100].mean(), np.abs(clips["flow"][:100]).mean()
    np.testing.assert_allclose(sums, MEANS, rtol=1e-4)


def test_classes_are_balanced(clips):
    counts = np.bincount(clips["label"], minlength=len(CLASSES))
    assert counts.min() > 30 and counts.max() < 75  # 50 expected, deviation 6.6


def warped(frame, flow):
    """Return frame at every pixel moved by flow, bilinear, on the torus: (H, W, 3)."""
    y, x = np.mgrid[:SIZE, :SIZE]
    x, y = x + flow[..., 0], y + flow[..., 1]
    left, top = np.floor(x).astype(int), np.floor(y).astype(int)
    a, b = (x - left)[..., None], (y - top)[..., None]
    here = [
        [frame[(top + j) % SIZE, (left + i) % SIZE] for i in (0, 1)] for j in (0, 1)
    ]
    return (1 - b) * ((1 - a) * here[0][0] + a * here[0][1]) + b * (
        (1 - a) * here[1][0] + a * here[1][1]
    )


def test_flow_leads_each_pixel_to_where_it_is_next(clips):
    """Warp the next frame back by the flow: inside the object it is this frame."""
    exact, still = [], []
    for video, flow in zip(
        clips["video"][:80].astype(float), clips["flow"], strict=False
    ):
        for t in (0, 3, FRAMES - 2):
            moved = np.abs(flow[t]).max(axis=-1) > 0
            inner = moved & np.all([np.roll(moved, s, (0, 1)) for s in SHIFTS], axis=0)
            exact.append(np.abs(warped(video[t + 1], flow[t]) - video[t])[inner])
            still.append(np.abs(video[t + 1] - video[t])[inner])
    exact, still = np.concatenate(exact), np.concatenate(still)
    assert len(exact) > 5000
    assert exact.mean() < 3 and exact.mean() < still.mean() / 4


SHIFTS = [(0, 2), (0, -2), (2, 0), (-2, 0), (1, 1), (-1, -1), (1, -1), (-1, 1)]


def test_flow_of_each_class_in_closed_form(clips):
    for flow, label in zip(clips["flow"][:100], clips["label"], strict=False):
        moved = np.abs(flow).max(axis=-1) > 0
        name, speeds = (
            CLASSES[label],
            np.array([flow[t][moved[t]].mean(0) for t in range(7)]),
        )
        if name in motion.DIRECTIONS:
            along = speeds @ motion.DIRECTIONS[name]
            np.testing.assert_allclose(flow[moved] - speeds[0], 0, atol=1e-5)
            assert 0.8 <= along.min() and along.max() <= 2
            assert np.allclose(speeds @ np.flip(motion.DIRECTIONS[name]), 0)
        if name.startswith("circle"):
            turns = np.cross(
                np.c_[speeds, 0 * speeds[:, :1]][:-1],
                np.c_[speeds, 0 * speeds[:, :1]][1:],
            )[:, 2]
            assert np.all(turns > 0) == (name == "circle_clockwise")  # y points down
        if name.startswith("spin"):
            y, x = np.mgrid[:SIZE, :SIZE]
            curl = np.gradient(flow[0, ..., 1], axis=1) - np.gradient(
                flow[0, ..., 0], axis=0
            )
            inner = moved[0] & np.all(
                [np.roll(moved[0], s, (0, 1)) for s in SHIFTS], axis=0
            )
            inner[[0, -1]] = inner[:, [0, -1]] = False
            assert (curl[inner] > 0).all() == (name == "spin_clockwise")


def test_ground_stands_still(clips):
    video, flow = clips["video"][:50].astype(int), clips["flow"][:50]
    moved = np.abs(flow).max(axis=(1, -1)) > 0  # in any frame
    near = np.any(
        [
            np.roll(moved, s, (1, 2))
            for s in [(0, 0), *SHIFTS, (3, 0), (-3, 0), (0, 3), (0, -3)]
        ],
        axis=0,
    )
    changes = np.abs(np.diff(video, axis=1)).max(axis=(1, -1))
    assert (changes[~near] == 0).mean() > 0.99


@pytest.mark.parametrize("frame", range(FRAMES))
def test_no_frame_knows_the_class(frame):
    """The place and the angle of the object are uniform in every class and frame."""
    for name in CLASSES:
        rng = np.random.default_rng(frame)
        paths = [motion.draw_path(rng, name) for _ in range(400)]
        places = np.array([p.centre[frame] % SIZE for p in paths]) / SIZE
        angles = np.array([p.angle[frame] % (2 * np.pi) for p in paths]) / (2 * np.pi)
        for values in (*places.T, angles):
            # Kolmogorov-Smirnov against the uniform distribution, at one in 10,000
            gap = np.abs(np.sort(values) - (np.arange(400) + 0.5) / 400).max()
            assert gap < 2.23 / np.sqrt(400), name


def test_look_does_not_depend_on_the_class():
    first = [motion.draw_clip(np.random.default_rng(1), name)[0][0] for name in CLASSES]
    assert all((frame == first[0]).all() for frame in first)
