import keras
import numpy as np
import pytest

from course.checks import assert_close_relative, check_layer, noise_weights
from modules.nlp.translation.attention import MultiHeadAttention
from modules.video.non_local import PAIRWISE, NonLocal, max_pool, places

X = np.random.default_rng(0).normal(size=(2, 3, 4, 5, 6)).astype("float32")


def built(*args, **options):
    layer = NonLocal(*args, **options)
    layer.build(X.shape)
    noise_weights(layer, seed=0)
    return layer


def weights(channels, filters, maps=3):
    maps = maps * (channels * filters + filters)
    return maps + filters * channels + channels + 2 * channels


@pytest.mark.parametrize(
    ("options", "x", "count"),
    [
        ({"pairwise": "embedded_gaussian"}, X, weights(6, 3)),
        ({"pairwise": "dot_product", "filters": 2, "pool": 2}, X, weights(6, 2)),
        ({"pairwise": "gaussian", "pool": 2}, X[:, 0], weights(6, 3, maps=1)),
        ({"pool": 2}, X[:, 0, 0], weights(6, 3)),
    ],
)
def test_layer(options, x, count):
    def make():
        return NonLocal(**options)

    check_layer(make, x, x.shape, count, 2 * 6, training="differs")


@pytest.mark.parametrize("pairwise", PAIRWISE)
@pytest.mark.parametrize("training", [True, False])
def test_is_the_identity_at_first(pairwise, training):
    layer = NonLocal(pairwise)
    np.testing.assert_array_equal(layer(X, training=training), X)


def by_hand(layer, x, f):
    """Return equation 1 and 6, place by place, in float64; no pooling."""
    theta, phi, g, out = (
        [w.astype("float64") for w in dense.get_weights()]
        for dense in (*layer.maps, layer.out)
    )
    gamma, beta, mean, variance = layer.norm.get_weights()
    z = np.empty(x.shape)
    for clip, found in zip(x, z, strict=True):
        flat = clip.reshape(-1, clip.shape[-1])
        for i, place in enumerate(flat):
            match = f(place @ theta[0] + theta[1], flat @ phi[0] + phi[1])
            y = match @ (flat @ g[0] + g[1])
            y = (y @ out[0] + out[1] - mean) / np.sqrt(variance + 1e-3) * gamma + beta
            found.reshape(flat.shape)[i] = y + place
    return z


def softmax(theta, phi):
    match = np.exp(phi @ theta)
    return match / match.sum()


def dot(theta, phi):
    return phi @ theta / len(phi)


@pytest.mark.parametrize(
    ("pairwise", "f"), [("embedded_gaussian", softmax), ("dot_product", dot)]
)
def test_equals_the_equation(pairwise, f):
    layer = built(pairwise)
    assert_close_relative(layer(X), by_hand(layer, X, f), 1e-4)


def test_gaussian_matches_the_input_itself():
    got = built("gaussian").weights_of(X)
    flat = X.reshape(2, 60, 6)
    want = np.exp(flat @ flat.transpose(0, 2, 1))
    np.testing.assert_allclose(got, want / want.sum(-1, keepdims=True), rtol=1e-3)


def test_is_self_attention_of_one_head_without_its_scale():
    layer = built()
    head = MultiHeadAttention(num_heads=1, key_dim=3, scale=1.0)
    flat = places(X)
    head.build(flat.shape)
    dense = (head.query_dense, head.key_dense, head.value_dense, head.output_dense)
    for theirs, ours in zip(dense, (*layer.maps, layer.out), strict=True):
        theirs.set_weights(ours.get_weights())
    want = X + np.asarray(layer.norm(np.reshape(head(flat), X.shape)))
    assert_close_relative(layer(X), want, 1e-5)


def test_weights_are_of_all_places_of_all_frames():
    match = np.asarray(built().weights_of(X))
    assert match.shape == (2, 3 * 4 * 5, 3 * 4 * 5) and match.min() > 0
    np.testing.assert_allclose(match.sum(axis=-1), 1, rtol=1e-5)
    signed = np.asarray(built("dot_product").weights_of(X))
    assert signed.min() < 0 and np.ptp(signed.sum(axis=-1)) > 0.1


@pytest.mark.parametrize("pairwise", PAIRWISE)
def test_places_may_change_places(pairwise):
    layer = built(pairwise)
    order = np.random.default_rng(1).permutation(60)
    shuffled = X.reshape(2, 60, 6)[:, order].reshape(X.shape)
    want = np.asarray(layer(X)).reshape(2, 60, 6)[:, order].reshape(X.shape)
    assert_close_relative(layer(shuffled), want, 1e-5)


def test_a_far_place_in_another_frame_counts():
    layer, other = built(), X.copy()
    other[0, 2, 3, 4] += 1
    moved = np.abs(np.asarray(layer(other)) - layer(X))
    assert moved[0, 0, 0, 0].max() > 1e-3 and moved[1].max() == 0


def test_pooling_leaves_queries_and_size():
    layer = built(pool=2)
    assert layer.weights_of(X).shape == (2, 60, 3 * 2 * 3)
    assert layer(X).shape == X.shape
    pooled = np.asarray(max_pool(X, 2))
    np.testing.assert_array_equal(pooled[:, 1, 0, 0], X[:, 1, :2, :2].max(axis=(1, 2)))
    np.testing.assert_array_equal(pooled[:, 2, 1, 2], X[:, 2, 2:, 4].max(axis=1))


def test_large_values_stay_finite():
    for pairwise in PAIRWISE:
        assert np.isfinite(built(pairwise)(1000 * X)).all()


def test_batch_normalization_follows_w_z():
    layer = NonLocal()
    layer.build(X.shape)
    assert isinstance(layer.norm, keras.layers.BatchNormalization)
    np.testing.assert_array_equal(layer.norm.gamma, 0)
    assert np.abs(layer.out.kernel).max() > 0


def test_rejects():
    with pytest.raises(ValueError, match="pairwise must be one of .*, got 'cosine'"):
        NonLocal("cosine")
    with pytest.raises(ValueError, match="filters must be an int >= 1, got 0"):
        NonLocal(filters=0)
    with pytest.raises(ValueError, match="pool must be an int >= 1, got None"):
        NonLocal(pool=None)
    with pytest.raises(ValueError, match="rank 3 to 5, got"):
        NonLocal()(X[:, 0, 0, 0])
