"""Exercise: fewer steps from noise to image (DDIM).

A diffusion model needs a thousand steps to make an image. DDIM takes the same trained
network and skips most of them: from the predicted noise it works out the clean image,
and goes from there to any earlier step, with as much new noise as one likes, or none.

Paper: Song, Meng and Ermon, "Denoising Diffusion Implicit Models", ICLR 2021.
Link:  https://arxiv.org/abs/2010.02502 (sections 4.1 and 4.2, equations 12 and 16)
Paper: Ho, Jain and Abbeel, "Denoising Diffusion Probabilistic Models", NeurIPS 2020.
Link:  https://arxiv.org/abs/2006.11239 (equation 4)
See:   modules/generative/denoiser_parts.py (what the network at the end is made of)
Needs: generative (DDPM)
Time:  50 minutes
Grade: python -m course grade generative/ddim_steps

The noise schedule is that of DDPM: betas are beta_1 to beta_T, and steps count from 1
to T. Step 0 is the clean image. The DDIM paper writes alpha_t for what DDPM, and this
exercise, call alpha_bar_t. Use keras.ops where tensors come in.

When your functions are right, see how few steps will do:
python -m course demo generative/ddim_steps
"""

import keras
import numpy as np
from keras import layers, ops

from modules.generative.denoiser_parts import time_features
from modules.generative.generative_model import GenerativeModel


def alpha_bars(betas):
    """Return alpha_bar for the steps 0 to T.

    alpha_bar_t = (1 - beta_1) (1 - beta_2) ... (1 - beta_t), and alpha_bar_0 = 1.

    Args:
        betas: (T,) float in (0, 1): betas[0] is beta_1.

    Returns:
        (T + 1,) float; index t is step t.
    """
    kept, found = 1.0, [ops.convert_to_tensor(1.0)]
    for t in range(betas.shape[0]):
        kept = kept * (1 - betas[t])
        found.append(kept)
    return ops.stack(found)


def add_noise(x, noise, alpha_bar):
    """Return what is left of images after many steps at once (DDPM, equation 4).

    Args:
        x: (B, H, W, C) float, clean images.
        noise: (B, H, W, C) float, standard normal.
        alpha_bar: (B,) float, of each example's own step.

    Returns:
        (B, H, W, C) float, of unit variance if x and noise are.
    """
    examples = [
        ops.sqrt(alpha_bar[b]) * x[b] + ops.sqrt(1 - alpha_bar[b]) * noise[b]
        for b in range(x.shape[0])
    ]
    return ops.stack(examples)


def clean_image(x_t, noise, alpha_bar):
    """Return the image to which `add_noise` would have added this noise.

    Args:
        x_t: (B, H, W, C) float, noisy images.
        noise: (B, H, W, C) float, as the network predicts it.
        alpha_bar: float in (0, 1], the same for all.

    Returns:
        (B, H, W, C) float, not clipped.
    """
    ratio = ops.sqrt(1 / alpha_bar - 1)  # noise to signal
    return x_t / ops.sqrt(alpha_bar) - ratio * noise


def new_noise(now, then, eta):
    """Return the standard deviation of the noise that a step adds (DDIM, equation 16).

    sigma = eta * sqrt((1 - then) / (1 - now)) * sqrt(1 - now / then)

    For neighbouring steps and eta = 1 this is DDPM's smaller variance, beta~_t.

    Args:
        now: float in (0, 1), alpha_bar of the step that we leave.
        then: float in (now, 1], alpha_bar of the step that we go to.
        eta: float in [0, 1]; 0 for steps without chance.

    Returns:
        float scalar; 0 where we go to step 0.
    """
    variance = (1 - then) * (then - now) / (then * (1 - now))
    return eta * variance**0.5


def step(x_t, predicted, now, then, eta, noise):
    """Return the images at an earlier step (DDIM, equation 12).

    The clean image, scaled to the new step, plus the predicted noise, plus new noise:

    sqrt(then) x_0 + sqrt(1 - then - sigma^2) predicted + sigma noise

    with x_0 from `clean_image` and sigma from `new_noise`.

    Args:
        x_t: (B, H, W, C) float, images at the step with alpha_bar = now.
        predicted: (B, H, W, C) float, the noise that the network sees in x_t.
        now, then, eta: as in `new_noise`.
        noise: (B, H, W, C) float, standard normal, new.

    Returns:
        (B, H, W, C) float.
    """
    sigma = new_noise(now, then, eta)
    scale = ops.sqrt(then / now)
    rest = ops.sqrt(ops.relu(1 - then - sigma**2))
    towards = rest - scale * ops.sqrt(1 - now)
    return scale * x_t + towards * predicted + sigma * noise


