"""Diffusion: noise is added in small steps, and each step has a known way back.

Paper: Ho, Jain and Abbeel, "Denoising Diffusion Probabilistic Models", NeurIPS 2020.
Link:  https://arxiv.org/abs/2006.11239 (section 2, equations 2 to 7; section 3.2)
"""

import numpy as np
from keras import ops


def linear_betas(steps=1000, first=1e-4, last=0.02):
    """Return how much noise each step adds: equally spaced from first to last.

    Args:
        steps: int >= 1, called T.
        first, last: float in (0, 1), those of the paper for T = 1000.

    Returns:
        (T,) float64.

    Raises:
        ValueError: steps is not an int >= 1.
    """
    if not (isinstance(steps, int) and steps >= 1):
        raise ValueError(f"steps must be an int >= 1, got {steps!r}")
    return np.linspace(first, last, steps)


class Diffusion:
    """What Gaussian noise does to x_0 in T steps, and what is known of the way back.

        q(x_t | x_{t-1}) = N(sqrt(1 - beta_t) x_{t-1}, beta_t I)
        q(x_t | x_0)     = N(sqrt(alpha_bar_t) x_0, (1 - alpha_bar_t) I)
        alpha_t = 1 - beta_t        alpha_bar_t = alpha_1 alpha_2 ... alpha_t

    alpha_bar_t + (1 - alpha_bar_t) = 1, so values of unit variance keep it. Steps count
    from 1 to T as in the paper; t = 0 is the image itself, with alpha_bar_0 = 1.

    Args:
        betas: (T,) floats in (0, 1).

    Shapes:
        x_0, x_t, noise: (B, ...) float.
        t: (B,) int from 1 to T, or one int for all. Inside a compiled function t is not
            looked at, and must be in range.

    Raises:
        ValueError: a beta is outside (0, 1), or a t outside 1 to T.

    Example:
        >>> print(f"{Diffusion(linear_betas()).alpha_bars[1000]:.3e}")
        4.036e-05
    """

    def __init__(self, betas):
        betas = np.asarray(betas, "float64")
        if betas.ndim != 1 or not len(betas) or not np.all((betas > 0) & (betas < 1)):
            raise ValueError(f"betas must be (T,) floats in (0, 1), got {betas!r}")
        self.steps = len(betas)
        self.betas = np.concatenate([[0.0], betas])  # (T + 1,): index t, 0 is unused
        self.alpha_bars = np.cumprod(1 - self.betas)
        before = np.concatenate([[1.0], self.alpha_bars[:-1]])
        rest = np.maximum(1 - self.alpha_bars, self.betas[1])  # t = 0: not 0 / 0
        self.posterior_variances = self.betas * (1 - before) / rest
        self.clean_weights = np.sqrt(before) * self.betas / rest
        self.noisy_weights = np.sqrt(1 - self.betas) * (1 - before) / rest

    def at(self, values, t, x):
        """Return values[t] so that it multiplies x: (B, 1, ..., 1)."""
        known = _known(t)
        if known is not None and not np.all((known >= 1) & (known <= self.steps)):
            wrong = known[(known < 1) | (known > self.steps)].ravel()[0]
            raise ValueError(f"t must be from 1 to {self.steps}, got {wrong}")
        found = ops.take(ops.cast(values, x.dtype), ops.cast(t, "int32"))
        return ops.reshape(found, (-1, *[1] * (len(x.shape) - 1)))

    def diffuse(self, x_0, t, noise):
        """Return x_t at once (equation 4, as a function of the noise).

        x_t = sqrt(alpha_bar_t) x_0 + sqrt(1 - alpha_bar_t) noise
        """
        signal, rest = np.sqrt(self.alpha_bars), np.sqrt(1 - self.alpha_bars)
        return self.at(signal, t, x_0) * x_0 + self.at(rest, t, x_0) * noise

    def clean(self, x_t, t, noise):
        """Return the x_0 that `diffuse` would take to x_t with this noise."""
        signal, rest = np.sqrt(self.alpha_bars), np.sqrt(1 - self.alpha_bars)
        return (x_t - self.at(rest, t, x_t) * noise) / self.at(signal, t, x_t)

    def posterior(self, x_0, x_t, t):
        """Return the mean and variance of q(x_{t-1} | x_t, x_0) (equation 7).

        Its variance, beta~_t = (1 - alpha_bar_{t-1}) / (1 - alpha_bar_t) beta_t, is 0
        at t = 1: then x_0 is known.
        """
        mean = self.at(self.clean_weights, t, x_t) * x_0
        mean = mean + self.at(self.noisy_weights, t, x_t) * x_t
        return mean, self.at(self.posterior_variances, t, x_t)

    def reverse_mean(self, x_t, t, noise):
        """Return the mean of p(x_{t-1} | x_t) for a predicted noise (equation 11).

        (x_t - beta_t / sqrt(1 - alpha_bar_t) noise) / sqrt(1 - beta_t)

        It is the posterior's mean for the x_0 that `clean` makes of that noise.
        """
        weights = self.betas / np.sqrt(np.maximum(1 - self.alpha_bars, self.betas[1]))
        scale = self.at(np.sqrt(1 - self.betas), t, x_t)
        return (x_t - self.at(weights, t, x_t) * noise) / scale


def _known(t):
    """Return t as an array, or None where a compiled function is being traced."""
    try:
        return np.asarray(ops.convert_to_numpy(t))
    except (NotImplementedError, TypeError, ValueError, AttributeError):
        return None
