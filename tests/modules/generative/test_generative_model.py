"""Images are checked before anything is learnt from them."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers, ops

from modules.generative.generative_model import GenerativeModel, check_images

X = np.random.default_rng(0).uniform(-1, 1, size=(6, 3, 5, 1)).astype("float32")


class Shift(GenerativeModel):
    """Learns one number: the mean of all pixels."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.dense = layers.Dense(1, use_bias=False, kernel_initializer="zeros")
        self.dense.build((None, 1))
        self.track("error")

    def call(self, x, training=False):
        return x - self.dense(ops.ones_like(x))

    def objective(self, x, y_pred, training):
        square = ops.mean(ops.square(y_pred), axis=(1, 2, 3))
        return {"loss": square, "error": ops.sqrt(square)}


def compiled(**how):
    model = Shift(seed=0)
    model.compile(keras.optimizers.SGD(0.25), **how)
    return model


def test_loss_is_the_mean_over_examples_and_parts_are_reported():
    history = compiled().fit(X, verbose=0).history
    want = np.square(X).mean(axis=(1, 2, 3))
    np.testing.assert_allclose(history["loss"], want.mean(), rtol=1e-5)
    np.testing.assert_allclose(history["error"], np.sqrt(want).mean(), rtol=1e-5)


def test_examples_can_be_weighed_and_labels_are_ignored():
    weights = np.arange(6, dtype="float32")
    model = compiled()
    history = model.fit(X, np.zeros(6), sample_weight=weights, verbose=0).history
    want = (weights * np.square(X).mean(axis=(1, 2, 3))).mean()
    np.testing.assert_allclose(history["loss"], want, rtol=1e-5)


@pytest.mark.parametrize("how", [{"run_eagerly": True}, {"jit_compile": True}])
def test_learns_the_mean_eagerly_and_compiled(how):
    model = compiled(**how)
    model.fit(X + 0.0 * X, batch_size=6, epochs=12, verbose=0)
    np.testing.assert_allclose(model.dense.kernel, [[X.mean()]], atol=1e-3)


def test_regularisation_counts():
    model = compiled()
    before = float(model.compute_loss(X, y_pred=model(X)))
    model.dense.kernel_regularizer = keras.regularizers.L1(3.0)
    model.dense.kernel.assign([[0.5]])
    model.dense.kernel.regularizer = keras.regularizers.L1(3.0)
    after = float(model.compute_loss(X, y_pred=X))
    np.testing.assert_allclose(after, before + 1.5, rtol=1e-5)


BYTES = (127.5 * (X + 1)).astype("uint8")
BAD = {
    "got uint8: rescale": BYTES,
    "got them from .* to 25.: rescale": BYTES.astype("float32"),
    "got them from nan to nan": np.where(X > 0, np.nan, X),
}


@pytest.mark.parametrize("said", BAD)
def test_refuses_images_of_another_range(said):
    model = compiled()
    for x in (BAD[said], ops.convert_to_tensor(BAD[said])):
        for use in (model.fit, model.evaluate):
            with pytest.raises(ValueError, match=said):
                use(x, verbose=0)
    data = tf.data.Dataset.from_tensor_slices((BAD[said], np.zeros(6))).batch(3)
    with pytest.raises(ValueError, match=f"images must be floats from -1 to 1, {said}"):
        model.fit(data, verbose=0)


def test_data_sets_are_looked_at_and_iterators_are_not_used_up():
    model = compiled()
    data = tf.data.Dataset.from_tensor_slices(X).batch(3)
    assert "error" in model.evaluate(data, verbose=0, return_dict=True)
    batches = iter([X[:3], X[3:]])
    check_images(batches, -1, 1)
    assert len(list(batches)) == 2


def test_range_allows_for_rounding():
    check_images(np.array([-1.0005, 1.0005]), -1, 1)
    with pytest.raises(ValueError, match="from 0 to 1, got them from -0.5"):
        check_images(np.array([-0.5, 1.0]), 0, 1)
