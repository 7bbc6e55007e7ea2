"""course_digits: 1,797 real handwritten digits of 8x8 pixels, from scikit-learn."""

import numpy as np
import tensorflow_datasets as tfds

from course.data.labelled_images import LabelledImages


class CourseDigits(LabelledImages):
    """Handwritten digits, 8x8, grey; 1,497 to train on and 300 to test on."""

    VERSION = tfds.core.Version("1.0.0")
    SHAPE = (8, 8, 1)
    TEST_PER_CLASS = 30
    SOURCE = "https://archive.ics.uci.edu/dataset/80"

    def arrays(self):
        from sklearn.datasets import load_digits

        digits = load_digits()  # ink from 0 to 16
        images = np.round(digits.images * (255 / 16)).astype("uint8")
        return images[..., None], digits.target
