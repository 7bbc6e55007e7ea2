"""course_ner: sentences in which the context decides what a name is."""

import tensorflow_datasets as tfds
from tensorflow_datasets.core.dataset_builders.conll import (
    conll_dataset_builder_utils as conll,
)

from course.data.generated import Generated, held_out
from course.data.worlds.ner import STEMS, sentence

UNSEEN = [stem for stem in STEMS if held_out(stem, 0.25)]
SEEN = [stem for stem in STEMS if stem not in UNSEEN]


class CourseNer(Generated):
    """Sentences with entities, words tagged as in CoNLL 2003.

    Any name may be a person's, an organization's, a place's or a film's; the words
    around it tell. No name in test occurs in train.
    """

    VERSION = tfds.core.Version("1.0.0")
    SPLITS = {"train": 4_000, "test": 800}

    def feature_spec(self):
        label = tfds.features.ClassLabel
        return {
            "tokens": tfds.features.Sequence(tfds.features.Text()),
            "pos": tfds.features.Sequence(label(names=conll.POS_TAGS)),
            "ner": tfds.features.Sequence(label(names=conll.NER_TAGS)),
        }

    def example(self, rng, split):
        tokens = sentence(rng, UNSEEN if split == "test" else SEEN)
        texts, pos, ner = zip(*tokens, strict=True)
        return {"tokens": texts, "pos": pos, "ner": ner}
