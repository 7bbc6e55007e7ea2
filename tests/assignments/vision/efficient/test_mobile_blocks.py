"""Grades assignments/vision/efficient/mobile_blocks.py."""

import numpy as np

from course.grading import close, fit, points, raises, symbolic

FORBIDDEN = (
    "modules.vision.efficient.depthwise_separable",
    "modules.vision.efficient.inverted_residual",
    "modules.vision.efficient.multiply_adds",
    "ops.separable_conv",
    "layers.SeparableConv2D",
    "layers.DepthwiseConv2D",
    "nn.separable_conv2d",
    "keras.applications",
)


def windows(x, strides, fill=0.0):
    """Return (3, 3, B, H', W', C): what each weight of a 3x3 filter meets, "same"."""
    out = [-(-n // strides) for n in x.shape[1:3]]
    total = [
        max((o - 1) * strides + 3 - n, 0)
        for o, n in zip(out, x.shape[1:3], strict=True)
    ]
    inner = [(t // 2, t - t // 2) for t in total]
    x = np.pad(x, [(0, 0), *inner, (0, 0)], constant_values=fill)
    found = np.zeros((3, 3, len(x), *out, x.shape[-1]))
    for i, j in np.ndindex(3, 3):
        rows = slice(i, i + strides * (out[0] - 1) + 1, strides)
        columns = slice(j, j + strides * (out[1] - 1) + 1, strides)
        found[i, j] = x[:, rows, columns]
    return found


def depthwise(x, kernel, strides):
    y = np.einsum("ijbhwc,ijcm->bhwcm", windows(x, strides), kernel)
    return y.reshape(*y.shape[:3], -1)


def grouped(x, kernel, groups):
    seen, made = kernel.shape[0], kernel.shape[1] // groups
    return np.concatenate(
        [
            x[..., g * seen : (g + 1) * seen] @ kernel[:, g * made : (g + 1) * made]
            for g in range(groups)
        ],
        axis=-1,
    )


def relu(x, most=np.inf):
    return np.clip(x, 0, most)


def inverted(x, expand, kernel, project, strides):
    y = relu(depthwise(relu(x @ expand, 6), kernel, strides), 6) @ project
    adds = strides == 1 and y.shape[-1] == x.shape[-1]
    return x + y if adds else y


def unit(x, reduce, kernel, expand, groups, strides):
    y = relu(grouped(x, reduce, groups))
    order = np.arange(y.shape[-1]).reshape(groups, -1).T.ravel()
    y = grouped(depthwise(y[..., order], kernel, strides), expand, groups)
    if strides == 1:
        return relu(x + y)
    mean = np.nanmean(windows(x, 2, fill=np.nan), axis=(0, 1))
    return relu(np.concatenate([mean, y], axis=-1))


@points(2)
def test_separable(submission, rng):
    """Xception's convolution filters each channel alone and is linear throughout"""
    pointwise = rng.normal(size=(8, 5))
    x, kernel = rng.normal(size=(2, 6, 7, 4)), rng.normal(size=(3, 3, 4, 2))
    for strides in (1, 2):
        want = depthwise(x, kernel, strides) @ pointwise
        got = submission.separable(x, kernel, pointwise, strides)
        close(got, want, hint=f"strides {strides}: does channel 0 see only itself?")


@points(3)
def test_inverted_residual(submission, rng):
    """narrow, wide, narrow: bounded inside, linear at the end"""
    x = 3 * rng.normal(size=(2, 6, 7, 4))
    expand, kernel = rng.normal(size=(4, 12)), rng.normal(size=(3, 3, 12, 1))
    for strides, filters in ((1, 4), (2, 7)):
        weights = expand, kernel, rng.normal(size=(12, filters))
        got = submission.inverted_residual(x, *weights, strides)
        want = inverted(x, *weights, strides)
        close(got, want, hint=f"strides {strides}, {filters} channels out of 4")


@points(2)
def test_shortcut(submission, rng):
    """x is added only where strides is 1 and the channels agree, whatever fits"""
    kernel = rng.normal(size=(3, 3, 6, 1))
    for size, channels, filters, strides in ((5, 1, 4, 1), (1, 3, 3, 2), (6, 3, 4, 2)):
        x = 2 * rng.normal(size=(2, size, size, channels))
        weights = rng.normal(size=(channels, 6)), kernel, rng.normal(size=(6, filters))
        got = submission.inverted_residual(x, *weights, strides)
        want = inverted(x, *weights, strides)
        hint = f"strides {strides}, {channels} channels in and {filters} out"
        close(got, want, hint=hint)


@points(2)
def test_grouped_pointwise(submission, rng):
    """each group of neighbours is mixed by its own columns, and stays together"""
    x = rng.normal(size=(2, 3, 4, 6))
    for groups, filters in ((3, 9), (2, 4), (1, 5)):
        kernel = rng.normal(size=(6 // groups, filters))
        got = submission.grouped_pointwise(x, kernel, groups)
        close(got, grouped(x, kernel, groups), hint=f"{groups} groups of channels")


@points(2)
def test_channel_shuffle(submission, rng):
    """the shuffle deals out channels, and a second one with C / g undoes it"""
    x = np.arange(12.0) + 100 * np.arange(6).reshape(1, 2, 3, 1)
    order = [0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11]
    got = submission.channel_shuffle(x, 3)
    close(got, x[..., order], hint="Which channel comes second?")
    close(submission.channel_shuffle(got, 4), x, hint="3 groups, then 4")
    raises("ValueError", submission.channel_shuffle, x[..., :3], 2)


@points(3)
def test_shuffle_unit(submission, rng):
    """ShuffleNet's unit adds with strides of 1 and concatenates with strides of 2"""
    x, kernel = rng.normal(size=(2, 6, 7, 6)), rng.normal(size=(3, 3, 12, 1))
    for strides, filters in ((1, 6), (2, 9)):
        weights = rng.normal(size=(2, 12)), kernel, rng.normal(size=(4, filters))
        got = submission.shuffle_unit(x, *weights, 3, strides)
        want = unit(x, *weights, 3, strides)
        close(got, want, hint=f"strides {strides}: where are the two ReLUs?")


@points(3)
def test_unit_weights(submission):
    """the weights of ShuffleNet 1x come out to the unit for every number of groups"""
    want = {(24, 240, 3, 2, True): 6_972, (240, 240, 3, 1, False): 10_860}
    got = {case: submission.unit_weights(*case) for case in want}
    close(got, want, hint="Count each convolution, then its normalization.")
    close(submission.unit_weights(24, 384, 8, 2, False), 6_576)
    totals = {g: submission.network_weights(g) for g in (1, 2, 3, 4, 8)}
    published = {1: 1_531_936, 2: 1_733_848, 3: 1_865_728, 4: 1_968_344, 8: 2_434_768}
    close(totals, published, hint="Is network_weights as it was given?")


@points(2, after="test_shuffle_unit")
def test_network(submission, rng):
    """every group sees every other behind two units, and a network of them learns"""
    layer = submission.ShuffleUnit(24, 3, 2)
    assert symbolic(layer, (None, None, None, 12)) == (None, None, None, 24)

    labels = np.arange(12) % 3
    images = rng.normal(size=(12, 6, 7, 3)) + 2 * np.eye(3)[labels][:, None, None]
    losses = fit(submission.network(), images, labels, 8)
    assert losses[-1] < 0.7 * losses[0], f"the loss went {losses[0]} to {losses[-1]}"
