"""The builder that our generated sets share: every example has a seed of its own."""

import hashlib

import numpy as np
import tensorflow_datasets as tfds
from rich.console import Console
from rich.progress import track


class Generated(tfds.core.GeneratorBasedBuilder, skip_registration=True):
    """Examples drawn from a seed that follows from their name, split and place.

    The same name, version and config give the same examples on every machine, and
    example 17 does not change when there are more of them. A subclass names its
    VERSION, its SPLITS (examples a split) and draws each example in `example`.
    """

    SPLITS = {}
    SUPERVISED = None  # the pair of features that as_supervised=True returns

    def feature_spec(self):
        """Return the features of one example, a FeaturesDict or what it takes."""
        raise NotImplementedError

    def example(self, rng, split):
        """Return one example, drawn with rng, a NumPy Generator."""
        raise NotImplementedError

    def splits(self):
        """Return examples a split, where the config decides."""
        return self.SPLITS

    def _info(self):
        spec = self.feature_spec()
        if isinstance(spec, dict):
            spec = tfds.features.FeaturesDict(spec)
        return tfds.core.DatasetInfo(
            builder=self,
            description=self.__doc__,
            features=spec,
            supervised_keys=self.SUPERVISED,
        )

    def _split_generators(self, dl_manager):
        return {s: self._generate_examples(s, n) for s, n in self.splits().items()}

    def _generate_examples(self, split, count):
        config = self.builder_config.name if self.builder_config else ""
        for index in counted(count, split):
            rng = seeded(self.name, config, self.version, split, index)
            yield index, self.example(rng, split)


def counted(count, what):
    """Return range(count), with a bar on a terminal that shows how far it is."""
    console = Console(stderr=True)
    look = {"console": console, "transient": True, "disable": not console.is_terminal}
    return track(range(count), what, **look)


def seeded(*words):
    """Return a NumPy Generator whose seed follows from the words alone."""
    digest = hashlib.sha256("/".join(map(str, words)).encode()).digest()
    return np.random.default_rng(np.frombuffer(digest, "uint32"))


def held_out(key, share):
    """Tell whether a text belongs to the held-out share; always the same answer.

    A generator that draws until `held_out(key, share) == (split == "test")` has
    splits that share no key.
    """
    digest = hashlib.sha256(key.encode()).digest()
    return int.from_bytes(digest[:4], "big") < share * 2**32
