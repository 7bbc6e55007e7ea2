import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy.signal import correlate2d

from course.checks import check_model, noise_weights
from modules.vision.segmentation.dilated_context import (
    LARGE,
    RATES,
    IdentityKernel,
    context_module,
    receptive_fields,
)

X = np.random.default_rng(0).normal(size=(2, 9, 11, 3)).astype("float32")


def module(channels=3, **options):
    inputs = keras.Input((None, None, channels))
    return keras.Model(inputs, context_module(inputs, **options))


def test_model():
    check_model(module, X, X.shape, weights=64 * 9 + 8 * 3)


def test_large_module():
    widths = (1, *LARGE)
    pairs = zip(widths, widths[1:], strict=False)
    want = sum(9 * (a * 3) * (b * 3) + b * 3 for a, b in pairs) + 32 * 3 * 3 + 3
    model = module(widths=LARGE)
    assert model.count_params() == want
    np.testing.assert_allclose(model(X), np.maximum(X, 0), atol=1e-5)


def test_starts_as_the_identity_on_what_is_positive():
    model = module()
    np.testing.assert_array_equal(model(np.abs(X)), np.abs(X))
    np.testing.assert_array_equal(model(X), np.maximum(X, 0))  # behind a ReLU


def test_noise_breaks_the_tie():
    got = np.asarray(module(sigma=0.01)(np.abs(X)))
    assert 0 < np.abs(got - np.abs(X)).max() < 1
    kernel = np.asarray(IdentityKernel(3, 0.1, seed=0)((3, 3, 3, 6)))
    groups = np.repeat(np.eye(3), 2, axis=1)
    np.testing.assert_array_equal(kernel[1, 1][groups > 0], 0.5)
    others = np.delete(kernel.reshape(9, -1), 4, axis=0)
    assert np.std(others) == pytest.approx(0.1, rel=0.3)
    assert kernel[1, 1][groups == 0].all()


def test_receptive_fields():
    """Table 1; and 2^(i+2) - 1 for rates 1, 2, 4, ..., 2^i."""
    assert receptive_fields() == [3, 5, 9, 17, 33, 65, 67]
    assert receptive_fields((1, 2, 4, 8, 16)) == [2 ** (i + 2) - 1 for i in range(5)]
    assert receptive_fields((1,) * 7) == [3, 5, 7, 9, 11, 13, 15]


@pytest.fixture(scope="module")
def support():
    """Return, for each layer, where the gradient of its middle value is not zero."""
    model = module(1)
    model.set_weights([np.abs(w) + 0.1 for w in model.get_weights()])  # no dead ReLU
    x = tf.Variable(np.ones((1, 75, 75, 1), "float32"))
    outputs = [layer.output for layer in model.layers[1:]]
    with tf.GradientTape(persistent=True) as tape:
        middles = [y[0, 37, 37, 0] for y in keras.Model(model.inputs, outputs)(x)]
    return [tape.gradient(y, x).numpy()[0, :, :, 0] != 0 for y in middles]


def test_gradients_reach_so_far(support):
    """Every place of the field is seen, and none beyond; the 1x1 adds nothing."""
    for seen, field in zip(support, [*receptive_fields(), 67], strict=True):
        rows, columns = np.nonzero(seen)
        assert len(rows) == field**2
        assert (np.ptp(rows), np.ptp(columns)) == (field - 1, field - 1)


def test_equal_rates_leave_holes():
    """Gridding: three layers of rate 2 see every second place of 13 only."""
    model = module(1, rates=(2, 2, 2))
    model.set_weights([np.abs(w) + 0.1 for w in model.get_weights()])
    x = tf.Variable(np.ones((1, 15, 15, 1), "float32"))
    with tf.GradientTape() as tape:
        y = model(x)[0, 7, 7, 0]
    seen = tape.gradient(y, x).numpy()[0, :, :, 0] != 0
    assert receptive_fields((2, 2, 2))[-1] == 13 and seen.sum() == 7 * 7
    assert not seen[0::2].any() and not seen[:, 0::2].any()


def test_a_dilated_convolution_is_one_with_holes():
    """Equation 2, against SciPy with a kernel of 5 x 5 that is mostly zeros."""
    model = module(1, rates=(2,))
    noise_weights(model, seed=0)
    kernel, bias = model.get_layer("context_1").get_weights()
    holes = np.zeros((5, 5))
    holes[::2, ::2] = kernel[:, :, 0, 0]
    want = np.maximum(correlate2d(X[0, :, :, 0], holes, "same") + bias, 0)
    conv = keras.Model(model.input, model.get_layer("context_1").output)
    np.testing.assert_allclose(conv(X[:1, :, :, :1])[0, :, :, 0], want, atol=1e-5)


@pytest.mark.parametrize(
    "options", [{"rates": (1, 0)}, {"rates": (1.5,)}, {"rates": (1,), "widths": (0,)}]
)
def test_rejects(options):
    with pytest.raises(ValueError, match="rates and widths must be ints >= 1, got"):
        module(**options)


def test_rejects_widths_for_other_rates():
    with pytest.raises(ValueError, match="7 rates need as many widths, got .1, 2."):
        module(rates=RATES, widths=(1, 2))


def test_rejects_kernels():
    with pytest.raises(ValueError, match="3 must divide 4 and 6 channels"):
        IdentityKernel(3)((3, 3, 4, 6))
    with pytest.raises(ValueError, match="a kernel of 2 x 3 has no middle"):
        IdentityKernel(3)((2, 3, 3, 3))
