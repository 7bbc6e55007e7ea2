"""DDPM: learn which noise is in an image, then take it away step by step.

Paper: Ho, Jain and Abbeel, "Denoising Diffusion Probabilistic Models", NeurIPS 2020.
Link:  https://arxiv.org/abs/2006.11239 (section 3, algorithms 1 and 2, equation 14)
"""

import keras
import numpy as np
from keras import ops

from modules.generative.diffusion import Diffusion, linear_betas
from modules.generative.generative_model import GenerativeModel, restored, saved


@keras.saving.register_keras_serializable("generative")
class DDPM(GenerativeModel):
    """A denoiser, trained at random steps, and the chain that makes images with it.

        L_simple = E |epsilon - epsilon_theta(x_t, t)|^2
        x_t = sqrt(a_t) x_0 + sqrt(1 - a_t) epsilon            a_t = alpha_bar_t

    with t uniform from 1 to T, drawn for each example, and epsilon ~ N(0, I).
    The paper's bound weighs the steps; the simple loss does not, and images get better.
    What is reported is the mean over pixels: 1 for a network that says 0.

    Sampling starts from noise, x_T ~ N(0, I), and for t = T, ..., 1 takes

        x_{t-1} = (x_t - beta_t / sqrt(1 - a_t) epsilon_theta) / sqrt(1 - beta_t)
                  + sigma_t z

    with z = 0 at the last step, t = 1. Both variances of the paper are here:
    sigma_t^2 = beta_t, right if x_0 is N(0, I), and beta~_t, right if x_0 is one point.

    Args:
        denoiser: model from [x_t, t] to the noise in x_t.
        steps: int >= 1, called T.
        first, last: float in (0, 1), beta_1 and beta_T. With fewer steps take a larger
            last one: alpha_bar_T must be near 0.
        variance: "beta" or "posterior".
        seed: int or None.

    Shapes:
        x: (B, H, W, C) float from -1 to 1.
        y: the same: epsilon - epsilon_theta at a random step.

    Raises:
        ValueError: variance is neither, steps or a beta is out of range, or fit gets
            images outside theirs.

    Example:
        >>> x, t = keras.Input((4, 4, 1)), keras.Input((), dtype="int32")
        >>> nothing = keras.Model([x, t], keras.layers.Rescaling(0.0)(x))
        >>> tuple(DDPM(nothing, steps=3, last=0.5, seed=0).sample(2).shape)
        (2, 4, 4, 1)
    """

    def __init__(
        self,
        denoiser,
        steps=1000,
        first=1e-4,
        last=0.02,
        variance="beta",
        seed=None,
        **kwargs,
    ):
        super().__init__(seed=seed, **kwargs)
        if variance not in ("beta", "posterior"):
            raise ValueError(
                f"variance must be 'beta' or 'posterior', got {variance!r}"
            )
        self.denoiser = denoiser
        self.steps = steps
        self.first = first
        self.last = last
        self.variance = variance
        self.diffusion = Diffusion(linear_betas(steps, first, last))

    def call(self, x, training=False):
        drawn = ops.shape(x)[:1]
        t = keras.random.randint(drawn, 1, self.steps + 1, seed=self.seed_generator)
        noise = self.noise(ops.shape(x))
        x_t = self.diffusion.diffuse(x, t, noise)
        return noise - self.denoiser([x_t, t], training=training)

    def objective(self, x, y_pred, training):
        square = ops.square(ops.cast(y_pred, "float32"))
        return {"loss": ops.mean(square, axis=tuple(range(1, len(x.shape))))}

    def step_back(self, x_t, t, predicted, noise):
        """Return x_{t-1}, given what the denoiser says of x_t (algorithm 2, line 4).

        Args:
            x_t, predicted, noise: (B, H, W, C) float; at t = 1 noise is left out.
            t: int from 1 to T, the same for all.
        """
        mean = self.diffusion.reverse_mean(x_t, t, predicted)
        posterior = self.diffusion.posterior_variances
        variances = self.diffusion.betas if self.variance == "beta" else posterior
        return mean + (np.sqrt(variances[t]) if t > 1 else 0.0) * noise

    def sample(self, count, keep=None):
        """Return images that came out of noise: (count, H, W, C), about -1 to 1.

        Args:
            count: int.
            keep: None, or a function of (t, x_t), called from t = T to 0.
        """
        shape = (count, *self.denoiser.input_shape[0][1:])
        x = self.noise(shape)
        for t in range(self.steps, 0, -1):
            if keep:
                keep(t, x)
            at = np.full(count, t, "int32")
            predicted = self.denoiser.predict_on_batch([x, at])
            x = self.step_back(x, t, predicted, self.noise(shape))
        if keep:
            keep(0, x)
        return x

    def get_config(self):
        (denoiser,) = saved(self.denoiser)
        own = {"denoiser": denoiser, "steps": self.steps, "first": self.first}
        own |= {"last": self.last, "variance": self.variance, "seed": self.seed}
        return {**super().get_config(), **own}

    @classmethod
    def from_config(cls, config):
        return cls(**restored(config, "denoiser"))
