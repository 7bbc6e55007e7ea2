"""Our networks against independent ones of the same size: forward and training step.

A network is compared by adding a line to TABLE. Each of five rounds starts one fresh
process for ours and one for theirs, in turns; a process warms up, then takes the median
of its steps. The ratio is the median of the rounds' ratios, so that a machine that
slows down or speeds up in between favours neither.

`python -m tests.benchmarks.networks LINE SIDE` is one such process.
"""

import importlib
import json
import statistics
import sys
from dataclasses import dataclass, field

from tests.benchmarks.measure import Row, median_seconds, python

ROUNDS = 5
LIMIT = 1.10


@dataclass(frozen=True)
class Pair:
    """Two makers of the same network, from images to logits.

    Args:
        ours, theirs: (dotted name, keyword arguments); input_shape is added.
        shape: of one input.
        batch: inputs at a time.
        classes: number of logits.
    """

    ours: tuple
    theirs: tuple
    shape: tuple
    batch: int
    classes: int = 1000
    steps: dict = field(default_factory=lambda: {"forward": 40, "training step": 15})


KERAS = {"weights": None, "classifier_activation": None}
TABLE = {
    "ResNet-50, 64 x 64, batch 8": Pair(
        ("modules.vision.classification.residual.resnet", {"depth": 50}),
        ("keras.applications.ResNet50", KERAS),
        shape=(64, 64, 3),
        batch=8,
    ),
    "VGG-16, 64 x 64, batch 4": Pair(
        ("modules.vision.classification.vgg.vgg", {"depth": 16, "rate": 0.0}),
        ("keras.applications.VGG16", KERAS),
        shape=(64, 64, 3),
        batch=4,
        steps={"forward": 20, "training step": 8},
    ),
    "DenseNet-121, 64 x 64, batch 8": Pair(
        ("modules.vision.classification.densenet.densenet", {"depth": 121}),
        ("keras.applications.DenseNet121", KERAS),
        shape=(64, 64, 3),
        batch=8,
    ),
    "MobileNetV2, 96 x 96, batch 8": Pair(
        ("modules.vision.efficient.inverted_residual.mobilenet_v2", {}),
        ("keras.applications.MobileNetV2", KERAS),
        shape=(96, 96, 3),
        batch=8,
    ),
}


def networks():
    """Compare every pair of the table."""
    for line, pair in TABLE.items():
        sides = ("ours", "theirs")
        found = {side: [] for side in sides}
        for turn in range(ROUNDS):
            for side in sides[:: 1 if turn % 2 else -1]:
                said = python("-m", "tests.benchmarks.networks", line, side)
                found[side].append(json.loads(said.splitlines()[-1]))
        for step in pair.steps:
            ours, theirs = ([run[step] for run in found[side]] for side in sides)
            yield compared(f"{line}, {step}", ours, theirs)


def compared(what, ours, theirs):
    """Return the Row of two lists of seconds, taken in turns."""
    ratio = statistics.median(o / t for o, t in zip(ours, theirs, strict=True))
    mine, other = (1000 * statistics.median(times) for times in (ours, theirs))
    measured = f"{ratio:.2f} ({mine:.0f} ms against {other:.0f} ms)"
    return Row(what, measured, f"at most {LIMIT:.2f}", ratio <= LIMIT)


def timed(pair, side):
    """Return the median seconds of each kind of step, in this process."""
    import keras
    import numpy as np

    path, options = getattr(pair, side)
    module, _, name = path.rpartition(".")
    make = getattr(importlib.import_module(module), name)
    model = make(input_shape=pair.shape, **options)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.SGD(0.01), loss, jit_compile=False)
    rng = np.random.default_rng(0)
    x = rng.normal(size=(pair.batch, *pair.shape)).astype("float32")
    y = rng.integers(pair.classes, size=pair.batch)
    steps = {
        "forward": lambda: model.predict_on_batch(x),
        "training step": lambda: model.train_on_batch(x, y),
    }
    found = {}
    for step, times in pair.steps.items():
        median_seconds(2, steps[step])  # traces, and allocates
        found[step] = median_seconds(times, steps[step])
    return found


if __name__ == "__main__":
    print(json.dumps(timed(TABLE[sys.argv[1]], sys.argv[2])))
