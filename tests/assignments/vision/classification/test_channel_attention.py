"""Grades assignments/vision/classification/channel_attention.py."""

import numpy as np

from course.grading import close, fit, points, symbolic

FORBIDDEN = ("modules.vision.classification.squeeze_excite",)


@points(2)
def test_kernel_size(submission):
    """kernel_size is odd and grows with the logarithm of the channels"""
    want = {48: 3, 1: 1, 16: 3, 128: 5, 64: 3, 1024: 5}
    got = {channels: submission.kernel_size(channels) for channels in want}
    close(got, want, hint="Which comes first, rounding down or making it odd?")


@points(3)
def test_gates(submission, rng):
    """gates agree with NumPy for a kernel that looks one channel ahead"""
    x = rng.normal(size=(2, 3, 5, 8))
    mean = x.mean(axis=(1, 2))
    ahead = np.pad(mean, [(0, 0), (0, 1)])[:, 1:]
    want = 1 / (1 + np.exp(-(mean + 2 * ahead)))

    got = submission.gates(x, np.array([0.0, 1.0, 2.0]))
    close(got, want, hint="Does kernel[2] weigh the next channel?")


@points(1, after="test_gates")
def test_network(submission, rng):
    """the layer accepts images of any size, and a residual network learns with it"""
    layer = submission.EfficientChannelAttention()
    assert symbolic(layer, (None, None, None, 128)) == (None, None, None, 128)
    close(layer.count_params(), 5, hint="k weights are all that it needs")

    labels = np.arange(24) % 3
    images = rng.normal(size=(24, 6, 7, 3)) + 2 * np.eye(3)[labels][:, None, None]
    losses = fit(submission.network(), images, labels, 8)
    assert losses[-1] < 0.5 * losses[0], f"the loss went {losses[0]} to {losses[-1]}"
