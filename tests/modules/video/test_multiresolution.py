import keras
import numpy as np
import pytest

from course.checks import check_model, count_trainable, noise_weights
from modules.video.fusion import late_fusion, single_frame
from modules.video.multiresolution import (
    HALVED,
    context,
    fovea,
    multiresolution_network,
)
from modules.video.tower import Stage

FRAME = np.random.default_rng(0).normal(size=(2, 178, 178, 3)).astype("float32")
PLAN = (Stage(3, 3, 2, norm=True), Stage(4, 3))
X = np.random.default_rng(1).normal(size=(2, 2, 12, 18, 3)).astype("float32")


def small(**options):
    options = {"fusion": late_fusion(1), "input_shape": X.shape[1:], **options}
    model = multiresolution_network(plan=PLAN, units=(5,), num_classes=3, **options)
    return keras.Model(model.input, model.output)


def test_network():
    towers = 2 * (9 * 3 * 3 + 3 + 9 * 3 * 4 + 4)
    dense = 2 * 3 * 5 * 8 * 5 + 5 + 5 * 3 + 3
    check_model(small, X, (2, 3), towers + dense)


def test_fovea_is_the_middle():
    np.testing.assert_array_equal(fovea(FRAME), FRAME[:, 44:133, 44:133])


def test_context_is_the_mean_of_four_pixels():
    got = np.asarray(context(FRAME))
    assert got.shape == (2, 89, 89, 3)
    want = FRAME[:, 14:16, 60:62].mean(axis=(1, 2))
    np.testing.assert_allclose(got[:, 7, 30], want, rtol=1e-5)
    np.testing.assert_allclose(
        got.mean(axis=(1, 2)), FRAME.mean(axis=(1, 2)), atol=1e-6
    )


def test_both_together_have_half_of_the_pixels():
    assert 2 * (context(FRAME).shape[1] * fovea(FRAME).shape[2]) == 178 * 178 // 2


def test_clips_and_images_of_any_shape():
    for part, want in ((context, X[:, :, ::2].shape), (fovea, X[:, :, ::2].shape)):
        clip = np.asarray(part(X))
        assert clip.shape == (2, 2, 6, 9, 3) and want[2] == 6
        np.testing.assert_allclose(clip[:, 1], part(X[:, 1]), rtol=1e-6)


def test_a_pattern_finer_than_the_context_is_lost_there_and_kept_in_the_fovea():
    checks = np.indices((178, 178)).sum(axis=0)[None, ..., None] % 2
    checks = checks.astype("float32")
    assert np.ptp(context(checks)) == 0 and np.ptp(fovea(checks)) == 1


def test_towers_have_weights_of_their_own_and_end_in_7_by_7():
    model = multiresolution_network(units=(), num_classes=1)
    both = model.get_layer("both")
    assert [x.shape for x in both.input] == [(None, 1, 7, 7, 256)] * 2
    assert count_trainable(model) == 2 * 3_747_200 + 7 * 7 * 512 + 1
    assert HALVED[-1].pool == 1


def test_each_tower_sees_its_own_part():
    model = small(fusion=single_frame())
    noise_weights(model, seed=0)
    ends = keras.Model(model.input, model.get_layer("both").input)
    edge, middle = X.copy(), X.copy()
    edge[:, :, 0, 0] += 1
    middle[:, :, 6, 9] += 1
    near, far = (np.asarray(x) for x in ends(X))
    moved = [
        [np.abs(a - b).max() for a, b in zip(ends(x), (near, far), strict=True)]
        for x in (edge, middle)
    ]
    assert moved[0][0] > 1e-3 and moved[0][1] == 0
    assert min(moved[1]) > 1e-3


@pytest.mark.parametrize("size", [(179, 178), (178, 179), (None, 178)])
def test_rejects_odd_sizes(size):
    got = f"H and W must be known and even, got {size[0]} x {size[1]}"
    for part in (context, fovea):
        with pytest.raises(ValueError, match=got):
            part(keras.Input((*size, 3)))
    with pytest.raises(ValueError, match=got):
        multiresolution_network(input_shape=(1, *size, 3))
