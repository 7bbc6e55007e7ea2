import keras
import numpy as np
import pytest
from keras import layers
from sklearn.linear_model import Ridge
from sklearn.metrics import pairwise_distances

from course.checks import noise_weights
from modules.vision.interpretability.black_box import class_score
from modules.vision.interpretability.lime import grid_segments, hide, lime

RNG = np.random.default_rng(0)
IMAGE = RNG.uniform(size=(6, 8, 2))
SEGMENTS = grid_segments(6, 8, 3)  # 6 segments, the right ones narrower
W = RNG.normal(size=IMAGE.shape)


def linear(x):
    return (W * x).sum(axis=(1, 2, 3)) + 0.3


def curved(x):
    return np.tanh(linear(x)) + x[:, 0, 0, 0] * x[:, 5, 7, 1]


def test_grid_segments():
    assert SEGMENTS.shape == (6, 8) and SEGMENTS.dtype.kind == "i"
    assert np.bincount(SEGMENTS.ravel()).tolist() == [9, 9, 6, 9, 9, 6]
    assert SEGMENTS[2, 2] == 0 and SEGMENTS[3, 7] == 5


def test_hide():
    masks = np.array([[1, 1, 1, 1, 1, 1], [1, 0, 1, 1, 1, 0]])
    for fill in (0.25, (0.1, 0.7), None):
        whole, part = hide(IMAGE, SEGMENTS, masks, fill)
        np.testing.assert_array_equal(whole, IMAGE)
        for segment in range(6):
            inside, want = SEGMENTS == segment, IMAGE[SEGMENTS == segment]
            if segment in (1, 5):
                want = want.mean(axis=0) if fill is None else fill
            np.testing.assert_allclose(part[inside] - want, 0, atol=1e-12)


@pytest.mark.parametrize("kernel_width", [0.15, 0.25, 1.0, 100.0])
@pytest.mark.parametrize("fill", [0.0, 0.5, None])
def test_a_linear_score_gives_its_coefficients_for_every_kernel(kernel_width, fill):
    w, b = lime(linear, IMAGE, SEGMENTS, 200, kernel_width, fill=fill)
    hidden = hide(IMAGE, SEGMENTS, np.zeros((1, 6)), fill)[0]
    each = (W * (IMAGE - hidden)).sum(axis=-1)
    want = [each[SEGMENTS == segment].sum() for segment in range(6)]
    np.testing.assert_allclose(w, want, atol=1e-10)
    assert b == pytest.approx(linear(hidden[None])[0], abs=1e-10)


def test_a_segment_that_does_not_matter_gets_0_and_equal_ones_the_same():
    def score(x):  # linear, and segment 4 does not occur
        return x[:, 0, 0, 0] + x[:, 0, 3, 0] - 2 * x[:, 3, 7, 1]

    image = np.full((6, 8, 2), 0.5)
    w, _ = lime(score, image, SEGMENTS, 100, fill=0.0)
    np.testing.assert_allclose(w, [0.5, 0.5, 0, 0, 0, -1.0], atol=1e-12)


@pytest.mark.parametrize("penalty", [1e-9, 1.0, 30.0])
def test_equals_ridge_regression_of_scikit_learn(penalty):
    """With the cosine distance of the authors' code, on the same masks."""
    seen = []

    def score(x):
        seen.append(x)
        return curved(x)

    w, b = lime(score, IMAGE, SEGMENTS, 150, 0.4, penalty, fill=0.0, batch_size=32)
    images = np.concatenate(seen)
    first = [np.argwhere(SEGMENTS == segment)[0] for segment in range(6)]
    masks = np.stack([images[:, i, j, 0] > 0 for i, j in first], axis=1).astype(float)
    assert len(seen) == 5 and masks[0].all()
    shown = np.where(masks.any(axis=1, keepdims=True), masks, 1e-9)
    distance = pairwise_distances(shown, np.ones((1, 6)), metric="cosine")[:, 0]
    distance[~masks.any(axis=1)] = 1  # nothing is kept: no direction
    theirs = Ridge(penalty).fit(masks, curved(images), np.exp(-((distance / 0.4) ** 2)))
    np.testing.assert_allclose(w, theirs.coef_, atol=1e-8)
    assert b == pytest.approx(theirs.intercept_, abs=1e-8)


