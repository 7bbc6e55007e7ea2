import keras
import numpy as np
import pytest

from course.checks import noise_weights
from modules.video.clips import check_clips
from modules.video.fusion import fusion_network, single_frame
from modules.video.tower import Stage

RNG = np.random.default_rng(0)
X = RNG.uniform(size=(6, 3, 8, 9, 1)).astype("float32")
Y = np.arange(6) % 3


@pytest.fixture(scope="module")
def model():
    found = fusion_network(single_frame(), (Stage(2, 3, 2),), (4,), 3, X.shape[1:])
    noise_weights(found, seed=0)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    found.compile("sgd", loss, jit_compile=False)
    return found


def test_fits_what_is_right(model):
    losses = model.fit(X, Y, verbose=0).history["loss"]
    assert np.isfinite(losses).all()
    assert np.isfinite(model.evaluate(X, Y[:, None], verbose=0))


BAD = {
    "labels must be in 0 to 2, got 3 for clip 0": (X, Y + 3),
    "labels must be in 0 to 2, got -1 for clip 0": (X, Y - 1),
    "labels must be 6 ints, one a clip, got float": (X, Y / 2),
    r"labels must be 6 ints, one a clip, got int64 of shape \(5,\)": (X, Y[:5]),
    "clips must be floats: divide by 255; got uint8": ((255 * X).astype("uint8"), Y),
    "clips must be of about 1: divide by 255; got 25": (255 * X, Y),
    "clips must be finite": (np.where(X > 0.9, np.nan, X), Y),
}


@pytest.mark.parametrize("sentence", BAD)
def test_refuses_with_a_sentence(model, sentence):
    for use in (model.fit, model.evaluate):
        with pytest.raises(ValueError, match=sentence):
            use(*BAD[sentence], verbose=0)


def test_flow_and_centred_colours_pass():
    check_clips(20 * (X - 0.5), Y, 3)


def test_saved_network_is_still_one_that_looks(model, tmp_path):
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(loaded(X), model(X), rtol=1e-5)
    with pytest.raises(ValueError, match="labels must be in 0 to 2, got 7"):
        loaded.fit(X, Y + 7)
