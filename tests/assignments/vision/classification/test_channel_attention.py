"""Grades assignments/vision/classification/channel_attention.py."""

import numpy as np

from course.grading import close, points

FORBIDDEN = ("modules.vision.classification.squeeze_excite",)


@points(2)
def test_kernel_size(submission):
    """kernel_size is odd and grows with the logarithm of the channels"""
    want = {48: 3, 1: 1, 16: 3, 128: 5, 64: 3, 1024: 5}
    got = {channels: submission.kernel_size(channels) for channels in want}
    assert got == want, f"got {got}, expected {want}"


@points(3)
def test_gates(submission, rng):
    """gates agree with NumPy for a kernel that looks one channel ahead"""
    x = rng.normal(size=(2, 3, 5, 8))
    mean = x.mean(axis=(1, 2))
    ahead = np.pad(mean, [(0, 0), (0, 1)])[:, 1:]
    want = 1 / (1 + np.exp(-(mean + 2 * ahead)))

    got = submission.gates(x, np.array([0.0, 1.0, 2.0]))
    close(got, want, hint="Does kernel[2] weigh the next channel?")
