"""Region proposals: where a small network suspects things, before and after training.

A region proposal network with a backbone of three convolutions learns scenes of
course_scenes for a few epochs. It is never told what a thing is, only where things are.
The figure shows its ten best boxes of two scenes it has not seen, and the share of
things that the best n boxes contain, with IoU >= 0.5.

Paper: Ren, He, Girshick and Sun, "Faster R-CNN: Towards Real-Time Object Detection
       with Region Proposal Networks", NeurIPS 2015 (sections 3.1 and 3.3)
"""

from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from course.bar import Bar
from course.data.load import load
from course.figures import boxes, curves, image, panels, save
from modules.detection.boxes import convert, iou
from modules.detection.region_proposal_network import RegionProposalNetwork

FIGURE = Path(__file__).parents[1] / "figures" / "proposals.png"
EPOCHS, SIDE, MOST = 4, 64, 6
COUNTS = (1, 2, 5, 10, 20, 50)
SHOWN = (1, 5)


def data(split):
    """Return images (B, H, W, 3), and boxes (B, 6, 4) and classes padded with -1."""
    found = list(load("course_scenes/small", split).as_numpy_iterator())
    places = np.zeros((len(found), MOST, 4), "float32")
    classes = np.full((len(found), MOST), -1)
    for i, scene in enumerate(found):
        count = len(scene["objects"]["label"])
        classes[i, :count] = scene["objects"]["label"]
        if count:
            places[i, :count] = convert(SIDE * scene["objects"]["bbox"], "yxyx")
    images = np.stack([scene["image"] for scene in found]).astype("float32") / 255
    return images, {"boxes": places, "classes": classes}


def network():
    backbone = keras.Sequential([keras.Input((None, None, 3))], name="backbone")
    for filters in (16, 32, 64):
        backbone.add(layers.Conv2D(filters, 3, 2, "same", use_bias=False))
        backbone.add(layers.BatchNormalization(momentum=0.9))
        backbone.add(layers.ReLU())
    options = {"filters": 64, "positive": 0.6, "sampled": 64, "weight": 5.0}
    return RegionProposalNetwork(backbone, 8, (12, 18, 26), across=True, **options)


def recalls(model, images, truth):
    """Return the share of things, in %, among the first n proposals; and these."""
    found = model.propose(images, max_output=COUNTS[-1])["boxes"]
    overlaps = np.asarray(iou(found, truth["boxes"]))  # (B, 50, 6)
    there = truth["classes"] >= 0
    hit = [(overlaps[:, :n].max(axis=1) >= 0.5)[there].mean() for n in COUNTS]
    return 100 * np.array(hit), np.asarray(found)


def draw(images, truth, found, lines, out):
    figure, [axes] = panels(1, 3, size=(4.0, 3.9))
    for axis, i in zip(axes, SHOWN, strict=False):
        image(axis, images[i], "the ten best boxes")
        best = found[i, :10]
        hits = np.asarray(iou(best, truth["boxes"][i])).max(axis=1) >= 0.5
        boxes(axis, best, [""] * 10, hits)
    curves(axes[2], COUNTS, lines, "boxes per scene", "things found (%)")
    axes[2].set_ylim(0, 100)
    save(figure, out)


def main(out=FIGURE):
    tf.config.experimental.enable_op_determinism()
    keras.utils.set_random_seed(0)
    images, truth = data("train[:1200]")
    unseen, there = data("test[:100]")
    model = network()
    model.compile(keras.optimizers.Adam(3e-3))
    lines = {"untrained": recalls(model, unseen, there)[0]}
    model.fit(images, truth, 32, EPOCHS, verbose=0, callbacks=[Bar(EPOCHS)])
    lines["trained"], found = recalls(model, unseen, there)
    for name, values in lines.items():
        said = ", ".join(f"{v:.1f} at {n}" for v, n in zip(values, COUNTS, strict=True))
        print(f"{name}: recall in % with IoU >= 0.5: {said} proposals")
    draw(unseen, there, found, lines, out)


if __name__ == "__main__":
    main()
