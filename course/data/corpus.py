"""course_corpus: text to learn words and language models from, invented and real."""

import dataclasses
from collections.abc import Callable

import tensorflow_datasets as tfds

from course.data.generated import Generated, held_out
from course.data.worlds import prose
from course.data.worlds.corpus import sentence


@dataclasses.dataclass
class CorpusConfig(tfds.core.BuilderConfig):
    """Where real paragraphs come from; None draws sentences from the grammar."""

    paragraphs: Callable | None = None


class CourseCorpus(Generated):
    """Sentences or paragraphs of text; test has no sentence in common with train."""

    VERSION = tfds.core.Version("1.0.0")
    BUILDER_CONFIGS = [
        CorpusConfig(
            name="grammar",
            description="Sentences in which analogies hold by construction.",
        ),
        CorpusConfig(
            name="python",
            description="Paragraphs of Python's documentation, from this Python.",
            paragraphs=prose.python,
        ),
        CorpusConfig(
            name="lee",
            description="300 news stories; needs the package gensim.",
            paragraphs=prose.lee,
        ),
    ]
    SPLITS = {"train": 18_000, "test": 2_000}
    SUPERVISED = ("text", "text")  # as lm1b

    def feature_spec(self):
        return {"text": tfds.features.Text()}

    def example(self, rng, split):
        while True:
            text = sentence(rng)
            if held_out(text, 0.1) == (split == "test"):
                return {"text": text}

    def _split_generators(self, dl_manager):
        if self.builder_config.paragraphs is None:
            return super()._split_generators(dl_manager)
        halves = prose.split_in_two(self.builder_config.paragraphs())
        return {
            split: ((place, {"text": text}) for place, text in enumerate(texts))
            for split, texts in zip(self.SPLITS, halves, strict=True)
        }
