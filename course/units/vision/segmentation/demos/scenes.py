"""Scenes: a small U-Net names every pixel, and errs at borders and where shapes hide.

A U-Net of three sizes with padding "same" learns the 3,000 scenes of
course_scenes/tiny: ground and six shapes. The figure shows scenes that it has not seen,
what is there, what it says, and the pixels that are wrong.

Paper: Ronneberger, Fischer and Brox, "U-Net: Convolutional Networks for Biomedical
       Image Segmentation", MICCAI 2015
"""

import math
import sys
import time
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from course.bar import Bar
from course.data.load import load
from course.figures import COLOURS, image, masks, panels, plt, save
from modules.vision.segmentation.mean_iou import confusion, segmentation_scores
from modules.vision.segmentation.pixel_cross_entropy import PixelCrossEntropy
from modules.vision.segmentation.unet import unet

FIGURE = Path(__file__).parents[1] / "figures" / "scenes.png"
CLASSES = ("ground", "circle", "square", "triangle", "star", "cross", "heart")
FILTERS, EPOCHS, BATCH, RATE = (12, 32, 64), 4, 8, 4e-3
SHOWN, NEW = 6, "test[300:]"  # the sizes and rates above were chosen on test[:300]


def data(split):
    """Return images (B, 32, 32, 3) from -1 to 1 and labels (B, 32, 32)."""
    found = list(load("course_scenes/tiny", split).as_numpy_iterator())
    images = np.stack([scene["image"] for scene in found]).astype("float32")
    labels = np.stack([scene["segmentation_mask"][..., 0] for scene in found])
    return images / 127.5 - 1, labels.astype("int32")


def trained(images, labels, bar):
    model = unet(FILTERS, "same", 0.0, len(CLASSES), images.shape[1:])
    steps = EPOCHS * math.ceil(len(images) / BATCH)
    rate = keras.optimizers.schedules.CosineDecay(RATE, steps)
    model.compile(keras.optimizers.Adam(rate), PixelCrossEntropy())
    model.fit(images, labels, BATCH, EPOCHS, verbose=0, callbacks=[bar])
    return model


def draw(images, there, said, out):
    figure, axes = panels(4, SHOWN, size=(1.7, 1.75))
    names = "image", "truth", "prediction", "mistakes"
    for row, name in zip(axes, names, strict=True):
        row[0].set_ylabel(name)
    for column, x, y, p in zip(axes.T, (images + 1) / 2, there, said, strict=False):
        grey = np.repeat(x.mean(axis=-1, keepdims=True), 3, axis=-1)
        wrong = np.where((y != p)[..., None], 1.0, grey / 2)
        for axis, picture in zip(column, (x, grey, grey, wrong), strict=True):
            image(axis, picture)
        masks(column[1], y, opacity=0.75)
        masks(column[2], p, opacity=0.75)
        column[3].set_title(f"{(y != p).sum()} of {y.size}", fontsize=10)
    patches = [
        plt.Rectangle((0, 0), 1, 1, color=colour, label=name)
        for colour, name in zip(COLOURS, CLASSES[1:], strict=False)
    ]
    figure.legend(handles=patches, loc="outside lower center", ncols=6)
    save(figure, out)


def main(out=FIGURE):
    tf.config.experimental.enable_op_determinism()
    keras.utils.set_random_seed(0)
    images, labels = data("train")
    unseen, there = data(NEW)
    begun = time.process_time()
    model = trained(images, labels, Bar(EPOCHS))
    spent = time.process_time() - begun
    print(f"trained in {spent:.0f} s of processor time", file=sys.stderr)
    said = model.predict(unseen, 100, verbose=0).argmax(-1)
    n = np.asarray(confusion(there, said, len(CLASSES)))
    ground = np.asarray(confusion(there, 0 * said, len(CLASSES)))
    print(f"{model.count_params():,} weights, {len(images):,} images")
    for name, table in (("network", n), ("ground everywhere", ground)):
        scores = segmentation_scores(table)
        right, iou = (100 * float(scores[k]) for k in ("pixel_accuracy", "mean_iou"))
        print(f"{name}: {right:.1f} % of pixels right, mean IoU {iou:.1f} %")
    ious = 100 * np.diag(n) / (n.sum(0) + n.sum(1) - np.diag(n))
    pairs = zip(CLASSES, ious, strict=True)
    print("IoU in %:", ", ".join(f"{name} {value:.0f}" for name, value in pairs))
    draw(unseen, there, said, out)


if __name__ == "__main__":
    main()
