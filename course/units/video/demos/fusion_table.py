"""What one frame knows of motion, and what each fusion of frames does: a table as bars.

In course_motion the class is the motion alone. The same small tower is trained five
times: on the middle frame, with early, late and slow fusion, and on the stacked exact
optical flow. The figure shows a clip and its flow, and the accuracies on unseen clips.

Paper: Karpathy et al., "Large-scale Video Classification with Convolutional Neural
       Networks", CVPR 2014 (section 3.1); Simonyan and Zisserman, "Two-Stream
       Convolutional Networks", NeurIPS 2014 (section 3)
"""

from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from course.bar import Bar
from course.data.load import load
from course.figures import BLUE, flow_colours, image, plt, save
from modules.video.flow_stacking import stack_flow, stream
from modules.video.fusion import (
    early_fusion,
    fusion_network,
    late_fusion,
    single_frame,
    slow_fusion,
)
from modules.video.group_norm import GroupNorm
from modules.video.tower import Stage

FIGURE = Path(__file__).parents[1] / "figures" / "fusion_table.png"
PLAN = (
    Stage(8, 5, 2, norm=True),
    Stage(32, 3, 2, norm=True),
    Stage(32, 3, 2, norm=True),
)
TASK = {"plan": PLAN, "units": (64,), "num_classes": 8}
MODELS = {  # the fusion, None for stacked flow; epochs
    "single frame": (single_frame(), 3),
    "late": (late_fusion(gap=4), 9),
    "early": (early_fusion(8), 5),
    "slow": (slow_fusion(8, strides=(2, 1, 1)), 5),
    "stacked flow": (None, 2),
}
CHANCE, BATCH = 12.5, 32


def data(split):
    """Return grey clips about 0 (N, 8, 32, 32, 1), stacks (N, 32, 32, 14), labels."""
    clips = load("course_motion", split, batch_size=-1)
    grey = np.asarray(clips["video"], "float32").mean(axis=-1, keepdims=True) / 255
    grey -= grey.mean(axis=(1, 2, 3, 4), keepdims=True)
    return grey, np.asarray(stack_flow(clips["flow"])), np.asarray(clips["label"])


def shifted(x, rng):
    """Return every clip moved somewhere else: space is a torus, the class stays."""
    moves = rng.integers(32, size=(len(x), 2))
    return np.stack(
        [np.roll(c, m, axis=(-3, -2)) for c, m in zip(x, moves, strict=True)]
    )


def accuracy(fusion, epochs, train, test, bar):
    """Train one network, and return its accuracy on unseen clips in %."""
    keras.utils.set_random_seed(0)
    (x, y), rng = train, np.random.default_rng(0)
    options = {**TASK, "input_shape": x.shape[1:], "norm": lambda: GroupNorm(8)}
    model = fusion_network(fusion, **options) if fusion else stream(**options)
    rate = keras.optimizers.schedules.CosineDecay(4e-3, epochs * len(y) // BATCH + 1)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    options = {"metrics": ["accuracy"], "jit_compile": False}
    model.compile(keras.optimizers.Adam(rate), loss, **options)
    for _ in range(epochs):
        model.fit(shifted(x, rng), y, BATCH, verbose=0, callbacks=[bar])
    return 100 * model.evaluate(*test, verbose=0)[1], model.count_params()


def draw(clip, found, out):
    figure = plt.figure(figsize=(10, 3.2))
    grid = figure.add_gridspec(2, 6, width_ratios=[1, 1, 1, 1, 0.5, 4])
    for column, t in enumerate((0, 2, 4, 6)):
        above, below = (figure.add_subplot(grid[row, column]) for row in (0, 1))
        image(above, clip["video"][t], f"frame {t}")
        image(below, flow_colours(clip["flow"][t]))
        if not column:
            above.set_ylabel("clip")
            below.set_ylabel("its flow")
    axis = figure.add_subplot(grid[:, 5])
    axis.barh(list(found)[::-1], list(found.values())[::-1], color=BLUE)
    axis.axvline(CHANCE, color="black", linestyle="--", label="chance")
    axis.set(xlim=(0, 100), xlabel="accuracy on unseen clips, %")
    axis.grid(axis="y", visible=False)
    axis.legend(loc="upper right")
    save(figure, out)


def main(out=FIGURE):
    tf.config.experimental.enable_op_determinism()
    (clips, stacks, labels), test = data("train"), data("test")
    bar, found = Bar(sum(epochs for _, epochs in MODELS.values())), {}
    for name, (fusion, epochs) in MODELS.items():
        kind = 0 if fusion else 1
        train, unseen = ((clips, stacks)[kind], labels), (test[kind], test[2])
        found[name], weights = accuracy(fusion, epochs, train, unseen, bar)
        print(f"{name}: {found[name]:.1f} % of unseen clips, {weights:,} weights")
    shown = load("course_motion", "test", batch_size=-1)
    first = np.flatnonzero(np.asarray(shown["label"]) == 4)[0]  # it spins
    draw({k: np.asarray(shown[k][first]) for k in ("video", "flow")}, found, out)


if __name__ == "__main__":
    main()
