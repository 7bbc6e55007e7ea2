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
    # BEGIN SOLUTION rows of length 1, their products, the scale
    # HINT ops.norm(x, axis=-1, keepdims=True) are the lengths of the rows.
    # HINT a @ ops.transpose(b) has all products of rows of a and rows of b.
    # HINT ops.minimum(ops.exp(log_scale), 100.0) is the scale.
    a = images / ops.norm(images, axis=-1, keepdims=True)
    # WRONG a = images
    # WHY the images have their own lengths: divide each row by its length, or a long
    # WHY vector fits everything
    # WRONG a = images / ops.norm(images, axis=0, keepdims=True)
    # WHY you divide columns by their lengths; each ROW is a vector
    # WRONG a = images / ops.sum(images, axis=-1, keepdims=True)
    # WHY you divide by the sum of the numbers; the length is the root of the sum of
    # WHY squares
    b = texts / ops.norm(texts, axis=-1, keepdims=True)
    # WRONG b = texts
    # WHY the texts have their own lengths: divide each row by its length
    scale = ops.minimum(ops.exp(log_scale), 100.0)
    # WRONG scale = ops.exp(log_scale)
    # WHY nothing keeps your scale from growing beyond 100
    # WRONG scale = ops.minimum(log_scale, 100.0)
    # WHY you multiply by the logarithm of the scale: take exp of it first
    # WRONG scale = ops.minimum(ops.exp(-log_scale), 100.0)
    # WHY you divide by the scale; the scale multiplies, it is one over the temperature
    return scale * a @ ops.transpose(b)
    # END SOLUTION


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
    # BEGIN SOLUTION log softmax along rows, mean over what fits; then along columns
    # HINT fits = image_labels[:, None] == text_labels[None] says who belongs together.
    # HINT ops.log_softmax(s, axis=1) is along the texts, axis=0 along the images.
    # HINT A mean over P: the sum of fits * log_p divided by the sum of fits.
    fits = ops.cast(ops.equal(image_labels[:, None], text_labels[None]), s.dtype)
    # WRONG fits = ops.eye(s.shape[0], s.shape[1])
    # WHY you take only the diagonal to fit, as CLIP does; here the labels say it
    of_images = ops.log_softmax(s, axis=1)
    # WRONG of_images = ops.log_softmax(s, axis=0)
    # WHY the choice of an image runs along the images; it is among the texts, axis 1
    # WRONG of_images = ops.reshape(ops.log_softmax(ops.reshape(s, (-1,))), s.shape)
    # WHY your softmax runs over all pairs at once; each image has a choice of its own
    # WRONG of_images = ops.log(ops.softmax(s, axis=1) + 1e-7)
    # WHY you take the logarithm of a softmax: scores far below the best are lost, and
    # WHY a small number added hides that. log_softmax is exact
    image = ops.sum(fits * of_images, axis=1) / ops.sum(fits, axis=1)
    # WRONG image = ops.sum(fits * of_images, axis=1)
    # WHY you add up over the texts that fit; it is their mean
    # WRONG image = ops.mean(fits * of_images, axis=1)
    # WHY you divide by the number of all texts; it is the mean over those that fit
    # WRONG p = ops.sum(fits * ops.softmax(s, axis=1), axis=1)
    # WRONG image = ops.log(p + 1e-30)
    # WHY you take the logarithm of the summed probabilities, which is content if ONE
    # WHY text fits; here it is the mean of the logarithms
    of_texts = ops.log_softmax(s, axis=0)
    # WRONG of_texts = ops.log_softmax(s, axis=1)
    # WHY the choice of a text runs along the texts; it is among the images, axis 0
    text = ops.sum(fits * of_texts, axis=0) / ops.sum(fits, axis=0)
    return -(ops.mean(image) + ops.mean(text)) / 2
    # WRONG return -ops.mean(image)
    # WHY only images choose among texts; texts choose among images too
    # WRONG return -ops.mean(text)
    # WHY only texts choose among images; images choose among texts too
    # WRONG return -(ops.mean(image) + ops.mean(text))
    # WHY you add both directions; the result is half of that
    # WRONG return (ops.mean(image) + ops.mean(text)) / 2
    # WHY your sign is that of the likelihood; a loss is minimised
    # END SOLUTION


def class_vectors(prompts):
    """Return one vector for each class from several sentences that describe it.

    Each sentence's vector gets length 1, then their mean is taken, then that gets
    length 1.

    Args:
        prompts: (C, P, d) float, P sentences for each of C classes.

    Returns:
        (C, d) float.
    """
    # BEGIN SOLUTION length 1, mean, length 1
    # HINT The vectors of a class lie along axis 1.
    # HINT First prompts / ops.norm(prompts, axis=-1, keepdims=True).
    # HINT Then the mean over axis 1, which is shorter than 1: normalise again.
    unit = prompts / ops.norm(prompts, axis=-1, keepdims=True)
    # WRONG unit = prompts
    # WHY you average before the lengths are 1: a long vector outvotes the others
    mean = ops.mean(unit, axis=1)
    # WRONG mean = ops.mean(unit, axis=0)
    # WRONG mean = ops.concatenate([mean] * len(prompts))[: len(prompts)]
    # WHY you average over the classes; the sentences of a class lie along axis 1
    # WRONG mean = unit[:, 0]
    # WHY you take the first sentence of each class; it is the mean of all
    return mean / ops.norm(mean, axis=-1, keepdims=True)
    # WRONG return mean
    # WHY the mean of vectors of length 1 is shorter: bring it to length 1 again
    # END SOLUTION


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
    # BEGIN SOLUTION the best score that fits, and how many are larger
    # HINT It is enough to look at the best text that fits: np.where(fits, s, -np.inf).
    # HINT Count the texts of the row whose score is larger than that.
    # HINT An image is served if that count is below k; the mean over images is asked.
    s = np.array(s)
    fits = np.array(image_labels)[:, None] == np.array(text_labels)[None]
    best = np.where(fits, s, -np.inf).max(axis=1)
    # WRONG best = np.where(fits, s, np.inf).min(axis=1)
    # WHY you look at the WORST text that fits; one that fits is enough
    larger = (s > best[:, None]).sum(axis=1)
    # WRONG larger = (s >= best[:, None]).sum(axis=1)
    # WHY you count the text itself among those that are larger
    # WRONG best = np.where(fits, s, -np.inf).max(axis=0)
    # WRONG larger = (s > best[None]).sum(axis=0)
    # WHY you let texts look for images; here images look for texts
    return float((larger < k).mean())
    # WRONG return float((larger <= k).mean())
    # WHY you allow k larger ones, so k + 1 places
    # WRONG return float((larger < k).sum())
    # WHY you return how many images; it is their share
    # END SOLUTION


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
