"""course_sprites: what a shape is does not lie in single pixels, nor in few of them."""

import keras
import numpy as np
from keras import layers

from course.data.load import load

LINEAR = "shape from pixels, linear, accuracy in % (chance 33)"
CONVOLUTIONS = "shape from pixels, convolutions, accuracy in % (chance 33)"
BLANK = "mean picture, squared error in % of the variance (chance 100)"
PRINCIPAL = "8 principal components, squared error in % of the variance"
CODE = "a code of 8 numbers, convolutions, squared error in % of the variance"
BOUNDS = {
    LINEAR: (28, 48),
    CONVOLUTIONS: (75, 100),
    BLANK: (97, 103),
    PRINCIPAL: (23, 40),
    CODE: (0, 19),
}


def data(split):
    found = load("course_sprites", split, batch_size=-1)
    return np.asarray(found["image"], "float32") / 255, np.asarray(found["label_shape"])


def convolutions(x, strides=(2, 2, 2)):
    for n, step in zip((16, 32, 64), strides, strict=True):
        x = layers.Conv2D(n, 3, step, padding="same", use_bias=False)(x)
        x = layers.ReLU()(layers.BatchNormalization(momentum=0.8)(x))
    return x


def accuracy(output, inputs, train, test, epochs):
    model = keras.Model(inputs, layers.Dense(3)(output))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(1e-3), loss, metrics=["accuracy"])
    model.fit(*train, batch_size=64, epochs=epochs, verbose=0)
    return 100 * model.evaluate(*test, verbose=0)[1]


def principal(x, x_test, k):
    """Return test pictures rebuilt from their k principal components."""
    flat, rest = x.reshape(len(x), -1), x_test.reshape(len(x_test), -1)
    mean = flat.mean(axis=0)
    values, vectors = np.linalg.eigh((flat - mean).T @ (flat - mean))
    vectors = vectors[:, -k:]
    return (mean + (rest - mean) @ vectors @ vectors.T).reshape(x_test.shape)


def autoencoder(x, x_test, k):
    """Return test pictures rebuilt from k numbers by a network."""
    inputs = keras.Input(x.shape[1:])
    code = layers.Dense(k)(layers.Flatten()(convolutions(inputs)))
    y = layers.Reshape((4, 4, 64))(layers.Dense(1024, "relu")(code))
    for n in (32, 16):
        y = layers.Conv2DTranspose(n, 4, 2, "same", activation="relu")(y)
    model = keras.Model(inputs, layers.Conv2DTranspose(1, 4, 2, "same")(y))
    model.compile(keras.optimizers.Adam(2e-3), "mse")
    model.fit(x, x, batch_size=64, epochs=5, verbose=0)
    return model.predict(x_test, verbose=0)


def measure():
    train, test = data("train"), data("test")
    x, x_test = train[0], test[0]
    inputs = keras.Input(x.shape[1:])
    seen = layers.GlobalMaxPooling2D()(convolutions(inputs, strides=(1, 2, 2)))

    def error(rebuilt):
        variance = ((x_test - x_test.mean(axis=0)) ** 2).mean()
        return 100 * ((rebuilt - x_test) ** 2).mean() / variance

    return {
        LINEAR: accuracy(layers.Flatten()(inputs), inputs, train, test, 5),
        CONVOLUTIONS: accuracy(seen, inputs, train, test, 4),
        BLANK: error(x.mean(axis=0)),
        PRINCIPAL: error(principal(x, x_test, 8)),
        CODE: error(autoencoder(x, x_test, 8)),
    }
