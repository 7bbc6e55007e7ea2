import keras
import numpy as np
import pytest

from course.checks import check_function
from modules.nlp.translation.masks import both, causal_mask, every_head, padding_mask


@pytest.mark.parametrize("offset", [0, 2])
def test_causal_mask_equals_its_definition(offset):
    want = [[s <= t + offset for s in range(7)] for t in range(5)]
    np.testing.assert_array_equal(causal_mask(5, 7, offset), want)


def test_causal_mask_is_the_lower_triangle_with_its_diagonal():
    np.testing.assert_array_equal(causal_mask(6), np.tril(np.ones((6, 6), bool)))


def test_row_of_a_causal_mask_is_the_mask_of_one_query_at_that_place():
    whole = np.asarray(causal_mask(6))
    for t in range(6):
        np.testing.assert_array_equal(causal_mask(1, 6, offset=t)[0], whole[t])


def test_padding_mask():
    tokens = np.array([[5, 2, 0, 0], [4, 1, 9, 3]], "int32")
    check_function(padding_mask, tokens, y_shape=(2, 1, 4))
    want = [[[True, True, False, False]], [[True] * 4]]
    np.testing.assert_array_equal(padding_mask(tokens), want)
    assert not np.asarray(padding_mask(tokens, padding=9))[1, 0, 2]


@pytest.mark.parametrize(
    ("shape", "want"),
    [((4, 5), (1, 1, 4, 5)), ((2, 4, 5), (2, 1, 4, 5)), ((2, 3, 4, 5),) * 2],
)
def test_every_head(shape, want):
    mask = np.random.default_rng(0).integers(2, size=shape)
    got = every_head(keras.ops.convert_to_tensor(mask))
    np.testing.assert_array_equal(got, mask.astype(bool).reshape(want))


def test_every_head_rejects_other_ranks():
    with pytest.raises(ValueError, match=r"attention_mask must be .*, got \(4,\)"):
        every_head(np.ones(4, bool))


def test_both():
    a, b = np.array([True, True, False]), np.array([True, False, False])
    np.testing.assert_array_equal(both(a, b), [True, False, False])
    assert both(None, None) is None
    assert both(a, None) is a and both(None, b) is b
