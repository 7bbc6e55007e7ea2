"""Grades assignments/video/fusion_in_time.py."""

import numpy as np

from course.grading import close, fit, points

FORBIDDEN = ("modules.video.fusion", "modules.video.multiresolution")


def convolve(image, kernel):
    """Return image (B, H, W, C) convolved with (k, k, C, F), zeros around."""
    half = kernel.shape[0] // 2
    padded = np.pad(image, [(0, 0), (half, half), (half, half), (0, 0)])
    height, width = image.shape[1:3]
    y = 0
    for i in range(kernel.shape[0]):
        for j in range(kernel.shape[1]):
            y = y + padded[:, i : i + height, j : j + width] @ kernel[i, j]
    return y


def early(clip, kernel):
    return sum(convolve(clip[:, t], kernel[t]) for t in range(len(kernel)))


@points(3)
def test_early(submission, rng):
    """early sums a convolution of every frame with its own part of the kernel"""
    clip, kernel = rng.normal(size=(2, 3, 5, 4, 2)), rng.normal(size=(3, 3, 3, 2, 4))
    got = submission.early(clip, kernel)
    close(got, early(clip, kernel), hint="Do frames and kernel have the same order?")


@points(1, hidden=True)
def test_equal_frames(submission, rng):
    """on a clip that stands still early is one convolution with the summed kernel"""
    image, kernel = rng.normal(size=(2, 4, 5, 3)), rng.normal(size=(4, 3, 3, 3, 2))
    still = np.repeat(image[:, None], 4, axis=1)
    want = convolve(image, kernel.sum(axis=0))
    close(submission.early(still, kernel), want, hint="Sum, and do not average")


@points(3)
def test_slow(submission, rng):
    """slow makes 4 steps of 10 frames, each from a window of 4"""
    for frames, extent, stride in ((10, 4, 2), (7, 3, 2), (5, 2, 1)):
        clip = rng.normal(size=(2, frames, 3, 4, 2))
        kernel = rng.normal(size=(extent, 3, 3, 2, 3))
        steps = (frames - extent) // stride + 1
        windows = [clip[:, s * stride :][:, :extent] for s in range(steps)]
        want = np.stack([early(window, kernel) for window in windows], axis=1)
        got = submission.slow(clip, kernel, stride)
        close(got, want, hint="At which frames do windows begin?")


@points(3)
def test_late(submission, rng):
    """late shows two frames, gap apart, to the same tower and to one dense layer"""
    clip, kernel = rng.normal(size=(2, 6, 3, 4, 2)), rng.normal(size=(3, 3, 2, 5))
    dense = rng.normal(size=(2 * 3 * 4 * 5, 7)) / 10
    towers = [convolve(clip[:, t], kernel).clip(0).reshape(2, -1) for t in (0, 4)]
    want = (np.concatenate(towers, axis=1) @ dense).clip(0)
    got = submission.late(clip, 4, kernel, dense)
    close(got, want, hint="Which frames, in which order, and where do they meet?")


@points(2)
def test_count_weights(submission):
    """count_weights counts shared towers once and all that the dense layer reads"""
    sizes = {"size": 5, "channels": 3, "filters": 8, "places": 42, "units": 6}
    want = {"early": 10 * 600 + 8 + 336 * 6 + 6, "late": 608 + 672 * 6 + 6}
    got = {kind: submission.count_weights(kind, 10, **sizes) for kind in want}
    close(got, want, hint="How many weights do two towers have that share them?")


@points(3)
def test_streams(submission, rng):
    """streams gives the whole frame made smaller, and its middle as it is"""
    for factor, height, width in ((2, 6, 10), (3, 12, 9)):
        clip = rng.normal(size=(2, 2, height, width, 3))
        h, w = height // factor, width // factor
        parts = [
            clip[:, :, i::factor, j::factor]
            for i in range(factor)
            for j in range(factor)
        ]
        context = sum(parts) / factor**2
        top, left = (height - h) // 2, (width - w) // 2
        want = context, clip[:, :, top : top + h, left : left + w]
        got = submission.streams(clip, factor)
        close(got, want, hint="Which is the whole, and where does the middle begin?")


@points(2)
def test_video_probabilities(submission, rng):
    """video_probabilities is the mean of what each clip finds probable"""
    logits = 2 * rng.normal(size=(3, 4, 5))
    each = np.exp(logits) / np.exp(logits).sum(axis=-1, keepdims=True)
    got = submission.video_probabilities(logits)
    close(got, each.mean(axis=1), hint="Which comes first, softmax or mean?")


@points(2, after="test_slow")
def test_network(submission, rng):
    """a network of your slow fusion learns to tell left from right"""
    clips, labels = [], np.arange(12) % 2
    for label in labels:
        start, y = rng.integers(10), rng.integers(6)
        clip = np.zeros((10, 8, 10, 1))
        for t in range(10):
            x = (start + (1 if label else -1) * t) % 10
            clip[t, y : y + 3, x] = 1
        clips.append(clip)
    model = submission.network()
    close(model.get_layer("slow1").count_params(), 4 * 9 * 1 * 4)
    losses = fit(model, np.stack(clips), labels, 10)
    assert losses[-1] < 0.6 * losses[0], f"the loss went {losses[0]} to {losses[-1]}"
