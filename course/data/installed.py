"""The builder that our optional real sets share: texts out of an installed package."""

import tensorflow_datasets as tfds

from course.data.generated import held_out
from course.data.packages import package_files


class Installed(tfds.core.GeneratorBasedBuilder, skip_registration=True):
    """Texts that an optional package brings along; it is read and never imported.

    A subclass names its VERSION, SUPERVISED, SOURCE, REQUIREMENT (what pip installs),
    PACKAGE (its folder) and FILES (a pattern in it), and yields its examples from
    `examples`. A seventh of the texts are for the test, whatever the others are.
    """

    def feature_spec(self):
        """Return the features of one example, a dict as FeaturesDict takes it."""
        raise NotImplementedError

    def examples(self, paths):
        """Yield (text, example); of equal texts the first one counts."""
        raise NotImplementedError

    def files(self):
        """Return the paths of the files, in order.

        Raises:
            ModuleNotFoundError: they are not installed.
        """
        return package_files(self.PACKAGE, self.FILES, self.REQUIREMENT)

    def download_and_prepare(self, **kwargs):
        self.files()  # here, so that the error's traceback ends in this file
        super().download_and_prepare(**kwargs)

    def _info(self):
        return tfds.core.DatasetInfo(
            builder=self,
            description=self.__doc__,
            features=tfds.features.FeaturesDict(self.feature_spec()),
            supervised_keys=self.SUPERVISED,
            homepage=self.SOURCE,
        )

    def _split_generators(self, dl_manager):
        examples = {}
        for text, example in self.examples(self.files()):
            examples.setdefault(text, example)
        splits = {"train": {}, "test": {}}
        for text, example in examples.items():
            splits["test" if held_out(text, 1 / 7) else "train"][text] = example
        return {s: self._generate_examples(part) for s, part in splits.items()}

    def _generate_examples(self, examples):
        yield from examples.items()
