"""Grades assignments/vision/classification/receptive_fields.py."""

import numpy as np

from course.grading import close, points

FORBIDDEN = (
    "modules.vision.classification.global_average_pooling",
    "layers.GlobalAveragePooling2D",
    "layers.GlobalAvgPool2D",
    "ops.adaptive_average_pool",
    "compute_conv_output_shape",
)


def places(size, kernel, stride, dilation, padding):
    """Return the output size by trying every place of the kernel."""
    last = dilation * (kernel - 1) if padding == "valid" else 0
    return sum(place + last < size for place in range(0, size, stride))


def seen(stack, pixel):
    """Return the first and the last input pixel that one output pixel depends on."""
    first = last = pixel
    for kernel, stride, dilation in reversed(stack):
        first, last = stride * first, stride * last + dilation * (kernel - 1)
    return first, last


def field_and_jump(stack):
    (first, last), (following, _) = seen(stack, 0), seen(stack, 1)
    return last - first + 1, following - first


@points(3)
def test_output_size(submission, rng):
    """output sizes for both paddings, with strides and dilation"""
    cases = [(7, 3, 2, 1, "same"), (12, 3, 2, 1, "valid"), (11, 3, 2, 1, "valid")]
    cases += [(13, 3, 1, 2, "valid"), (15, 4, 3, 2, "valid"), (224, 7, 2, 1, "same")]
    for padding in ["same", "valid"] * 4:
        kernel, stride, dilation = (int(n) for n in rng.integers(1, 5, size=3))
        cases.append((int(rng.integers(20, 40)), kernel, stride, dilation, padding))
    for case in cases:
        size, kernel, stride, dilation, padding = case
        got = submission.output_size(*case)
        hint = f"{size} pixels, kernel {kernel}, stride {stride}, dilation {dilation}, "
        close(got, places(*case), hint=hint + padding)


@points(3)
def test_receptive_field(submission, rng):
    """field and jump of a stack of layers with kernels, strides and dilations"""
    stacks = [[(3, 1, 1), (5, 2, 1), (3, 3, 2), (3, 1, 1)]]
    for depth in (1, 3, 4):
        numbers = rng.integers([2, 1, 1], [5, 4, 4], size=(depth, 3))
        stacks.append([tuple(int(n) for n in row) for row in numbers])
    for stack in stacks:
        got = submission.receptive_field(stack)
        close(got, field_and_jump(stack), hint=f"for the layers {stack}")


@points(2)
def test_googlenet_stack(submission):
    """the widest path through the first layers of GoogLeNet sees 91 pixels, 8 apart"""
    stack = np.asarray(submission.googlenet_stack())
    table = stack.ndim == 2 and stack.shape[1] == 3 and stack.dtype.kind == "i"
    assert table, "expected a list of (kernel, stride, dilation), all int"
    assert len(stack) < 50, f"the path has nine layers, yours has {len(stack)}"
    field, jump = field_and_jump(stack.tolist())
    assert (field, jump) == (91, 8), f"your path sees {field} pixels, {jump} apart"
    widening = [tuple(layer) for layer in stack.tolist() if layer[:2] != [1, 1]]
    want = [(7, 2, 1), (3, 2, 1), (3, 1, 1), (3, 2, 1), (5, 1, 1), (5, 1, 1)]
    assert widening == want, f"the numbers fit, but the layers do not: {widening[:6]}"


@points(3)
def test_inception_size(submission, rng):
    """weights and output channels of inception (3a), and of random ones"""
    configurations = [[192, 64, 96, 128, 16, 32, 32]]
    configurations += rng.integers(3, 60, size=(3, 7)).tolist()
    for configuration in configurations:
        c, ones, reduce3, threes, reduce5, fives, project = configuration
        shapes = [(1, c, ones), (1, c, reduce3), (9, reduce3, threes)]
        shapes += [(1, c, reduce5), (25, reduce5, fives), (1, c, project)]
        weights = sum(np.zeros(shape).size + shape[-1] for shape in shapes)
        got = submission.inception_size(*configuration)
        want = (weights, ones + threes + fives + project)
        close(got, want, hint=f"for {configuration}")


@points(2)
def test_gap_head(submission, rng):
    """logits are averages over the image, for images of two sizes"""
    kernel, bias = rng.normal(size=(4, 3)), rng.normal(size=3)
    for shape in [(2, 3, 5, 4), (3, 6, 2, 4)]:
        x = rng.normal(size=shape)
        want = np.stack([(image.reshape(-1, 4) @ kernel).mean(0) for image in x]) + bias
        got = submission.gap_head(x, kernel, bias)
        close(got, want, hint="Which two axes of (B, H, W, K) are the image?")


@points(2, after="test_receptive_field")
def test_measured_field(submission):
    """in GoogLeNet's first layers a pixel sees as many columns as your numbers say"""
    field, jump = submission.receptive_field(submission.googlenet_stack())
    network = submission.googlenet_start()
    first, last = submission.columns_seen(network, 112, 6)
    assert (first, last - first + 1) == (10, 91), "keep googlenet_start as it was given"
    close(field, last - first + 1, hint="one bright column after the other was tried")
    following, _ = submission.columns_seen(network, 112, 7)
    close(jump, following - first, hint="the distance to the next pixel's field")
