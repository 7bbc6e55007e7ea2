"""A spatial transformer learns to find digits and bring them into place, from labels.

Digits are rotated, shrunk and moved at random. The same small classifier learns them
twice, once with a spatial transformer in front, which nobody tells where the digit is
or how it is turned. The figure shows what goes in and what the classifier then sees.

Paper: Jaderberg, Simonyan, Zisserman and Kavukcuoglu, "Spatial Transformer Networks",
       NeurIPS 2015 (section 4.1)
"""

from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from course.bar import Bar
from course.data.load import load
from course.figures import grid, save
from modules.vision.classification.spatial_transformer import (
    SpatialTransformer,
    affine_grid,
    bilinear_sample,
)

FIGURE = Path(__file__).parents[1] / "figures" / "spatial_transformer_digits.png"
SIZE, EPOCHS = 28, 14
SHOWN = (4, 7, 2)  # digits of the figure


def distort(images, rng):
    """Return images turned by up to 60 degrees, at half to full size, and moved."""
    count = len(images)
    angle = rng.uniform(-np.pi / 3, np.pi / 3, count)
    scale = rng.uniform(1.2, 1.8, count)  # output to input: above 1 the digit shrinks
    shift = rng.uniform(-0.35, 0.35, (count, 2)) * scale[:, None]
    cos, sin = scale * np.cos(angle), scale * np.sin(angle)
    rows = [[cos, -sin, shift[:, 0]], [sin, cos, shift[:, 1]]]
    theta = np.array(rows).transpose(2, 0, 1).astype("float32")  # (B, 2, 3)
    return np.asarray(bilinear_sample(images, affine_grid(theta, SIZE, SIZE)))


def localisation():
    """Return the network that looks at the image: to 32 features."""
    return keras.Sequential(
        [
            keras.Input((SIZE, SIZE, 1)),
            layers.AveragePooling2D(2),
            layers.Conv2D(16, 5, padding="same", activation="relu"),
            layers.MaxPooling2D(2),
            layers.Conv2D(32, 5, padding="same", activation="relu"),
            layers.Flatten(),
            layers.Dense(32, "tanh"),
        ],
        name="localisation",
    )


def network(transformer):
    """Return a classifier of one hidden layer, after a transformer or not."""
    inputs = keras.Input((SIZE, SIZE, 1))
    x = (
        SpatialTransformer(localisation(), name="warp")(inputs)
        if transformer
        else inputs
    )
    x = layers.Dense(64, "relu")(layers.Flatten()(x))
    return keras.Model(inputs, layers.Dense(10)(x))


def train(transformer, learned, unseen, bar):
    """Return the trained model and its accuracy on unseen digits, in %."""
    keras.utils.set_random_seed(0)
    model = network(transformer)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(1e-3), loss, metrics=["accuracy"])
    model.fit(*learned, 64, EPOCHS, verbose=0, callbacks=[bar])
    return model, 100 * model.evaluate(*unseen, verbose=0)[1]


def data(split, rng):
    x, y = load("course_mnist5k", split, as_supervised=True, batch_size=-1)
    return distort(np.asarray(x, "float32") / 255, rng), np.asarray(y)


def draw(model, x, y, out):
    warp = keras.Model(model.input, model.get_layer("warp").output)
    rows, names = [], []
    for digit in SHOWN:
        pictures = x[y == digit][:10]
        rows += [pictures, np.asarray(warp(pictures))]
        names += [f"{digit}: goes in", "is seen"]
    save(grid(rows, names), out)


def main(out=FIGURE):
    tf.config.experimental.enable_op_determinism()
    rng = np.random.default_rng(0)
    learned, unseen = data("train", rng), data("test", rng)
    bar = Bar(2 * EPOCHS)
    _, without = train(False, learned, unseen, bar)
    model, accuracy = train(True, learned, unseen, bar)
    print(f"accuracy on unseen digits: {without:.1f} % without the transformer")
    print(f"                           {accuracy:.1f} % with it")
    draw(model, *unseen, out)


if __name__ == "__main__":
    main()
