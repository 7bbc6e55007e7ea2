import numpy as np
import pytest
import tensorflow as tf

from course.checks import check_layer, check_mask, noise_weights
from modules.nlp.text.crf import CRF
from modules.nlp.text.linear_chain import best_path, log_partition, path_score

RNG = np.random.default_rng(0)
EMISSIONS = (2 * RNG.normal(size=(3, 5, 4))).astype("float32")
TAGS = RNG.integers(0, 4, size=(3, 5)).astype("int32")
MASK = np.arange(5) < np.array([[5], [2], [0]])


@pytest.fixture
def layer():
    layer = CRF(4)
    layer(EMISSIONS, TAGS)
    noise_weights(layer, seed=1, gain=2)
    return layer


def test_layer():
    check_layer(lambda: CRF(4), (EMISSIONS, TAGS), (3,), weights=4 * 4 + 2 * 4)


def test_padding():
    def call(layer, x, mask):
        return layer(
            x, tf.cast(tf.argmax(x * [1.0, 2, 1, 3], axis=-1), "int32"), mask=mask
        )

    check_mask(lambda: CRF(4), EMISSIONS, call=call)


def test_is_score_minus_partition(layer):
    want = path_score(EMISSIONS, TAGS, layer.chain, MASK)
    want = want - log_partition(EMISSIONS, layer.chain, MASK)
    got = layer(EMISSIONS, TAGS, mask=MASK)
    np.testing.assert_allclose(got, want, atol=1e-5)
    assert np.all(np.asarray(got)[:2] < 0) and got[2] == 0
    tags, _ = best_path(EMISSIONS, layer.chain, MASK)
    np.testing.assert_array_equal(layer.decode(EMISSIONS, MASK), tags)


def test_probabilities_of_all_rows_sum_to_one(layer):
    rows = np.stack(np.meshgrid(*[range(4)] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
    p = np.repeat(EMISSIONS[:1, :3], len(rows), axis=0)
    assert len(rows) == 64
    assert np.exp(layer(p, rows)).sum() == pytest.approx(1, abs=1e-4)


def test_the_best_row_is_the_likeliest(layer):
    best = layer(EMISSIONS, layer.decode(EMISSIONS))
    for _ in range(20):
        other = layer(EMISSIONS, RNG.integers(0, 4, size=(3, 5)))
        assert np.all(np.asarray(other) <= np.asarray(best) + 1e-5)


def test_of_one_tag_everything_is_certain():
    layer = CRF(1)
    log_p = layer(EMISSIONS[..., :1], 0 * TAGS)
    np.testing.assert_allclose(log_p, np.zeros(3), atol=1e-5)


def test_sums_are_taken_in_float32():
    """In float16 the sum over 80 steps would lose what one word says."""
    half = CRF(4, dtype="float16")
    p = np.tile(EMISSIONS[:1], (1, 16, 1)).astype("float16")
    tags = np.tile(TAGS[:1], (1, 16))
    half(p, tags)
    full = CRF(4)
    full(p.astype("float32"), tags)
    full.set_weights(half.get_weights())
    got, want = float(half(p, tags)[0]), float(full(p.astype("float32"), tags)[0])
    assert got == pytest.approx(want, rel=1e-3)


@pytest.mark.parametrize("num_tags", [0, 2.5, None])
def test_rejects_num_tags(num_tags):
    with pytest.raises(ValueError, match="num_tags must be an int >= 1, got"):
        CRF(num_tags)


def test_rejects_emissions_and_tags(layer):
    with pytest.raises(ValueError, match=r"emissions must be \(B, T, 5\), got"):
        CRF(5)(EMISSIONS, TAGS)
    with pytest.raises(ValueError, match="tags must be 0 to 3, got"):
        layer(EMISSIONS, TAGS + 2)
