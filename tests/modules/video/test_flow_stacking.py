import keras
import numpy as np
import pytest
import tensorflow as tf

from course.checks import check_model, count_trainable
from modules.video.flow_stacking import TWO_STREAM, stack_flow, stream
from modules.video.tower import Stage

FLOW = np.random.default_rng(0).normal(size=(2, 5, 4, 7, 2)).astype("float32")


def test_network():
    plan = (Stage(4, 3, 2, norm=True, pool=2), Stage(5, 3))
    x = np.random.default_rng(1).normal(size=(2, 12, 17, 6)).astype("float32")

    def make():
        model = stream(plan, (7,), 3, x.shape[1:])
        return keras.Model(model.input, model.output)

    weights = 9 * 6 * 4 + 4 + 9 * 4 * 5 + 5 + 3 * 4 * 5 * 7 + 7 + 7 * 3 + 3
    check_model(make, x, (2, 3), weights)


def test_channels_are_x_and_y_by_turns():
    got = np.asarray(stack_flow(FLOW, subtract_mean=False))
    assert got.shape == (2, 4, 7, 10)
    for k in range(5):
        np.testing.assert_array_equal(got[..., 2 * k], FLOW[:, k, ..., 0])
        np.testing.assert_array_equal(got[..., 2 * k + 1], FLOW[:, k, ..., 1])


def test_length_and_start():
    got = stack_flow(FLOW, length=2, start=3, subtract_mean=False)
    want = [FLOW[0, 3, 1, 2, 0], FLOW[0, 3, 1, 2, 1], *FLOW[0, 4, 1, 2]]
    np.testing.assert_array_equal(got[0, 1, 2], want)
    np.testing.assert_array_equal(stack_flow(FLOW, 2, 3), stack_flow(FLOW[:, 3:]))


def test_mean_is_that_of_one_field_of_one_clip():
    got = np.asarray(stack_flow(FLOW))
    np.testing.assert_allclose(got.mean(axis=(1, 2)), 0, atol=1e-6)
    want = FLOW[1, 4, 2, 3, 1] - FLOW[1, 4, ..., 1].mean()
    np.testing.assert_allclose(got[1, 2, 3, 9], want, rtol=1e-5)


def test_no_motion_and_a_moving_camera_give_nothing():
    assert not np.any(stack_flow(0 * FLOW))
    pan = np.broadcast_to(FLOW[:, :, :1, :1], FLOW.shape)
    assert np.abs(stack_flow(pan, subtract_mean=False)).max() > 1
    np.testing.assert_allclose(stack_flow(pan), 0, atol=1e-6)
    np.testing.assert_allclose(stack_flow(FLOW + pan), stack_flow(FLOW), atol=1e-5)


def test_stacking_is_linear():
    got = stack_flow(2 * FLOW - FLOW[::-1])
    want = 2 * stack_flow(FLOW) - stack_flow(FLOW[::-1])
    np.testing.assert_allclose(got, want, atol=1e-5)


def test_unknown_batch_compiled_and_half_precision():
    spec = tf.TensorSpec([None, *FLOW.shape[1:]], "float32")
    run = tf.function(stack_flow, input_signature=[spec], jit_compile=True)
    np.testing.assert_allclose(run(FLOW), stack_flow(FLOW), atol=1e-6)
    assert stack_flow(FLOW.astype("float16")).dtype == "float16"


def test_counts_of_the_paper():
    model = stream(units=(), num_classes=1)
    assert model.get_layer("conv1").count_params() == 94_176  # 7 * 7 * 20 * 96 + 96
    rest = 614_656 + 9 * 256 * 512 + 512 + 2 * (9 * 512 * 512 + 512)
    assert model.get_layer("flatten").output.shape[1] == 7 * 7 * 512
    assert count_trainable(model) == 94_176 + rest + 7 * 7 * 512 + 1
    assert [row.strides for row in TWO_STREAM] == [2, 2, 1, 1, 1]


def test_rejects():
    with pytest.raises(
        ValueError, match="10 fields from field 0 on, but 6 frames have 5"
    ):
        stack_flow(FLOW, length=10)
    with pytest.raises(
        ValueError, match="0 fields from field 0 on, but 1 frames have 0"
    ):
        stack_flow(FLOW[:, :0])
    with pytest.raises(ValueError, match="3 fields from field -1"):
        stack_flow(FLOW, 3, -1)
    with pytest.raises(
        ValueError, match=r"must be \(B, T, H, W, 2\), got \(2, 5, 4, 7\)"
    ):
        stack_flow(FLOW[..., 0])
    with pytest.raises(ValueError, match=r"must be \(H, W, C\), all known"):
        stream(input_shape=(None, 224, 20))
