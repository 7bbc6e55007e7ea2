import math

import keras
import numpy as np
import pytest

from course.checks import check_function
from modules.nlp.language_models.gelu import gelu_exact, gelu_tanh

X = np.linspace(-6, 6, 97).astype("float32").reshape(1, -1)


@pytest.mark.parametrize("function", [gelu_exact, gelu_tanh])
def test_function(function):
    check_function(function, X, y_shape=X.shape)


def test_is_x_times_the_normal_distribution():
    want = [x * 0.5 * math.erfc(-x / math.sqrt(2)) for x in X[0].astype("float64")]
    np.testing.assert_allclose(gelu_exact(X)[0], want, atol=1e-6)
    np.testing.assert_allclose(gelu_exact(X), keras.activations.gelu(X), atol=1e-6)


def test_equals_the_form_of_keras():
    want = keras.activations.gelu(X, approximate=True)
    np.testing.assert_allclose(gelu_tanh(X), want, atol=1e-6)


def test_the_two_forms_differ_by_less_than_a_thousandth_but_differ():
    gap = np.abs(gelu_tanh(X) - np.asarray(gelu_exact(X))).max()
    assert 2e-4 < gap < 5e-4


def test_can_be_saved():
    for function in (gelu_exact, gelu_tanh):
        config = keras.activations.serialize(function)
        assert keras.activations.get(config) is function
