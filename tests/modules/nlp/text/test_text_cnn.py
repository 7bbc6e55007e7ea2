import keras
import numpy as np
import pytest

from course.checks import check_layer, check_mask, check_model, noise_weights
from modules.nlp.text.text_cnn import ConvMaxOverTime, text_cnn, windows

X = np.random.default_rng(0).normal(size=(3, 8, 5)).astype("float32")
WIDTHS = (2, 3, 4)
TOKENS = np.array([[4, 7, 19, 3, 0, 0], [5, 6, 8, 9, 10, 12]], "int32")


def make():
    return ConvMaxOverTime(6, WIDTHS)


@pytest.fixture
def layer():
    layer = make()
    layer(X)
    noise_weights(layer, seed=0)
    return layer


def test_layer():
    weights = sum(6 * (h * 5 + 1) for h in WIDTHS)
    check_layer(make, X, (3, 18), weights)


def test_padding():
    check_mask(make, X)


def by_loops(layer, x):
    """The paper's equations for one sentence, one window at a time."""
    found = []
    for conv, h in zip(layer.convs, layer.widths, strict=True):
        w, b = (np.float64(a) for a in conv.get_weights())  # (h, D, filters)
        x_h = np.concatenate([x, np.zeros((max(0, h - len(x)), x.shape[1]))])
        c = [
            np.maximum(0, np.einsum("hd,hdf->f", x_h[i : i + h], w) + b)
            for i in range(len(x_h) - h + 1)
        ]
        found.append(np.max(c, axis=0))
    return np.concatenate(found)


@pytest.mark.parametrize("length", [8, 4, 3, 2, 1])
def test_equation_one_window_at_a_time(layer, length):
    """Also sentences shorter than a filter, which have one window filled with zeros."""
    mask = np.tile(np.arange(8) < length, (3, 1))
    want = [by_loops(layer, x[:length]) for x in X]
    np.testing.assert_allclose(layer(X, mask=mask), want, atol=1e-5)
    np.testing.assert_allclose(layer(X[:, :length]), want, atol=1e-5)


def test_nothing_but_padding_is_zero(layer):
    assert not np.any(layer(X, mask=np.zeros((3, 8), bool)))
    with pytest.raises(ValueError, match=r"a word or padding in it, got \(B, 0, D\)"):
        layer(X[:, :0])


def test_place_does_not_matter_and_order_does(layer):
    quiet = np.zeros((1, 20, 5), "float32")
    early, late, turned = (quiet.copy() for _ in range(3))
    early[:, 4:8], late[:, 11:15], turned[:, 4:8] = X[:1, :4], X[:1, :4], X[:1, 3::-1]
    np.testing.assert_allclose(layer(early), layer(late), atol=1e-6)
    assert np.abs(np.asarray(layer(early)) - layer(turned)).max() > 0.1


def test_windows_of_a_mask():
    mask = np.array([[1, 1, 1, 0], [1, 1, 0, 0], [1, 0, 0, 0], [0, 0, 0, 0]], bool)
    want = [[1, 0, 0, 0], [1, 0, 0, 0], [1, 0, 0, 0], [0, 0, 0, 0]]
    np.testing.assert_array_equal(windows(mask, 3), np.array(want, bool))
    np.testing.assert_array_equal(windows(mask, 1), mask)
    left = np.array([[0, 1, 1, 1]], bool)  # padding in front
    assert np.asarray(windows(left, 2)).astype(int).tolist() == [[0, 1, 1, 0]]


def test_model():
    def small():
        return text_cnn(20, 3, embedding_dim=5, filters=4)

    weights = 20 * 5 + sum(4 * (h * 5 + 1) for h in (3, 4, 5)) + 12 * 3 + 3
    check_model(small, TOKENS, (2, 3), weights, training="differs")


def test_the_papers_sizes():
    model = text_cnn(1000, 2)
    assert model.get_layer("filters").output.shape == (None, 300)
    assert model.count_params() == 1000 * 300 + 360_300 + 602


def test_padding_changes_nothing():
    model = text_cnn(20, 3, embedding_dim=5, filters=4)
    noise_weights(model, seed=0)
    before = model(TOKENS)
    np.testing.assert_allclose(
        model(np.pad(TOKENS, [(0, 0), (0, 4)])), before, atol=1e-6
    )
    np.testing.assert_allclose(model(TOKENS[:1, :4]), before[:1], atol=1e-6)
    assert np.isfinite(model(0 * TOKENS)).all()


def test_class_weights_are_held_at_a_norm_of_three():
    model = text_cnn(20, 3, embedding_dim=5, filters=4)
    kernel = model.get_layer("logits").kernel
    kernel.assign(10 * np.ones((12, 3)) * [0.01, 1, 2])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.SGD(1e-6), loss, jit_compile=False)
    model.fit(TOKENS, np.array([0, 2]), verbose=0)
    norms = np.linalg.norm(kernel, axis=0)
    np.testing.assert_allclose(norms, [0.1 * 12**0.5, 3, 3], rtol=1e-4)


@pytest.mark.parametrize("widths", [(), (3, 0), (2.5,)])
def test_rejects_widths(widths):
    with pytest.raises(ValueError, match="widths must be ints >= 1, got"):
        ConvMaxOverTime(4, widths)


@pytest.mark.parametrize("filters", [0, 1.5])
def test_rejects_filters(filters):
    with pytest.raises(ValueError, match="filters must be an int >= 1, got"):
        ConvMaxOverTime(filters)
