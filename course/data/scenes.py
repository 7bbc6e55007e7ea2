"""course_scenes: one world of shapes for boxes, masks, captions and questions."""

import dataclasses

import numpy as np
import tensorflow_datasets as tfds

from course.data.generated import Generated
from course.data.worlds import scene_language, scenes
from course.data.worlds.scenes import COLORS, HELD_OUT, MATERIALS, PAIRS, SEEN, SHAPES


@dataclasses.dataclass
class ScenesConfig(tfds.core.BuilderConfig):
    """How large the images are, and how many things they show.

    Args:
        size: int, pixels of a side.
        least, most: int, things in an image.
        scale: float, how much larger they are, in widths of the image.
        splits: examples a split.
    """

    size: int = 64
    least: int = 0
    most: int = 6
    scale: float = 1.0
    splits: tuple = (("train", 3000), ("test", 500))


class CourseScenes(Generated):
    """Coloured, textured shapes with boxes, masks, captions, questions and answers.

    `single` has one thing an image, for classification. In `held_out` six pairs of
    color and shape occur only in the split `unseen`, and there in every image.
    """

    VERSION = tfds.core.Version("1.0.0")
    BUILDER_CONFIGS = [
        ScenesConfig(name="small", description="64x64, none to six things."),
        ScenesConfig(
            name="tiny",
            description="32x32, one to three things.",
            size=32,
            least=1,
            most=3,
            scale=1.5,
        ),
        ScenesConfig(
            name="single",
            description="32x32, one thing.",
            size=32,
            least=1,
            most=1,
            scale=1.5,
        ),
        ScenesConfig(
            name="held_out",
            description="32x32, one or two things; pairs that training never shows.",
            size=32,
            least=1,
            most=2,
            scale=1.5,
            splits=(("train", 5000), ("test", 500), ("unseen", 500)),
        ),
    ]

    def splits(self):
        return dict(self.builder_config.splits)

    def feature_spec(self):
        size, f = self.builder_config.size, tfds.features
        thing = {
            "bbox": f.BBoxFeature(),
            "label": f.ClassLabel(names=SHAPES),
            "area": np.int64,
            "id": np.int64,
            "is_crowd": np.bool_,
            "color": f.ClassLabel(names=COLORS),
            "material": f.ClassLabel(names=MATERIALS),
            "size": f.ClassLabel(names=scenes.SIZES),
        }
        return {
            "image": f.Image(shape=(size, size, 3)),
            "image/id": np.int64,
            "objects": f.Sequence(thing),
            "instance_mask": f.Image(shape=(size, size, 1)),
            "segmentation_mask": f.Image(shape=(size, size, 1)),
            "captions": f.Sequence({"id": np.int64, "text": f.Text()}),
            "question_answer": f.Sequence({"question": f.Text(), "answer": f.Text()}),
        }

    def example(self, rng, split):
        config = self.builder_config
        count = rng.integers(config.least, config.most + 1)
        pairs = SEEN if config.name == "held_out" else PAIRS
        scene = scenes.draw_scene(rng, config.size, count, pairs, config.scale)
        while split == "unseen" and not shows(scene, HELD_OUT):
            scene = scenes.draw_scene(rng, config.size, count, PAIRS, config.scale)
        told = scene_language.captions(rng, scene)
        # a question that names a held-out pair would tell that the pair is there
        allowed = () if split == "unseen" else pairs
        asked = scene_language.questions(rng, scene, allowed)
        return annotated(scene) | {
            "image/id": int(rng.integers(2**31)),
            "captions": [{"id": i, "text": text} for i, text in enumerate(told)],
            "question_answer": [{"question": q, "answer": a} for q, a in asked],
        }


def shows(scene, pairs):
    return any((thing.color, thing.shape) in pairs for thing in scene.things)


def annotated(scene):
    """Return the image, the objects and the masks of a Scene as an example has them."""
    size = len(scene.image)
    instances, classes = np.zeros((2, size, size, 1), "uint8")
    objects = []
    for i, (thing, seen) in enumerate(zip(scene.things, scene.visible, strict=True)):
        instances[seen] = i + 1
        classes[seen] = SHAPES.index(thing.shape) + 1
        y0, x0, y1, x1 = (int(edge) / size for edge in scene.boxes[i])
        objects.append(
            {
                "bbox": tfds.features.BBox(ymin=y0, xmin=x0, ymax=y1, xmax=x1),
                "label": thing.shape,
                "area": int(seen.sum()),
                "id": i,
                "is_crowd": False,
                "color": thing.color,
                "material": thing.material,
                "size": thing.size,
            }
        )
    masks = {"instance_mask": instances, "segmentation_mask": classes}
    return {"image": scene.image, "objects": objects, **masks}
