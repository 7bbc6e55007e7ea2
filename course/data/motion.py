"""course_motion: clips whose class is the motion alone; features as TFDS ucf101."""

import numpy as np
import tensorflow_datasets as tfds

from course.data.generated import Generated
from course.data.worlds.motion import CLASSES, FRAMES, SIZE, draw_clip


class CourseMotion(Generated):
    """One object moves on a still ground; 2,000 clips to train on and 400 to test on.

    `flow` is the exact optical flow (dx, dy) in pixels from each frame to the next,
    at the pixels of the object; it is 0 on the ground.
    """

    VERSION = tfds.core.Version("1.0.0")
    SPLITS = {"train": 2000, "test": 400}

    def feature_spec(self):
        flow_shape = (FRAMES - 1, SIZE, SIZE, 2)
        return {
            "video": tfds.features.Video(shape=(FRAMES, SIZE, SIZE, 3)),
            "label": tfds.features.ClassLabel(names=CLASSES),
            "flow": tfds.features.Tensor(
                shape=flow_shape, dtype=np.float32, encoding="zlib"
            ),
        }

    def example(self, rng, split):
        label = int(rng.integers(len(CLASSES)))
        video, flow = draw_clip(rng, CLASSES[label])
        return {"video": video, "label": label, "flow": flow}
