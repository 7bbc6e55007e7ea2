"""Where does a network look? Occlusion, Grad-CAM and LIME on the same images.

A small convolutional network learns to name the one thing in a picture. Each method
then says which pixels speak for the class, for 16 unseen pictures. What is printed is
the share of that heat which falls on the thing; a map that says the same everywhere has
the share of the thing's pixels. The same is measured for a network that has learned
nothing.

Paper: Zeiler and Fergus, "Visualizing and Understanding Convolutional Networks", 2014;
       Selvaraju et al., "Grad-CAM", 2017; Ribeiro et al., "Why Should I Trust You?",
       2016
"""

from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops

from course.bar import Bar
from course.data.load import load
from course.figures import heat, image, panels, save
from modules.vision.interpretability.black_box import class_score
from modules.vision.interpretability.grad_cam import grad_cam
from modules.vision.interpretability.lime import grid_segments, lime
from modules.vision.interpretability.occlusion import occlusion_map, spread

FIGURE = Path(__file__).parents[1] / "figures" / "three_explanations.png"
SIZE, EPOCHS, EXPLAINED, SHOWN = 32, 8, 16, 2
PATCH, STRIDES, SEGMENT, SAMPLES = 8, 2, 4, 400


def data(split):
    scenes = load("course_scenes/single", split, batch_size=-1)
    labels = scenes["objects"]["label"]
    labels = np.asarray(labels.to_tensor() if hasattr(labels, "to_tensor") else labels)
    x = np.asarray(scenes["image"], "float32") / 255
    return x, labels[:, 0], np.asarray(scenes["instance_mask"])[..., 0] > 0


def network():
    keras.utils.set_random_seed(0)
    x = inputs = keras.Input((SIZE, SIZE, 3))
    for filters in (24, 32, 64):
        x = layers.Conv2D(filters, 3, padding="same", use_bias=False)(x)
        x = layers.ReLU()(layers.BatchNormalization(momentum=0.9)(x))
        x = layers.MaxPooling2D(2)(x) if filters < 64 else x
    x = layers.Conv2D(64, 3, padding="same", activation="relu", name="maps")(x)
    return keras.Model(inputs, layers.Dense(6)(layers.GlobalAveragePooling2D()(x)))


def train(x, y, bar):
    model = network()
    rate = keras.optimizers.schedules.CosineDecay(3e-3, EPOCHS * (len(x) // 64))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(rate), loss, jit_compile=False)
    model.fit(x, y, 64, EPOCHS, verbose=0, callbacks=[bar])
    return model


def explain(model, x, target):
    """Return a map (H, W) of each method: how much a pixel speaks for the class."""
    probability, logit = (class_score(model, target, a) for a in (ops.softmax, None))
    covered = occlusion_map(probability, x, PATCH, STRIDES, batch_size=256)
    drop = float(probability(x[None])[0]) - covered
    segments = grid_segments(SIZE, SIZE, SEGMENT)
    how = {"penalty": 1.0, "fill": 0.5, "batch_size": 256}
    weights, _ = lime(logit, x, segments, SAMPLES, **how)
    maps = grad_cam(model, "maps", x[None], target)[0]
    large = ops.image.resize(maps[..., None], (SIZE, SIZE), interpolation="bilinear")
    return {
        "occlusion": spread(drop, SIZE, SIZE, PATCH, STRIDES),
        "Grad-CAM": np.asarray(large[..., 0]),
        "LIME": weights[segments],
    }


def share(values, mask):
    """Return how much of what speaks for the class falls on the thing, in %."""
    heat = np.maximum(values, 0)
    return 100 * heat[mask].sum() / max(heat.sum(), 1e-12)


def measure(model, x, y, masks, bar):
    """Return the maps of each image, and print the mean share of each method."""
    found = []
    for image_, target in zip(x, y, strict=True):
        found.append(explain(model, image_, int(target)))
        bar.step()
    for name in found[0]:
        shares = [share(maps[name], m) for maps, m in zip(found, masks, strict=True)]
        print(f"    {name:10} {np.mean(shares):5.1f} %")
    return found


def draw(found, x, out):
    names = list(found[0])
    figure, axes = panels(SHOWN, 1 + len(names), size=(1.3, 1.3))
    for row, picture, maps in zip(axes, x, found, strict=False):
        image(row[0], picture)
        for axis, name in zip(row[1:], names, strict=True):
            heat(axis, picture, np.maximum(maps[name], 0))
    for axis, title in zip(axes[0], ["image", *names], strict=True):
        axis.set_title(title)
    save(figure, out)


def main(out=FIGURE):
    tf.config.experimental.enable_op_determinism()
    (x, y, _), (unseen, truth, masks) = data("train"), data("test")
    bar = Bar(EPOCHS + 2 * EXPLAINED)
    model = train(x, y, bar)
    right = np.asarray(model(unseen)).argmax(axis=1) == truth
    chosen = np.flatnonzero(right)[:EXPLAINED]
    unseen, truth, masks = unseen[chosen], truth[chosen], masks[chosen]
    print(f"accuracy on unseen images {100 * right.mean():.1f} %")
    print(f"share of pixels on the thing {100 * masks.mean():.1f} %; of the heat:")
    found = measure(model, unseen, truth, masks, bar)
    print("of the heat of a network that has learned nothing:")
    measure(network(), unseen, truth, masks, bar)
    draw(found, unseen, out)


if __name__ == "__main__":
    main()