def times(steps, count):
    """Return the steps at which to stop: count jumps from T down to 0; given.

    [10, 8, 5, 2, 0] for steps = 10 and count = 4.
    """
    return np.linspace(steps, 0, count + 1).round().astype(int).tolist()


def sample(denoise, x, betas, count, eta, noises):
    """Return images made from x by `count` of your steps; given.

    Args:
        denoise: function of (x_t, t, alpha_bar) that returns the noise it sees.
        x: (B, H, W, C) float, standard normal.
        betas: (T,) float.
        count: int from 1 to T.
        eta: float in [0, 1].
        noises: (count, B, H, W, C) float.
    """
    bars = alpha_bars(betas)
    stops = times(betas.shape[0], count)
    for i, (t, s) in enumerate(zip(stops, stops[1:], strict=False)):
        predicted = denoise(x, t, bars[t])
        x = step(x, predicted, bars[t], bars[s], eta, noises[i])
    return x


def knows(mean, deviation):
    """Return the best `denoise` there is for images with Gaussian pixels; given."""

    def denoise(x, t, a):
        return ops.sqrt(1 - a) * (x - ops.sqrt(a) * mean) / (a * deviation**2 + 1 - a)

    return denoise


def gaussian_images(x, betas, count, eta, noises):
    """Return `sample` for pixels N(0.5, 0.2^2) and a perfect denoiser; given."""
    return sample(knows(0.5, 0.2), x, betas, count, eta, noises)


class SmallDiffusion(GenerativeModel):
    """A network that learns to see the noise which your function adds; given."""

    def __init__(self, steps=50, seed=0):
        super().__init__(seed=seed)
        self.steps = steps
        self.bars = alpha_bars(ops.linspace(1e-3, 0.2, steps))
        x, t = keras.Input((4, 4, 1)), keras.Input((), dtype="int32")
        y = layers.Dense(64)(layers.Flatten()(x))
        y = layers.Add()([y, time_features(t, 16, 64)])
        y = layers.Dense(16)(layers.Dense(64, "silu")(layers.Activation("silu")(y)))
        self.denoiser = keras.Model([x, t], layers.Reshape((4, 4, 1))(y))

    def call(self, x, training=False):
        t = keras.random.randint(
            ops.shape(x)[:1], 1, self.steps + 1, seed=self.seed_generator
        )
        noise = self.noise(ops.shape(x))
        return noise - self.denoiser([add_noise(x, noise, ops.take(self.bars, t)), t])

    def objective(self, x, y_pred, training):
        return {"loss": ops.mean(ops.square(y_pred), axis=(1, 2, 3))}

    def denoise(self, x, t, a):
        return self.denoiser([x, ops.full((x.shape[0],), t, "int32")])


def network():
    """Return a compiled diffusion model of 4x4 images; given."""
    keras.utils.set_random_seed(0)
    model = SmallDiffusion()
    model.compile(keras.optimizers.Adam(0.01), run_eagerly=True)
    return model


if __name__ == "__main__":
    rows = ops.one_hot(ops.arange(256) % 4, 4)[:, :, None, None]
    images = 2 * ops.broadcast_to(rows, (256, 4, 4, 1)) - 1  # one bright row in four
    model = network()
    model.compile(keras.optimizers.Adam(0.003), jit_compile=False)
    model.fit(images, epochs=200, verbose=0)
    betas = ops.linspace(1e-3, 0.2, 50)
    x = keras.random.normal((100, 4, 4, 1), seed=1)
    print("steps   distance of a pixel from the nearest true image: eta = 0   eta = 1")
    for count in (2, 5, 10, 25, 50):
        found = []
        for eta in (0.0, 1.0):
            noises = keras.random.normal((count, *x.shape), seed=2)
            made = sample(model.denoise, x, betas, count, eta, noises)
            far = ops.mean(ops.abs(made[:, None] - images[None, :4]), axis=(2, 3, 4))
            found.append(float(ops.mean(ops.min(far, axis=1))))
        print(f"{count:5}   {found[0]:52.3f}   {found[1]:7.3f}")
