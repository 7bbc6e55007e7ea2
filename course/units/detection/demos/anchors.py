"""Anchors: which of them are to find the things of a scene.

A scene of course_scenes and, for two choices of anchors, those that `match` calls
positive: green where the IoU is 0.7 or more, red and dashed where the anchor is merely
the best that a thing has. With ill chosen sizes most things live by that second rule.

Paper: Ren, He, Girshick and Sun, "Faster R-CNN: Towards Real-Time Object Detection
       with Region Proposal Networks", NeurIPS 2015 (sections 3.1.1 and 3.1.2)
"""

from pathlib import Path

import numpy as np

from course.bar import Bar
from course.data.load import load
from course.figures import boxes, image, panels, save
from modules.detection.anchors import anchor_grid, anchor_sizes
from modules.detection.boxes import convert, iou
from modules.detection.matching import BACKGROUND, IGNORED, match

FIGURE = Path(__file__).parents[1] / "figures" / "anchors.png"
SCENES, SHOWN, SIDE, STRIDE = 100, 1, 64, 8
CHOICES = {
    "one square of 20": anchor_sizes([20], [1]),
    "three scales, three ratios": anchor_sizes([12, 18, 26], [0.6, 1, 1.7]),
}


def scenes():
    """Yield image and boxes (N, 4) in pixels of scenes with at least one thing."""
    for scene in load("course_scenes/small", "test").take(SCENES).as_numpy_iterator():
        things = np.asarray(convert(SIDE * scene["objects"]["bbox"], "yxyx"))
        if len(things):
            yield scene["image"], things


def matched(sizes, things, positive=0.7):
    """Return the anchors, what each is matched with, and their overlaps."""
    grid = anchor_grid(sizes, SIDE // STRIDE, SIDE // STRIDE, STRIDE)
    overlaps = np.asarray(iou(grid, things))
    found = match(overlaps, np.ones(len(things), bool), positive)
    return np.asarray(grid), np.asarray(found), overlaps


def tell(name, sizes, world, bar):
    """Print the kinds of anchors over all scenes, and how the things are served."""
    counts, good, served, total = np.zeros(3, int), 0, 0, 0
    for _, things in world:
        _, found, overlaps = matched(sizes, things)
        kinds = found >= 0, found == BACKGROUND, found == IGNORED
        counts += [kind.sum() for kind in kinds]
        good += (overlaps.max(axis=0) >= 0.7).sum()
        served += len(set(found[found >= 0]))
        total += len(things)
        bar.step()
    share = 100 * counts / counts.sum()
    print(f"{name}: positive {share[0]:.2f} %, background {share[1]:.1f} %,", end=" ")
    print(f"ignored {share[2]:.1f} %")
    print(f"  {100 * good / total:.1f} % of the things have an anchor of IoU >= 0.7,")
    print(f"  {100 * served / total:.1f} % have a positive one")


def draw(picture, things, out):
    figure, [axes] = panels(1, 4, size=(3.3, 3.5))
    image(axes[0], picture, f"{len(things)} things")
    boxes(axes[0], things, [""] * len(things))
    grid, _, _ = matched(CHOICES["three scales, three ratios"], things)
    image(axes[1], 0 * picture + 255, "the nine of one position")
    boxes(axes[1], grid.reshape(8, 8, 9, 4)[3, 3], [""] * 9)
    for axis, (name, sizes) in zip(axes[2:], CHOICES.items(), strict=True):
        grid, found, overlaps = matched(sizes, things)
        mine = np.flatnonzero(found >= 0)
        image(axis, picture, f"{name}:\n{len(mine)} positive of {len(grid)}")
        boxes(axis, grid[mine], [""] * len(mine), overlaps[mine].max(axis=1) >= 0.7)
        axis.set(xlim=(-0.5, SIDE - 0.5), ylim=(SIDE - 0.5, -0.5))
    save(figure, out)


def main(out=FIGURE):
    world = list(scenes())
    bar = Bar(len(CHOICES) * len(world))
    for name, sizes in CHOICES.items():
        tell(name, sizes, world, bar)
    draw(*world[SHOWN], out)


if __name__ == "__main__":
    main()
