"""Digits out of noise: a GAN's, in one step, and a diffusion model's, in 200.

Both learn the same 8x8 digits. A classifier that has never seen a generated image says
how sure it is of each one, how many kinds of digits there are (the exponential of the
entropy of all its answers, at most 10), and the nearest training image tells whether a
picture was copied: real unseen digits have such a distance too.

Paper: Goodfellow et al., "Generative Adversarial Nets", NeurIPS 2014; Ho, Jain and
       Abbeel, "Denoising Diffusion Probabilistic Models", NeurIPS 2020 (figure 6)
"""

from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops

from course.bar import Bar
from course.data.load import load
from course.figures import grid, save
from modules.generative.ddpm import DDPM
from modules.generative.denoiser_parts import time_features
from modules.generative.gan import GAN

FIGURE = Path(__file__).parents[1] / "figures" / "digits_from_noise.png"
COUNT, SHOWN, STEPS = 200, 12, 200
WIDTH, GAN_EPOCHS, DDPM_EPOCHS, JUDGE_EPOCHS = 256, 120, 160, 12


def data(split):
    x, y = load("course_digits", split, as_supervised=True, batch_size=-1)
    return np.asarray(x, "float32") / 127.5 - 1, np.asarray(y)


def players():
    """Return a generator of 8x8 images from 16 numbers, and a discriminator."""
    z, x = keras.Input((16,)), keras.Input((8, 8, 1))
    y = layers.Dense(128, "relu")(z)
    y = layers.Dense(256, "relu")(layers.BatchNormalization(momentum=0.9)(y))
    y = layers.Dense(64, "tanh")(layers.BatchNormalization(momentum=0.9)(y))
    generator = keras.Model(z, layers.Reshape((8, 8, 1))(y))
    y = layers.LeakyReLU(0.2)(layers.Dense(256)(layers.Flatten()(x)))
    y = layers.LeakyReLU(0.2)(layers.Dense(128)(layers.Dropout(0.3)(y)))
    return generator, keras.Model(x, layers.Dense(1)(layers.Dropout(0.3)(y)))


def by_gan(x, bar):
    gan = GAN(*players(), smoothing=0.1, seed=0)
    gan.compile(keras.optimizers.Adam(5e-4, beta_1=0.5), jit_compile=False)
    gan.fit(x, batch_size=64, epochs=GAN_EPOCHS, verbose=0, callbacks=[bar])
    return np.asarray(gan.sample(COUNT))


def dense_denoiser():
    """Return a network that is told the time in each of its layers.

    For 64 pixels it serves; a U-Net that does as well takes several times as long.
    """
    x, t = keras.Input((8, 8, 1)), keras.Input((), dtype="int32")
    time = layers.Activation("silu")(time_features(t, 64, WIDTH))
    y = layers.Dense(WIDTH)(layers.Flatten()(x))
    for _ in range(3):
        told = layers.Dense(WIDTH)(layers.LayerNormalization()(y))
        told = layers.Add()([told, layers.Dense(WIDTH)(time)])
        told = layers.Activation("silu")(told)
        y = layers.Add()([y, layers.Dense(WIDTH, kernel_initializer="zeros")(told)])
    y = layers.Dense(64)(layers.LayerNormalization()(y))
    return keras.Model([x, t], layers.Reshape((8, 8, 1))(y))


def by_diffusion(x, bar):
    """Return generated images, and what the first ones came through."""
    model = DDPM(dense_denoiser(), STEPS, 5e-4, 0.05, variance="posterior", seed=0)
    rate = keras.optimizers.schedules.CosineDecay(2e-3, DDPM_EPOCHS * len(x) // 64)
    model.compile(keras.optimizers.Adam(rate), jit_compile=False)
    model.fit(x, batch_size=64, epochs=DDPM_EPOCHS, verbose=0, callbacks=[bar])
    seen = {}
    images = model.sample(COUNT, keep=lambda t, x: seen.update({t: np.asarray(x[:3])}))
    times = (STEPS * np.linspace(1, 0, SHOWN) ** 1.5).round().astype(int)
    return np.asarray(images), np.stack([seen[t] for t in times], axis=1)


def judge(x, y, bar):
    model = keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            layers.Conv2D(32, 3, activation="relu"),
            layers.Conv2D(64, 3, activation="relu"),
            layers.Flatten(),
            layers.Dropout(0.3),
            layers.Dense(10, "softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy", jit_compile=False)
    model.fit(x, y, 64, JUDGE_EPOCHS, verbose=0, callbacks=[bar])
    return model


def report(name, images, classifier, known):
    """Print how sure the classifier is, how many kinds there are, what is copied."""
    p = ops.convert_to_numpy(classifier(np.clip(images, -1, 1)))
    mean = p.mean(axis=0)
    kinds = np.exp(-np.sum(mean * np.log(mean + 1e-12)))
    flat, known = images.reshape(len(images), -1), known.reshape(len(known), -1)
    squares = (flat**2).sum(1)[:, None] + (known**2).sum(1) - 2 * flat @ known.T
    nearest = np.sqrt(np.maximum(squares, 0).min(axis=1)).mean()
    print(
        f"{name}: the classifier is {100 * p.max(axis=1).mean():.0f} % sure, "
        f"{kinds:.1f} kinds of digits, {nearest:.2f} to the nearest training image"
    )


def main(out=FIGURE):
    tf.config.experimental.enable_op_determinism()
    keras.utils.set_random_seed(0)
    bar = Bar(GAN_EPOCHS + DDPM_EPOCHS + JUDGE_EPOCHS)
    (x, y), (unseen, _) = data("train"), data("test")
    classifier = judge(x, y, bar)
    made = by_gan(x, bar)
    denoised, strips = by_diffusion(x, bar)
    noise = np.random.default_rng(0).normal(size=(COUNT, 8, 8, 1)).astype("float32")
    found = {"noise": noise, "unseen digits": unseen[:COUNT]}
    for name, images in {**found, "GAN": made, "diffusion": denoised}.items():
        report(name, images, classifier, x)
    rows = [unseen, made, made[SHOWN:], denoised, denoised[SHOWN:], *strips]
    names = ["unseen digits", "GAN", "", "diffusion", ""]
    names += [f"from t = {STEPS} to 0", "", ""]
    save(grid([row[:SHOWN] for row in rows], names, low=-1), out)


if __name__ == "__main__":
    main()
