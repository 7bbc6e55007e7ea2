"""course_sentiment: film reviews in which negation and contrast decide, with trees."""

import tensorflow_datasets as tfds

from course.data.generated import Generated, held_out, seeded
from course.data.worlds.sentiment_draw import Draw


class CourseSentiment(Generated):
    """Film reviews, positive or negative, with a tree that says why.

    minimal_pairs holds for each review one with the same words in another order
    and the opposite label. No review of test or minimal_pairs is a reordering of
    one in train.
    """

    VERSION = tfds.core.Version("1.0.0")
    SPLITS = {"train": 6_000, "test": 1_000, "minimal_pairs": 1_000}
    SUPERVISED = ("text", "label")

    def feature_spec(self):
        return {
            "text": tfds.features.Text(),
            "label": tfds.features.ClassLabel(names=["neg", "pos"]),
            "tree": tfds.features.Text(),
        }

    def example(self, rng, split):
        draw, positive = Draw(rng), bool(rng.integers(2))
        while True:
            tree = draw.review(positive)
            if _is_held_out(tree) == (split == "test"):
                return _as_example(tree)

    def _generate_examples(self, split, count):
        if split != "minimal_pairs":
            yield from super()._generate_examples(split, count)
            return
        for index in range(0, count, 2):
            draw = Draw(seeded(self.name, self.version, split, index))
            pair = draw.pair()
            while not _is_held_out(pair[0]):
                pair = draw.pair()
            for place, tree in enumerate(pair):
                yield index + place, _as_example(tree)


def _is_held_out(tree):
    """Tell whether the words, in any order, are for the test only."""
    return held_out(" ".join(sorted(tree.text.split())), 0.2)


def _as_example(tree):
    label = "pos" if tree.label > 2 else "neg"
    return {"text": tree.text, "label": label, "tree": str(tree)}
