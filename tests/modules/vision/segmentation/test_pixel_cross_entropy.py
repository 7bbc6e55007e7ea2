import keras
import numpy as np
import pytest
import tensorflow as tf

from modules.vision.segmentation.pixel_cross_entropy import PixelCrossEntropy

RNG = np.random.default_rng(0)
LOGITS = (2 * RNG.normal(size=(2, 3, 5, 4))).astype("float32")
Y = RNG.integers(4, size=(2, 3, 5))
Y[0, :2] = Y[1, 2, 3] = 255
KNOWN = Y != 255


def nats(logits=LOGITS, y=Y):
    """Return -ln p of the label of every pixel, in float64; 0 where it is ignored."""
    log_p = logits - np.log(np.exp(logits.astype(float)).sum(-1, keepdims=True))
    right = np.take_along_axis(log_p, np.where(KNOWN, y, 0)[..., None], -1)
    return -right[..., 0] * KNOWN


@pytest.mark.parametrize("void", [255, -1, 2])
def test_mean_over_the_pixels_that_count(void):
    """Not over all of them: here 11 of 30 are ignored."""
    y = np.where(KNOWN, Y, void)
    counts = y != void
    got = float(PixelCrossEntropy(ignore=void)(y, LOGITS))
    assert got == pytest.approx(nats()[counts].mean(), rel=1e-5)


def test_equals_keras():
    theirs = keras.losses.SparseCategoricalCrossentropy(
        from_logits=True, ignore_class=255
    )
    want = float(theirs(Y, LOGITS))
    for y in (Y, Y[..., None], Y.astype("uint8")):
        assert float(PixelCrossEntropy()(y, LOGITS)) == pytest.approx(want, rel=1e-5)


def test_ignored_pixels_get_no_gradient():
    logits = tf.Variable(LOGITS)
    with tf.GradientTape() as tape:
        loss = PixelCrossEntropy()(Y, logits)
    slopes = tape.gradient(loss, logits).numpy()
    p = np.exp(LOGITS) / np.exp(LOGITS).sum(-1, keepdims=True)
    want = (p - np.eye(4)[np.where(KNOWN, Y, 0)]) * KNOWN[..., None] / KNOWN.sum()
    np.testing.assert_allclose(slopes, want, atol=1e-6)


def test_border_weights():
    weights = RNG.uniform(1, 11, size=Y.shape)
    want = (weights * nats()).sum() / (weights * KNOWN).sum()
    got = PixelCrossEntropy()(Y, LOGITS, weights)
    assert float(got) == pytest.approx(want, rel=1e-5)


def test_renamed_classes():
    order = RNG.permutation(4)
    y = np.where(KNOWN, np.argsort(order)[np.where(KNOWN, Y, 0)], 255)
    got = PixelCrossEntropy()(y, LOGITS[..., order])
    assert float(got) == pytest.approx(nats()[KNOWN].mean(), rel=1e-5)


def test_nothing_counts():
    assert float(PixelCrossEntropy()(0 * Y + 255, LOGITS)) == 0


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("wrong", [4, -3, 1000])
def test_labels_that_are_no_class_do_not_count(wrong, compiled):
    """Keras's own loss is NaN there when it is compiled."""
    loss = PixelCrossEntropy()
    call = tf.function(loss, jit_compile=True) if compiled else loss
    y = np.where(KNOWN, Y, wrong)
    assert float(call(tf.constant(y), LOGITS)) == pytest.approx(
        nats()[KNOWN].mean(), rel=1e-5
    )


def test_large_logits_and_half_precision():
    assert float(PixelCrossEntropy()(Y, 1e4 * LOGITS)) < 1e5
    got = PixelCrossEntropy()(Y, LOGITS.astype("float16"))
    assert float(got) == pytest.approx(nats()[KNOWN].mean(), rel=2e-3)


def test_config():
    loss = PixelCrossEntropy(ignore=-1, epsilon=0.1, reduction="sum")
    again = keras.losses.deserialize(keras.losses.serialize(loss))
    assert type(again) is PixelCrossEntropy
    assert (again.epsilon, again.ignore, again.reduction) == (0.1, -1, "sum")
    assert float(again(Y, LOGITS)) == pytest.approx(float(loss(Y, LOGITS)))


@pytest.mark.parametrize("shape", [(2, 3, 4), (2, 15), (2, 3, 5, 2)])
def test_rejects_sizes(shape):
    with pytest.raises(ValueError, match="labels must be .2, 3, 5. as the logits are"):
        PixelCrossEntropy()(np.zeros(shape, int), LOGITS)
