"""The builder that our small sets of labelled images share; features as TFDS mnist."""

import numpy as np
import tensorflow_datasets as tfds


class LabelledImages(tfds.core.GeneratorBasedBuilder, skip_registration=True):
    """Images held in memory, split into train and test the same way every time.

    A subclass names its VERSION, SHAPE, TEST_PER_CLASS and SOURCE, and returns its
    arrays from `arrays`.
    """

    def arrays(self):
        """Return images, (N, H, W, C) uint8, and labels, (N,) int from 0 to 9."""
        raise NotImplementedError

    def _info(self):
        return tfds.core.DatasetInfo(
            builder=self,
            description=self.__doc__,
            features=tfds.features.FeaturesDict(
                {
                    "image": tfds.features.Image(shape=self.SHAPE),
                    "label": tfds.features.ClassLabel(num_classes=10),
                }
            ),
            supervised_keys=("image", "label"),
            homepage=self.SOURCE,
        )

    def _split_generators(self, dl_manager):
        images, labels = self.arrays()
        order = np.random.default_rng(0).permutation(len(labels))
        # Position of each example within its class, in the shuffled order.
        rank = np.empty(len(labels), int)
        for label in range(10):
            members = order[labels[order] == label]
            rank[members] = np.arange(len(members))
        test = rank < self.TEST_PER_CLASS
        return {
            "train": self._generate_examples(images[~test], labels[~test]),
            "test": self._generate_examples(images[test], labels[test]),
        }

    def _generate_examples(self, images, labels):
        for i, (image, label) in enumerate(zip(images, labels, strict=True)):
            yield i, {"image": image, "label": int(label)}
