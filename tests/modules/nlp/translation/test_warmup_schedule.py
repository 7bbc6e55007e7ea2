import keras
import numpy as np
import pytest

from modules.nlp.translation.warmup_schedule import WarmupSchedule


def rates(schedule, count):
    return np.array([float(schedule(step)) for step in range(count)])


def test_equals_the_formula():
    """The paper's first step is 1; Keras's iterations start from 0."""
    steps = np.arange(1, 31)
    want = 64**-0.5 * np.minimum(steps**-0.5, steps * 10**-1.5)
    np.testing.assert_allclose(rates(WarmupSchedule(64, 10), 30), want, rtol=1e-5)


def test_peak_stands_at_the_end_of_the_warm_up():
    got = rates(WarmupSchedule(64, 10), 30)
    assert got.argmax() == 9
    assert got.max() == pytest.approx((64 * 10) ** -0.5)
    assert (np.diff(got[:10]) > 0).all() and (np.diff(got[9:]) < 0).all()
    np.testing.assert_allclose(np.diff(got[:10]), got[0], rtol=1e-4)  # linear from 0


def test_base_model():
    """6.99e-4 at step 4000, half of that at step 2000 and at step 16,000."""
    schedule = WarmupSchedule()
    assert float(schedule(3999)) == pytest.approx(6.988e-4, rel=1e-3)
    assert float(schedule(1999)) == pytest.approx(3.494e-4, rel=1e-3)
    assert float(schedule(15_999)) == pytest.approx(3.494e-4, rel=1e-3)


def test_optimizer_follows_it_and_is_saved_with_it():
    optimizer = keras.optimizers.Adam(WarmupSchedule(64, 10))
    again = keras.optimizers.Adam.from_config(optimizer.get_config())
    variable = keras.Variable([1.0])
    for step in range(3):
        assert float(again.learning_rate) == pytest.approx((step + 1) / 8 * 10**-1.5)
        again.apply([keras.ops.ones(1)], [variable])


@pytest.mark.parametrize("bad", [{"hidden_dim": 0}, {"warmup_steps": 2.5}])
def test_rejects_arguments(bad):
    with pytest.raises(ValueError, match="must be an int >= 1, got"):
        WarmupSchedule(**bad)
