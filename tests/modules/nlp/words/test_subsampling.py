import numpy as np
import pytest

from modules.nlp.words.subsampling import keep_probability, subsample

COUNTS = np.array([0, 1, 9, 90, 900])


def test_keep_by_hand():
    """f = .009, .09 and .9, t = .01: rare words always stay."""
    want = [1, 1, 1, 1 / 3, 90**-0.5]
    np.testing.assert_allclose(keep_probability(COUNTS, 0.01), want, rtol=1e-12)


def test_frequent_words_go_first_but_stay_more_frequent():
    frequency = COUNTS[2:] / COUNTS.sum()
    keep = keep_probability(COUNTS, 1e-4)[2:]
    assert (np.diff(keep) < 0).all() and (np.diff(keep * frequency) > 0).all()
    np.testing.assert_allclose(keep * frequency, np.sqrt(1e-4 * frequency))
    np.testing.assert_allclose(1 - keep, 1 - np.sqrt(1e-4 / frequency))  # equation 5


def test_rows_lose_words_at_that_rate_and_keep_their_order():
    rng = np.random.default_rng(0)
    rows = np.tile([4, 2, 3, 4, 0], (4000, 1))
    keep = keep_probability(COUNTS, 0.01)
    left = subsample(rows, keep, rng)
    assert left.shape == rows.shape
    shares = np.bincount(left.ravel(), minlength=5)[2:] / [4000, 4000, 8000]
    np.testing.assert_allclose(shares, keep[2:], atol=0.02)
    assert (np.diff((left > 0).astype(int), axis=1) <= 0).all()  # no holes
    twos = left[:, 0] == 2
    assert twos.any() and (np.isin(left[twos, 1], [0, 3, 4])).all()


def test_limits():
    rng, rows = np.random.default_rng(0), np.array([[3, 1, 2], [0, 0, 0]])
    np.testing.assert_array_equal(subsample(rows, np.ones(4), rng), rows)
    assert not subsample(rows, np.zeros(4), rng).any()
    assert subsample([[0, 3, 0, 2]], np.ones(4), rng).tolist() == [[3, 2, 0, 0]]
    assert subsample(rows[:0], np.ones(4), rng).shape == (0, 3)
    assert keep_probability([0, 0]).tolist() == [1, 1]  # and no NaN


@pytest.mark.parametrize("threshold", [0, -1e-5, float("nan")])
def test_rejects_threshold(threshold):
    with pytest.raises(ValueError, match="threshold must be > 0, got"):
        keep_probability(COUNTS, threshold)


def test_rejects_numbers():
    with pytest.raises(ValueError, match="counts must be >= 0, got"):
        keep_probability([1, -1])
    with pytest.raises(ValueError, match="rows must be 0 to 2, got 1 to 3"):
        subsample([[1, 3]], np.ones(3), np.random.default_rng(0))
