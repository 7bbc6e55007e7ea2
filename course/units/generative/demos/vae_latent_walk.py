"""A variational autoencoder with two latent numbers: the plane of all its digits.

The left picture is what the decoder makes of a grid of codes, spaced so that equal
shares of the prior lie between them. The right one shows where the encoder puts unseen
digits. The numbers are the two parts of the bound on unseen digits, and how far the
codes of all digits together are from the prior.

Paper: Kingma and Welling, "Auto-Encoding Variational Bayes", ICLR 2014 (appendix A)
"""

from pathlib import Path
from statistics import NormalDist

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops

from course.bar import Bar
from course.data.load import load
from course.figures import image, panels, save
from modules.generative.vae import VAE

FIGURE = Path(__file__).parents[1] / "figures" / "vae_latent_walk.png"
SIZE, EPOCHS, SIDE = 28, 25, 10


def coders():
    """Return an encoder to two latent numbers and a decoder from them."""
    x = keras.Input((SIZE, SIZE, 1))
    y = layers.Dense(256, "relu")(layers.Flatten()(x))
    y = layers.Dense(128, "relu")(y)
    heads = [layers.Dense(2)(y), layers.Dense(2)(y)]
    z = keras.Input((2,))
    y = layers.Dense(256, "relu")(layers.Dense(128, "relu")(z))
    y = layers.Reshape((SIZE, SIZE, 1))(layers.Dense(SIZE * SIZE)(y))
    return keras.Model(x, heads), keras.Model(z, y)


def data(split):
    x, y = load("course_mnist5k", split, as_supervised=True, batch_size=-1)
    return np.asarray(x, "float32") / 255, np.asarray(y)


def walk(vae):
    """Return one picture of SIDE by SIDE decoded codes."""
    line = [NormalDist().inv_cdf((i + 0.5) / SIDE) for i in range(SIDE)]
    codes = [(a, b) for b in reversed(line) for a in line]
    pictures = ops.convert_to_numpy(vae.decode(np.array(codes, "float32")))
    rows = pictures.reshape(SIDE, SIDE, SIZE, SIZE).transpose(0, 2, 1, 3)
    return np.round(16 * rows.reshape(SIDE * SIZE, SIDE * SIZE)) / 16  # a smaller file


def draw(vae, codes, labels, out):
    figure, [[left, right]] = panels(1, 2, size=(3.2, 3.2))
    image(left, walk(vae), "what codes decode to")
    for digit in range(10):
        places = codes[labels == digit]
        right.scatter(*places[::2].T, s=4, color=f"C{digit}")
        middle = np.median(places, axis=0)
        right.annotate(str(digit), middle, fontsize=12, weight="bold")
    right.set(xlim=(-3.2, 3.2), ylim=(-3.2, 3.2), aspect="equal")
    right.set(xlabel="$z_1$", ylabel="$z_2$", title="where unseen digits go")
    save(figure, out)


def main(out=FIGURE):
    tf.config.experimental.enable_op_determinism()
    keras.utils.set_random_seed(0)
    x, _ = data("train")
    vae = VAE(*coders(), seed=0)
    vae.compile(keras.optimizers.Adam(2e-3), jit_compile=False)
    vae.fit(x, batch_size=64, epochs=EPOCHS, verbose=0, callbacks=[Bar(EPOCHS)])
    x, labels = data("test")
    found = vae.evaluate(x, verbose=0, return_dict=True)
    means, logs = (ops.convert_to_numpy(a) for a in vae.encoder(x))
    codes = means + np.exp(logs / 2) * np.random.default_rng(0).normal(size=means.shape)
    print(
        f"unseen digits: -ELBO is {found['loss']:.1f} nats, of which the code "
        f"costs {found['kl']:.2f}"
    )
    print(
        f"codes of all digits together: mean {codes.mean(axis=0).round(2)}, standard "
        f"deviation {codes.std(axis=0).round(2)}; one digit's own: "
        f"{np.exp(logs / 2).mean():.2f}"
    )
    draw(vae, codes, labels, out)


if __name__ == "__main__":
    main()