def test_number_of_kept_segments_is_uniform():
    seen = []

    def score(x):
        seen.append(x[:, 0, 0, 0] > 0)
        counts.append((x[:, ::3, ::3, 0] > 0).sum(axis=(1, 2)))
        return x.sum(axis=(1, 2, 3))

    counts = []
    lime(score, IMAGE, SEGMENTS, 4000, fill=0.0, batch_size=500)
    share = np.bincount(np.concatenate(counts)) / 4000
    np.testing.assert_allclose(share, 1 / 7, atol=0.03)  # of 0 to 6
    assert np.concatenate(seen).mean() == pytest.approx(0.5, abs=0.04)


def test_a_narrow_kernel_explains_the_image_itself():
    """Near z' = 1 this score is linear; far from it, it falls."""

    def score(x):
        kept = (x[:, ::3, ::3, 0] > 0).astype(float).reshape(-1, 6)
        return np.where(kept.sum(axis=1) >= 5, kept[:, 2], -3 * kept[:, 2])

    narrow, wide = (
        lime(score, IMAGE, SEGMENTS, 500, s, fill=0.0)[0] for s in (0.04, 9)
    )
    assert narrow[2] == pytest.approx(1, abs=0.1)
    assert wide[2] < -1


def test_is_drawn_from_its_seed():
    first, again, other = (
        lime(curved, IMAGE, SEGMENTS, 60, seed=s)[0] for s in (0, 0, 1)
    )
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_a_network():
    x = inputs = keras.Input((6, 8, 2))
    model = keras.Model(inputs, layers.Dense(3)(layers.Flatten()(x)))
    noise_weights(model, seed=0)
    image = IMAGE.astype("float32")
    w, _ = lime(class_score(model, 1), image, SEGMENTS, 100, fill=0.0)
    kernel = np.asarray(model.layers[-1].kernel)[:, 1].reshape(image.shape)
    want = [(kernel * image)[SEGMENTS == segment].sum() for segment in range(6)]
    np.testing.assert_allclose(w, want, atol=1e-4)


@pytest.mark.parametrize(
    "segments, said",
    [
        (SEGMENTS[:, :7], "segments must be .6, 8. int, got"),
        (SEGMENTS / 1.0, "segments must be .6, 8. int, got float64"),
        (SEGMENTS - 1, "segments must be >= 0, got -1"),
        (2 * SEGMENTS, "numbered without gaps, .1 3 5 7 9. are empty"),
        (SEGMENTS + 1, "numbered without gaps, .0. are empty"),
    ],
)
def test_rejects_segments(segments, said):
    with pytest.raises(ValueError, match=said):
        lime(linear, IMAGE, segments)


@pytest.mark.parametrize(
    "setting",
    [
        {"samples": 0},
        {"kernel_width": 0.0},
        {"kernel_width": np.nan},
        {"penalty": -1.0},
    ],
)
def test_rejects_settings(setting):
    with pytest.raises(ValueError, match="samples, kernel_width, penalty must be"):
        lime(linear, IMAGE, SEGMENTS, **setting)


@pytest.mark.parametrize("setting", [{"samples": 4}, {"kernel_width": 1e-3}])
def test_rejects_too_few_samples(setting):
    with pytest.raises(ValueError, match="samples do not tell 6 segments apart: take"):
        lime(linear, IMAGE, SEGMENTS, **setting)


@pytest.mark.parametrize("size", [0, 7, 2.0])
def test_rejects_size(size):
    with pytest.raises(ValueError, match="size must be an int from 1 to the image's"):
        grid_segments(6, 8, size)


def test_rejects_images():
    score = class_score(lambda x, training: x[:, 0, 0], 1)
    with pytest.raises(ValueError, match="floats from 0 to 1, got them from"):
        lime(score, 255 * IMAGE, SEGMENTS)
    with pytest.raises(ValueError, match="image must be"):
        lime(score, IMAGE[None], SEGMENTS)
