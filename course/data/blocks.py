"""course_blocks: graphs whose nodes are to be classified; fields as ogbg_molpcba."""

import tensorflow_datasets as tfds

from course.data.generated import Generated
from course.data.graph_features import example, features
from course.data.worlds.blocks import CLASSES, FEATURES, draw_graph


class CourseBlocks(Generated):
    """Ten graphs a split, of 240 nodes in four classes; each is a task of its own.

    Five nodes of each class are labelled. Features alone and edges alone each say
    little; together they say enough.
    """

    VERSION = tfds.core.Version("1.0.0")
    SPLITS = {"train": 10, "test": 10}

    def feature_spec(self):
        return features(FEATURES, CLASSES)

    def example(self, rng, split):
        return example(draw_graph(rng))
