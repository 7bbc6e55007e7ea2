"""Non-maximum suppression: many boxes for every thing, and what is left of them.

A detector finds the same thing many times. Here a made-up one does: for each thing in a
scene of course_scenes it gives six boxes that miss by a few pixels, the scores of which
tell roughly how well they fit, and some boxes around nothing. Average precision, over
60 scenes, is taken before suppression and after it, for several thresholds: a low one
deletes things that stand close together, a high one leaves second boxes. In the figure
a box is green if its IoU with a thing is 0.5 or more.

Paper: Girshick, Donahue, Darrell and Malik, "Rich Feature Hierarchies for Accurate
       Object Detection and Semantic Segmentation", CVPR 2014 (section 2.2)
"""

from pathlib import Path

import numpy as np

from course.bar import Bar
from course.data.load import load
from course.figures import boxes, curves, image, panels, save
from modules.detection.average_precision import evaluate
from modules.detection.boxes import convert, iou
from modules.detection.non_maximum_suppression import non_maximum_suppression

FIGURE = Path(__file__).parents[1] / "figures" / "suppression.png"
THRESHOLDS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
SCENES, SHOWN = 60, 1
EACH, STRAY = 6, 4  # boxes for a thing, boxes for nothing


def scenes():
    """Yield image, boxes (N, 4) in pixels, and classes (N,)."""
    for scene in load("course_scenes/small", "test").take(SCENES).as_numpy_iterator():
        size = scene["image"].shape[0]
        things = np.asarray(convert(size * scene["objects"]["bbox"], "yxyx"))
        yield scene["image"], things, scene["objects"]["label"]


def noisy(rng, things, labels):
    """Return boxes, scores and classes of a detector that is nearly right."""
    near = np.repeat(things, EACH, axis=0)
    near = near + rng.normal(scale=1.8, size=near.shape)
    corners, sizes = rng.uniform(0, 48, (STRAY, 2)), rng.uniform(8, 24, (STRAY, 2))
    stray = np.concatenate([corners, corners + sizes], axis=1)
    found = np.concatenate([near, stray]).astype("float32")
    fit = np.asarray(iou(found, things)).max(axis=1, initial=0)
    scores = np.clip(fit + rng.normal(scale=0.12, size=len(found)), 0.01, 0.99)
    classes = np.concatenate([np.repeat(labels, EACH), rng.integers(6, size=STRAY)])
    return found, scores.astype("float32"), classes


def suppressed(found, threshold, by_class=True):
    """Return what remains in every scene: boxes, scores and classes.

    All scenes go at once: those of different scenes are like different classes.
    """
    scene = np.repeat(np.arange(len(found)), [len(scores) for _, scores, _ in found])
    places, scores, classes = (np.concatenate(a) for a in zip(*found, strict=True))
    group = 6 * scene + classes if by_class else scene
    kept = non_maximum_suppression(places, scores, group, len(scores), threshold)
    kept = np.asarray(kept)
    kept = kept[kept >= 0]
    mine = [kept[scene[kept] == i] for i in range(len(found))]
    return [(places[at], scores[at], classes[at]) for at in mine]


def precision(found, world):
    """Return the average precision at IoU 0.5, in %."""
    columns = zip(*found, strict=True)
    names = ("boxes", "scores", "classes")
    detections = dict(zip(names, map(list, columns), strict=True))
    truths = {"boxes": [b for _, b, _ in world], "classes": [c for _, _, c in world]}
    return 100 * evaluate(detections, truths, [0.5])["AP"]


def draw(scene, before, after, found, raw, out):
    figure, [axes] = panels(1, 3, size=(3.6, 3.5))
    picture, things, _ = scene
    titles = f"{len(before)} boxes", f"{len(after)} after suppression at 0.5"
    for axis, places, title in zip(axes, (before, after), titles, strict=False):
        image(axis, picture, title)
        right = np.asarray(iou(places, things)).max(axis=1) >= 0.5
        boxes(axis, places, [""] * len(places), right)
    lines = {**found, "no suppression": [raw] * len(THRESHOLDS)}
    names = "IoU from which on a box is suppressed", "average precision (%)"
    curves(axes[2], THRESHOLDS, lines, *names)
    axes[2].legend(loc="center", bbox_to_anchor=(0.45, 0.4))
    save(figure, out)


def main(out=FIGURE):
    rng = np.random.default_rng(0)
    world = list(scenes())
    raw = [noisy(rng, things, labels) for _, things, labels in world]
    bar = Bar(2 * len(THRESHOLDS))
    lines = {"each class for itself": [], "all classes together": []}
    for name, values in lines.items():
        for threshold in THRESHOLDS:
            found = suppressed(raw, threshold, name.startswith("each"))
            values.append(precision(found, world))
            bar.step()
    nothing = precision(raw, world)
    before = raw[SHOWN]
    after = suppressed([before], 0.5)[0]
    print(f"a scene of {len(world[SHOWN][1])} things: {len(before[0])} boxes before")
    print(f"suppression at 0.5, {len(after[0])} after it")
    print(
        f"average precision over {SCENES} scenes: {nothing:.1f} % without suppression"
    )
    for name, values in lines.items():
        said = " ".join(f"{value:.1f}" for value in values)
        print(f"{name}, thresholds 0.1 to 0.9: {said}")
    draw(world[SHOWN], before[0], after[0], lines, nothing, out)


if __name__ == "__main__":
    main()
