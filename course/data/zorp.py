"""course_zorp: English sentences and their translation into an invented language."""

import dataclasses

import tensorflow_datasets as tfds

from course.data.generated import Generated, held_out
from course.data.worlds.zorp import Draw, zorp
from course.data.worlds.zorp_english import english
from course.data.worlds.zorp_words import COMPOUNDS

RARE = sorted(COMPOUNDS)
UNSEEN = [c for c in RARE if held_out(c, 0.25)]
SEEN = [c for c in RARE if c not in UNSEEN]


@dataclasses.dataclass
class ZorpConfig(tfds.core.BuilderConfig):
    """How long sentences are, and how many of them join two clauses.

    Args:
        most: int, English words in a sentence of any split but `longer`.
        most_longer: int, English words in a sentence of `longer`.
        joined: float, share of sentences of two clauses before those that are too
            long are left out.
    """

    most: int = 16
    most_longer: int = 24
    joined: float = 0.3


class CourseZorp(Generated):
    """English and Zorp; the true translation of each sentence is known.

    train and test have the same grammar and words, and no sentence in common.
    longer has longer sentences than the others, compounds has compound nouns that
    occur in no other split.
    """

    VERSION = tfds.core.Version("1.0.0")
    BUILDER_CONFIGS = [
        ZorpConfig(name="full", description="Sentences of 5 to 16 English words."),
        ZorpConfig(
            name="short",
            description="Single clauses of 5 to 9 English words.",
            most=9,
            most_longer=14,
            joined=0.0,
        ),
    ]
    SPLITS = {"train": 12_000, "test": 1_000, "longer": 500, "compounds": 500}
    SUPERVISED = ("en", "zorp")

    def feature_spec(self):
        return tfds.features.Translation(languages=self.SUPERVISED)

    def example(self, rng, split):
        compounds = UNSEEN if split == "compounds" else SEEN
        draw = Draw(rng, compounds, self.builder_config.joined)
        while True:
            sentence = draw.sentence()
            text = english(sentence)
            if self.belongs(text, split):
                return {"en": text, "zorp": zorp(sentence)}

    def belongs(self, text, split):
        """Tell whether an English sentence may be an example of a split."""
        words, limit = len(text.split()), self.builder_config
        if split == "longer":
            return limit.most < words <= limit.most_longer
        if split == "compounds":
            return words <= limit.most and any(word in text for word in UNSEEN)
        return words <= limit.most and held_out(text, 0.1) == (split == "test")
