"""Average precision: three definitions of the area under one curve.

A made-up detector gives scores to right and wrong boxes of 25 objects. The curve of
precision and recall is drawn as it is, and as it is interpolated: at every recall the
best precision at this recall or a higher one. Then the three definitions take their
averages: at 11 recalls, at 101, and over all of them.

Paper: Everingham, Van Gool, Williams, Winn and Zisserman, "The Pascal Visual Object
       Classes (VOC) Challenge", IJCV 2010 (section 4.2)
"""

from pathlib import Path

import numpy as np

from course.bar import Bar
from course.figures import BLACK, BLUE, MARKERS, ORANGE, panels, save
from modules.detection.average_precision import (
    RECALLS,
    average_precision,
    precision_recall,
)

FIGURE = Path(__file__).parents[1] / "figures" / "precision_recall.png"
TRUTHS, FOUND, TIMES = 25, 40, 500
NAMES = {
    "voc_11": "11 recalls (VOC until 2009)",
    "voc": "all recalls (VOC since 2010)",
    "coco": "101 recalls (COCO)",
}


def detections(rng):
    """Return which of the detections are right, from the highest score down."""
    hits = rng.random(FOUND) < np.linspace(0.9, 0.1, FOUND)
    return hits & (np.cumsum(hits) <= TRUTHS)


def envelope(hits):
    """Return recalls from 0 to 1 and the interpolated precision at each."""
    recall, precision = precision_recall(hits, TRUTHS)
    at = np.linspace(0, 1, 1001)
    return at, [precision[recall >= r].max(initial=0) for r in at]


def draw(hits, values, spread, out):
    figure, [[left, right]] = panels(1, 2, size=(5.4, 3.8))
    recall, precision = precision_recall(hits, TRUTHS)
    left.plot(recall, precision, color=BLUE, linewidth=1, label="as it is")
    left.plot(*envelope(hits), color=ORANGE, label="interpolated")
    points = RECALLS["voc_11"]
    best = [precision[recall >= r].max(initial=0) for r in points]
    left.plot(points, best, MARKERS[0], color=BLACK, label="the 11 recalls")
    left.set(xlabel="recall", ylabel="precision", ylim=(0, 1.05))
    left.legend(loc="lower left")
    right.boxplot([spread[k] for k in NAMES], orientation="horizontal", whis=(5, 95))
    right.set_yticks(
        [1, 2, 3], [f"{NAMES[k]}\n{values[k]:.4f} on the left" for k in NAMES]
    )
    right.set(xlabel="difference from the area, 500 detectors")
    save(figure, out)


def main(out=FIGURE):
    rng = np.random.default_rng(3)
    hits = detections(rng)
    values = {k: average_precision(hits, TRUTHS, k) for k in NAMES}
    for key, name in NAMES.items():
        print(f"{name}: {values[key]:.4f}")
    spread, bar = {k: [] for k in NAMES}, Bar(TIMES)
    for _ in range(TIMES):
        other = detections(rng)
        area = average_precision(other, TRUTHS, "voc")
        for key in NAMES:
            spread[key].append(average_precision(other, TRUTHS, key) - area)
        bar.step()
    for key in ("voc_11", "coco"):
        most = np.abs(spread[key]).max()
        print(f"{NAMES[key]}: at most {most:.3f} from the area in {TIMES} detectors")
    draw(hits, values, spread, out)


if __name__ == "__main__":
    main()
