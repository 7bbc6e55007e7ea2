"""course_interface: real English and French texts of JupyterLab's interface."""

import json
import re

import tensorflow_datasets as tfds

from course.data.installed import Installed


class CourseInterface(Installed):
    """Labels, messages and explanations of JupyterLab, translated by volunteers."""

    VERSION = tfds.core.Version("1.0.0")
    SUPERVISED = ("en", "fr")
    SOURCE = "https://github.com/jupyterlab/language-packs"
    REQUIREMENT = "jupyterlab-language-pack-fr-FR==4.5.post3"
    PACKAGE = "jupyterlab_language_pack_fr_FR"
    FILES = "locale/fr_FR/LC_MESSAGES/*.json"

    def feature_spec(self):
        return tfds.features.Translation(languages=self.SUPERVISED)

    def examples(self, paths):
        for path in paths:
            messages = json.loads(path.read_text("utf-8"))
            messages.pop("")  # about the file itself
            for key, (french, *_) in messages.items():  # more: French plurals
                english = key.split("\x04")[-1].strip()  # before it: the context
                french = french.strip()
                if is_translation(english, french):
                    yield english, {"en": english, "fr": french}


def is_translation(english, french):
    """Tell whether two texts are one line each, differ, and have the same gaps.

    A gap is what the program fills in: "Kernel Id: %1".
    """
    if not english or not french or english == french or "\n" in english + french:
        return False
    first, second = (sorted(set(re.findall(r"%\d", t))) for t in (english, french))
    return first == second
