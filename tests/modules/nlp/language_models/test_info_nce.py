import numpy as np
import pytest

from course.checks import check_function
from modules.nlp.language_models.info_nce import cosine_similarities, info_nce

RNG = np.random.default_rng(0)
A, B = RNG.normal(size=(2, 5, 7)).astype("float32")


def by_hand(a, b, tau):
    losses = []
    for i in range(len(a)):
        s = [a[i] @ x / np.linalg.norm(a[i]) / np.linalg.norm(x) / tau for x in b]
        losses.append(np.log(np.exp(s).sum()) - s[i])
    return losses


def test_function():
    check_function(info_nce, A, B, y_shape=(5,), tolerance=1e-4)


@pytest.mark.parametrize("tau", [0.05, 0.5])
def test_is_the_cross_entropy_of_finding_the_partner(tau):
    got = info_nce(A, B, tau)
    np.testing.assert_allclose(got, by_hand(A, B, tau), rtol=1e-4)


def test_equal_similarities_give_ln_n():
    same = np.ones((6, 3))
    np.testing.assert_allclose(info_nce(same, same), np.full(6, np.log(6)), rtol=1e-6)


def test_length_of_vectors_and_order_of_pairs_do_not_matter():
    want = np.asarray(info_nce(A, B))
    scale = RNG.uniform(0.1, 9, size=(5, 1)).astype("float32")
    np.testing.assert_allclose(info_nce(scale * A, 3 * B), want, rtol=1e-4, atol=1e-5)
    order = RNG.permutation(5)
    got = info_nce(A[order], B[order])
    np.testing.assert_allclose(got, want[order], rtol=1e-4, atol=1e-5)
    assert np.abs(np.asarray(info_nce(A[order], B)) - want).max() > 1


def test_partners_that_agree_while_others_differ_give_0():
    apart = np.eye(4, dtype="float32")
    assert np.asarray(info_nce(apart, apart)).max() < 1e-6
    assert np.asarray(info_nce(apart, -apart)).min() > 20


def test_rows_of_zeros_are_finite():
    zero = np.zeros((3, 4), "float32")
    np.testing.assert_array_equal(
        cosine_similarities(zero, B[:3, :4]), np.zeros((3, 3))
    )
    np.testing.assert_allclose(info_nce(zero, zero), np.full(3, np.log(3)), rtol=1e-6)


@pytest.mark.parametrize("wrong", [0, -1, float("nan")])
def test_rejects_temperature(wrong):
    with pytest.raises(ValueError, match="temperature must be > 0, got"):
        info_nce(A, B, wrong)
