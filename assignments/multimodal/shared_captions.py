"""Exercise: images and texts where several texts belong to one image.

CLIP takes it that each text of a batch belongs to one image and to no other. Where two
images show the same, or an image has several captions, that is wrong: true pairs are
pushed apart. Here each image and each text has a label, and all with the same label
belong together. You write the scores, this loss, a classifier made of sentences, and
the number by which retrieval is measured; then two encoders learn by your loss.

Paper: Radford et al., "Learning Transferable Visual Models From Natural Language
       Supervision", ICML 2021 (CLIP).
Link:  https://arxiv.org/abs/2103.00020 (section 2.3, figure 3; section 3.1.4)
Paper: Yang et al., "Unified Contrastive Learning in Image-Text-Label Space", CVPR 2022.
Link:  https://arxiv.org/abs/2204.03610 (section 3.2, equations 2 to 4)
See:   modules/multimodal/clip.py
Needs: multimodal (CLIP), the softmax
Time:  45 minutes
Grade: python -m course grade multimodal/shared_captions

Letters: N images, M texts, d the width of their vectors, C classes. Gradients must
flow through `scores` and `loss`: use keras.ops there.

When your functions are right, see which text your network finds for a picture:
python -m course demo multimodal/shared_captions
"""

import keras
import numpy as np
from keras import layers, ops

from course.data.load import load
from modules.multimodal.clip import CLIP


def scores(images, texts, log_scale):
    """Return how well each image and each text fit.

        s_ij = min(exp(log_scale), 100) cos(image_i, text_j)

    Args:
        images: (N, d) float, no row is zero and none of length 1.
        texts: (M, d) float, likewise.
        log_scale: float.

    Returns:
        (N, M) float.
    """
    # TODO: rows of length 1, their products, the scale
    raise NotImplementedError


def loss(s, image_labels, text_labels):
    """Return the contrastive loss of a batch, in which labels say what fits.

    For an image i let P be the texts with its label. Its loss is the mean over P of
    - ln softmax(s_i.)_j. The same for each text over the images with its label. The
    result is the mean over images plus the mean over texts, divided by 2.

    Every image has at least one text with its label, and every text an image. Your loss
    is finite also where scores are 1000.

    Args:
        s: (N, M) float, scores.
        image_labels: (N,) int. text_labels: (M,) int.

    Returns:
        float.
    """
    # TODO: log softmax along rows, mean over what fits; then along columns
    raise NotImplementedError


def class_vectors(prompts):
    """Return one vector for each class from several sentences that describe it.

    Each sentence's vector gets length 1, then their mean is taken, then that gets
    length 1.

    Args:
        prompts: (C, P, d) float, P sentences for each of C classes.

    Returns:
        (C, d) float.
    """
    # TODO: length 1, mean, length 1
    raise NotImplementedError


def recall(s, image_labels, text_labels, k):
    """Return the share of images that find a text of their label among the k best.

    A text is among the k best of an image if fewer than k texts have a LARGER score
    with that image.

    Args:
        s: (N, M) float, scores.
        image_labels: (N,) int. text_labels: (M,) int.
        k: int >= 1.

    Returns:
        float from 0 to 1.
    """
    # TODO: the best score that fits, and how many are larger
    raise NotImplementedError


class Matcher(CLIP):
    """The CLIP of the course with your scores and your loss; given.

    The labels of images and texts are the y of `fit`: [image_labels, text_labels].
    """

    def scores(self, images, texts):
        return scores(images, texts, self.log_scale)

    def compute_loss(
        self, x=None, y=None, y_pred=None, sample_weight=None, training=True
    ):
        image_labels, text_labels = (ops.reshape(labels, (-1,)) for labels in y)
        return loss(y_pred, image_labels, text_labels)


def matcher(side, words, length):
    """Return a network for square images and texts of so many words; given."""
    keras.utils.set_random_seed(0)
    x = keras.Input((side, side, 3))
    images = keras.Model(x, layers.Dense(32, "relu")(layers.Flatten()(x)))
    t = keras.Input((length,), dtype="int32")
    v = layers.Embedding(words, 32)(t)
    texts = keras.Model(t, layers.GlobalAveragePooling1D()(v))
    model = Matcher(images, texts, dim=16)
    model.compile(keras.optimizers.Adam(0.01))
    return model


if __name__ == "__main__":
    colors = ("red", "green", "blue", "yellow", "purple", "white")
    found = list(load("course_scenes/single", "train[:1500]").as_numpy_iterator())
    x = np.stack([e["image"] for e in found]).astype("float32") / 255
    x = x.reshape(-1, 8, 4, 8, 4, 3).mean(axis=(2, 4))  # 8 x 8 pixels
    labels = np.array([e["objects"]["color"][0] for e in found])
    tokens = np.stack([labels + 3, np.full(len(labels), 2)], axis=1)  # "red thing"
    model = matcher(8, 9, 2)
    model.fit([x, tokens], [labels, labels], batch_size=50, epochs=8, verbose=0)
    every = np.stack([np.arange(6) + 3, np.full(6, 2)], axis=1)
    s = model([x[:200], every])
    print(f"the right one of six texts: {recall(s, labels[:200], np.arange(6), 1):.0%}")
    for image, row in zip(labels[:5], np.array(s)[:5], strict=True):
        print(f"a {colors[image]} thing: {colors[int(row.argmax())]} fits best")
