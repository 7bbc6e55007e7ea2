"""course_sprites: grey sprites with their factors of variation; fields as dsprites."""

import numpy as np
import tensorflow_datasets as tfds

from course.data.generated import Generated, held_out
from course.data.worlds import sprites

NAMES = {"x": "x_position", "y": "y_position"}  # as dsprites calls them


class CourseSprites(Generated):
    """One white shape on black, 32x32: 13,824 possible pictures, equally likely.

    Five factors are independent: shape, scale, orientation and the two coordinates.
    No sprite of test is in train.
    """

    VERSION = tfds.core.Version("1.0.0")
    SPLITS = {"train": 5000, "test": 1000}

    def feature_spec(self):
        size = sprites.SIZE
        spec = {"image": tfds.features.Image(shape=(size, size, 1))}
        for factor, count in sprites.COUNTS.items():
            name = NAMES.get(factor, factor)
            spec[f"label_{name}"] = tfds.features.ClassLabel(num_classes=count)
            spec[f"value_{name}"] = tfds.features.Tensor(shape=(), dtype=np.float32)
        return spec

    def example(self, rng, split):
        sprite = sprites.draw_sprite(rng)
        while held_out(str(sprite), 1 / 6) != (split == "test"):
            sprite = sprites.draw_sprite(rng)
        numbers = {NAMES.get(k, k): v for k, v in vars(sprite).items()}
        return {
            "image": sprites.render(sprite),
            **{f"label_{name}": number for name, number in numbers.items()},
            **{f"value_{k}": np.float32(v) for k, v in sprite.values.items()},
        }
