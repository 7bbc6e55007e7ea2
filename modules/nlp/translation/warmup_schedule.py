"""Warm-up: the rate rises for some thousand steps, then falls as 1 / sqrt(step).

Paper: Vaswani et al., "Attention Is All You Need", NeurIPS 2017.
Link:  https://arxiv.org/abs/1706.03762 (section 5.3, equation 3)
"""

import keras
from keras import ops


@keras.saving.register_keras_serializable("nlp/translation")
class WarmupSchedule(keras.optimizers.schedules.LearningRateSchedule):
    """The paper's learning rate for Adam with beta_2 = 0.98 and epsilon = 1e-9.

        rate = d_model^-0.5 * min(step^-0.5, step * warmup_steps^-1.5)

    The two are equal at step = warmup_steps, where the rate is largest. The paper's
    first step is 1; Keras counts from 0, and so 1 is added here.

    Args:
        hidden_dim: int >= 1, called d_model; wider models get smaller rates.
        warmup_steps: int >= 1.

    Raises:
        ValueError: one of them is not an int >= 1.

    Example:
        >>> schedule = WarmupSchedule(hidden_dim=512, warmup_steps=4000)
        >>> print(f"{float(schedule(3999)):.2e}")
        6.99e-04
    """

    def __init__(self, hidden_dim=512, warmup_steps=4000):
        for name, value in (("hidden_dim", hidden_dim), ("warmup_steps", warmup_steps)):
            if not (isinstance(value, int) and value >= 1):
                raise ValueError(f"{name} must be an int >= 1, got {value!r}")
        self.hidden_dim = hidden_dim
        self.warmup_steps = warmup_steps

    def __call__(self, step):
        step = ops.cast(step, "float32") + 1
        rising, falling = step * self.warmup_steps**-1.5, ops.rsqrt(step)
        return self.hidden_dim**-0.5 * ops.minimum(falling, rising)

    def get_config(self):
        return {"hidden_dim": self.hidden_dim, "warmup_steps": self.warmup_steps}
