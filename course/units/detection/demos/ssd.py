"""SSD: a small single-shot detector finds and names the shapes of a scene.

The same class SSD that makes SSD300 out of VGG-16 here gets a backbone of seven
convolutions with two maps, 8 x 8 and 4 x 4, and learns the 3,000 scenes of
course_scenes/tiny, and their mirror images. The figure shows what it finds on scenes
that it has not seen, green where class and place are right (IoU >= 0.5), red where not,
and orange what it missed; and the average precision of every class.

Paper: Liu, Anguelov, Erhan, Szegedy, Reed, Fu and Berg, "SSD: Single Shot MultiBox
       Detector", ECCV 2016
"""

import math
import sys
import time
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from course.bar import Bar
from course.data.load import load
from course.figures import boxes, image, panels, save
from modules.detection.average_precision import evaluate, mark_hits
from modules.detection.boxes import convert, iou
from modules.detection.ssd import SSD

FIGURE = Path(__file__).parents[1] / "figures" / "ssd.png"
SIDE, MOST, EPOCHS, BATCH, RATE = 32, 3, 4, 32, 4e-3
SHOWN, SURE, NEW = range(7), 0.5, 200
SHAPES = ("circle", "square", "triangle", "star", "cross", "heart")


def data(split):
    """Return images (B, 32, 32, 3), and boxes (B, 3, 4) and classes padded with -1."""
    found = list(load("course_scenes/tiny", split).as_numpy_iterator())
    places = np.zeros((len(found), MOST, 4), "float32")
    classes = np.full((len(found), MOST), -1)
    for i, scene in enumerate(found):
        count = len(scene["objects"]["label"])
        classes[i, :count] = scene["objects"]["label"]
        places[i, :count] = convert(SIDE * scene["objects"]["bbox"], "yxyx")
    images = np.stack([scene["image"] for scene in found]).astype("float32") / 255
    return images, {"boxes": places, "classes": classes}


def mirrored(images, truth):
    """Return images and ground truth, and after each its mirror image."""
    left, top, right, bottom = np.moveaxis(truth["boxes"], -1, 0)
    other = np.stack([SIDE - right, top, SIDE - left, bottom], axis=-1)
    truth = {
        "boxes": np.concatenate([truth["boxes"], other]),
        "classes": np.concatenate([truth["classes"]] * 2),
    }
    return np.concatenate([images, images[:, :, ::-1]]), truth


def network():
    x = inputs = keras.Input((SIDE, SIDE, 3))
    maps = []
    for filters, strides in (
        (24, 1),
        (48, 2),
        (48, 1),
        (96, 2),
        (96, 1),
        (128, 2),
        (96, 1),
    ):
        x = layers.Conv2D(filters, 3, strides, "same", use_bias=False)(x)
        x = layers.BatchNormalization(momentum=0.9)(x)
        x = layers.ReLU()(x)
        maps.append(x)
    backbone = keras.Model(inputs, [maps[4], maps[6]], name="backbone")
    return SSD(backbone, 6, scales=(0.25, 0.4, 0.6), ratios=((2,), (2,)))


def draw(images, truth, found, result, out):
    figure, axes = panels(2, 4, size=(2.6, 2.7))
    for axis, i in zip(axes.flat, SHOWN, strict=False):
        image(axis, images[i])
        sure = found["scores"][i] > SURE
        places, classes = found["boxes"][i, sure], found["classes"][i, sure]
        there = truth["classes"][i] >= 0
        wanted, labels = truth["boxes"][i, there], truth["classes"][i, there]
        same = classes[:, None] == labels
        overlaps = np.where(same, np.asarray(iou(places, wanted)), 0)
        hits = mark_hits(overlaps, 0.5)
        missed = wanted[overlaps[hits].max(axis=0, initial=0) < 0.5]
        boxes(axis, missed, ["missed"] * len(missed))
        boxes(axis, places, [SHAPES[c] for c in classes], hits)
        wrong = (~hits).sum()
        title = f"{hits.sum()} of {len(wanted)} found"
        axis.set_title(title + (f", {wrong} wrong" if wrong else ""))
    axis = axes[1, 3]
    values = [100 * result["by_class"][c] for c in range(len(SHAPES))]
    axis.barh(SHAPES, values)
    axis.set(xlim=(0, 100), xlabel="average precision (%)")
    axis.invert_yaxis()
    save(figure, out)


def main(out=FIGURE):
    tf.config.experimental.enable_op_determinism()
    keras.utils.set_random_seed(0)
    images, truth = mirrored(*data("train"))
    unseen, there = data(f"test[:{NEW}]")
    model = network()
    steps = EPOCHS * math.ceil(len(images) / BATCH)
    rate = keras.optimizers.schedules.CosineDecay(RATE, steps)
    model.compile(keras.optimizers.Adam(rate))
    begun = time.process_time()
    model.fit(images, truth, BATCH, EPOCHS, verbose=0, callbacks=[Bar(EPOCHS)])
    spent = time.process_time() - begun
    found = {k: np.asarray(v) for k, v in model.detect(unseen, 20).items()}
    result = evaluate(found, there, [0.5])
    print(f"trained in {spent:.0f} s of processor time", file=sys.stderr)
    print(f"{model.count_params():,} weights, {len(images):,} images")
    print(f"AP50 on {NEW} new scenes: {100 * result['AP']:.1f} %")
    draw(unseen, there, found, result, out)


if __name__ == "__main__":
    main()
