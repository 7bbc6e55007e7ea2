"""Non-maximum suppression of 100,000 boxes, against keras-hub's layer.

`python -m tests.benchmarks.suppression SIDE` is one process of the comparison: both
keep the same 100 boxes, or it ends with an error.
"""

import json
import sys

from tests.benchmarks.measure import median_seconds, python
from tests.benchmarks.networks import ROUNDS, compared

BOXES, KEPT, THRESHOLD = 100_000, 100, 0.5
SIDES = ("ours", "theirs")


def suppression():
    """Compare the two in fresh processes, in turns."""
    found = {side: [] for side in SIDES}
    for turn in range(ROUNDS):
        for side in SIDES[:: 1 if turn % 2 else -1]:
            said = python("-m", "tests.benchmarks.suppression", side)
            found[side].append(json.loads(said.splitlines()[-1]))
    kept = [run["kept"] for runs in found.values() for run in runs]
    if any(other != kept[0] for other in kept):
        raise RuntimeError("the two do not keep the same boxes")
    times = ([run["seconds"] for run in found[side]] for side in SIDES)
    yield compared(f"NMS of {BOXES:,} boxes", *times)


def drawn():
    """Return boxes (N, 4) that overlap much, within 200 x 200, and their scores."""
    import numpy as np

    rng = np.random.default_rng(0)
    corner = rng.uniform(0, 150, size=(BOXES, 2))
    size = rng.uniform(5, 50, size=(BOXES, 2))
    boxes = np.concatenate([corner, corner + size], axis=1).astype("float32")
    return boxes, rng.permutation(np.linspace(0.01, 0.99, BOXES)).astype("float32")


def timed(side):
    """Return the median seconds of a call, and the scores of the kept boxes."""
    import numpy as np
    from keras import ops

    boxes, scores = map(ops.convert_to_tensor, drawn())
    if side == "ours":
        from modules.detection.non_maximum_suppression import non_maximum_suppression

        def run():
            limits = {"max_output": KEPT, "iou_threshold": THRESHOLD}
            found = non_maximum_suppression(boxes, scores, **limits)
            return ops.take(scores, found)
    else:
        import keras_hub

        layer = keras_hub.layers.NonMaxSuppression(
            "xyxy", False, THRESHOLD, confidence_threshold=0.0, max_detections=KEPT
        )

        def run():
            return layer(boxes[None], scores[None, :, None])["confidence"][0]

    kept = np.array(run(), "float64").round(5).tolist()  # also warms up
    return {"seconds": median_seconds(7, run), "kept": kept}


if __name__ == "__main__":
    print(json.dumps(timed(sys.argv[1])))
