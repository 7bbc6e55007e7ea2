import keras
import numpy as np
import pytest

from course.checks import check_optimizer, path
from modules.foundations.optimizers.rprop import Rprop

NOISE = np.random.default_rng(0).normal(size=(40, 2, 3))


def rprop(gradients, backtracking, low=1e-6, high=50.0):
    """Return the path of one weight from 0, branch by branch as the paper has it."""
    theta, size, before, last, found = 0.0, 0.1, 0.0, 0.0, []
    for g in gradients:
        if before * g > 0:
            size = min(size * 1.2, high)
            last = -np.sign(g) * size
            before = g
        elif before * g < 0:
            size = max(size * 0.5, low)
            last = -last if backtracking else -np.sign(g) * size
            before = 0 if backtracking else g
        else:
            last = -np.sign(g) * size
            before = g
        theta += last
        found.append(theta)
    return found


def test_optimizer():
    def make():
        return Rprop(0.02, 1.3, 0.4, 1e-5, 2.0, backtracking=False)

    check_optimizer(make, slots=3)


@pytest.mark.parametrize("backtracking", [True, False])
def test_equals_the_pseudocode(backtracking):
    got = path(Rprop(backtracking=backtracking), NOISE)
    want = np.apply_along_axis(rprop, 0, NOISE, backtracking)
    np.testing.assert_allclose(got, want, atol=1e-5)


def test_step_sizes_by_hand():
    plain = path(Rprop(backtracking=False), [5.0, 0.1, -3.0, -1.0])
    np.testing.assert_allclose(plain, [-0.1, -0.22, -0.16, -0.088], rtol=1e-5)
    paper = path(Rprop(), [5.0, 0.1, -3.0, -1.0, -1.0])  # back, then no punishment
    np.testing.assert_allclose(paper, [-0.1, -0.22, -0.1, -0.04, 0.032], rtol=1e-5)


def test_the_size_of_gradients_plays_no_part():
    scale = 10.0 ** np.random.default_rng(1).integers(-30, 12, size=NOISE.shape)
    np.testing.assert_array_equal(path(Rprop(), NOISE * scale), path(Rprop(), NOISE))


def test_signs_of_tiny_gradients_are_compared():
    theta, optimizer = keras.Variable(0.0), Rprop()  # float32: 1e-30 squared is 0
    for _ in range(2):
        optimizer.apply([np.float32(1e-30)], [theta])
    np.testing.assert_allclose(theta, -0.22, rtol=1e-6)


def test_step_sizes_have_limits():
    steps = np.diff(path(Rprop(max_step=1.0), np.ones(30)))
    np.testing.assert_allclose(steps[-5:], -1.0, rtol=1e-5)
    signs = (-1.0) ** np.arange(30)
    steps = np.diff(path(Rprop(min_step=0.01, backtracking=False), signs))
    np.testing.assert_allclose(np.abs(steps[-5:]), 0.01, rtol=1e-5)


def test_a_zero_gradient_takes_no_step():
    np.testing.assert_allclose(path(Rprop(), [0.0, 1.0, 0.0]), [0, -0.1, -0.1])


def test_mini_batches_that_should_cancel_do_not():
    gradients = np.array(9 * [0.1] + [-0.9])
    assert abs(gradients.sum()) < 1e-9
    assert path(Rprop(backtracking=False), gradients)[-1] < -1


@pytest.mark.parametrize(
    "wrong", [{"grow": 1.0}, {"shrink": 0.0}, {"shrink": 1}, {"min_step": 50.0}]
)
def test_rejects(wrong):
    [(name, value)] = wrong.items()
    with pytest.raises(ValueError, match=f"{name} must be .*, got {value}"):
        Rprop(**wrong)
