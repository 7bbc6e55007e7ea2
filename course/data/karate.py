"""course_karate: Zachary's karate club, one real graph; fields as course_blocks."""

import numpy as np
import tensorflow_datasets as tfds

from course.data.graph_features import example, features
from course.data.worlds import karate
from course.data.worlds.blocks import Graph


class CourseKarate(tfds.core.GeneratorBasedBuilder):
    """34 members in two factions, of which only the leaders are labelled.

    A member's features are its own number, one-hot: only the edges say anything.
    """

    VERSION = tfds.core.Version("1.0.0")

    def _info(self):
        return tfds.core.DatasetInfo(
            builder=self,
            description=self.__doc__,
            features=tfds.features.FeaturesDict(features(karate.MEMBERS, 2)),
        )

    def _split_generators(self, dl_manager):
        return {"train": self._generate_examples()}

    def _generate_examples(self):
        leader = np.isin(np.arange(karate.MEMBERS), karate.LEADERS)
        identity = np.eye(karate.MEMBERS, dtype="float32")
        masks = (leader, np.zeros_like(leader), ~leader)
        yield 0, example(Graph(karate.edges(), identity, karate.labels(), *masks))
