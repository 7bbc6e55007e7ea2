"""Grades assignments/multimodal/shared_captions.py."""

import numpy as np

from course.grading import close, fit, gradient, points

FORBIDDEN = (
    "ops.normalize",
    "keras.utils.normalize",
    "keras.losses.CosineSimilarity",
    "modules.multimodal.contrastive_loss",
    "modules.nlp.language_models.info_nce",
)
IMAGE_LABELS = np.array([4, 2, 4, 7, 2])
TEXT_LABELS = np.array([2, 7, 4, 7, 4])


def unit(x):
    return x / np.sqrt((x**2).sum(axis=-1, keepdims=True))


def log_softmax(s, axis):
    s = s - s.max(axis=axis, keepdims=True)
    return s - np.log(np.exp(s).sum(axis=axis, keepdims=True))


def wanted(s, image_labels=IMAGE_LABELS, text_labels=TEXT_LABELS):
    rows, columns = log_softmax(s, 1), log_softmax(s, 0)
    image = [-rows[i, text_labels == y].mean() for i, y in enumerate(image_labels)]
    text = [-columns[image_labels == y, j].mean() for j, y in enumerate(text_labels)]
    return (np.mean(image) + np.mean(text)) / 2


@points(3)
def test_scores(submission, rng):
    """scores are cosines, times the scale"""
    images, texts = rng.normal(size=(4, 6)) + 0.3, 3 * rng.normal(size=(5, 6))
    want = np.exp(1.5) * unit(images) @ unit(texts).T
    close(submission.scores(images, texts, 1.5), want)


@points(1)
def test_scale_is_cut(submission, rng):
    """the scale is never above 100"""
    images, texts = rng.normal(size=(3, 4)), rng.normal(size=(2, 4))
    want = 100 * unit(images) @ unit(texts).T
    close(submission.scores(images, texts, 6.0), want)


@points(4)
def test_loss(submission, rng):
    """the loss is the mean over what fits, in both directions"""
    s = rng.normal(size=(5, 5), scale=2)
    got = submission.loss(s, IMAGE_LABELS, TEXT_LABELS)
    close(got, wanted(s), hint="Is the choice of an image among the texts of its row?")


@points(1)
def test_loss_of_pairs_is_clips(submission, rng):
    """with one text an image it is CLIP's loss, and ln N where all scores are equal"""
    s, labels = rng.normal(size=(6, 6)), rng.permutation(6)
    close(submission.loss(s, labels, labels), wanted(s, labels, labels))
    close(submission.loss(0 * s + 2.0, labels, labels), np.log(6))


@points(1)
def test_loss_is_finite(submission, rng):
    """scores of 1000 are no trouble"""
    s = 1000 * rng.normal(size=(5, 5))
    close(submission.loss(s, IMAGE_LABELS, TEXT_LABELS), wanted(s))


@points(1)
def test_loss_has_a_gradient(submission, rng):
    """the loss falls where its gradient says"""
    s, step = rng.normal(size=(5, 5)), 1e-5 * rng.normal(size=(5, 5))
    close(submission.loss(s, IMAGE_LABELS, TEXT_LABELS), wanted(s))
    found = gradient(submission.loss, s, IMAGE_LABELS, TEXT_LABELS)
    slope = (wanted(s + step) - wanted(s - step)) / 2
    close(np.sum(found * step) * 1e5, slope * 1e5)


@points(2)
def test_class_vectors(submission, rng):
    """class vectors are mean directions of length 1"""
    prompts = rng.normal(size=(4, 3, 5)) * rng.uniform(0.2, 9, size=(4, 3, 1)) + 0.4
    close(submission.class_vectors(prompts), unit(unit(prompts).mean(axis=1)))


@points(3)
def test_recall(submission, rng):
    """recall counts images that find a text of theirs among the k best"""
    for _ in range(3):
        s = rng.normal(size=(97, 7))
        images, texts = rng.integers(3, size=97), np.array([0, 1, 2, 2, 1, 0, 0])
        fits = images[:, None] == texts
        order = np.argsort(-s, axis=1)
        for k in (2, 1, 4):
            served = [fits[i, order[i, :k]].any() for i in range(97)]
            close(submission.recall(s, images, texts, k), np.mean(served))


@points(2, after="test_loss", seconds=30)
def test_network(submission, rng):
    """two encoders learn by your loss which color a text names"""
    labels = np.arange(48) % 4
    shades = np.eye(4)[labels] @ rng.uniform(0.2, 1, size=(4, 3))
    x = np.tile(shades[:, None, None], (1, 4, 4, 1)) * rng.uniform(
        0.8, 1, (48, 4, 4, 1)
    )
    tokens = np.stack([labels + 3, np.full(48, 2)], axis=1)
    model = submission.matcher(4, 8, 2)
    x = x.astype("float32")
    before = float(np.mean(submission.loss(model([x, tokens]), labels, labels)))
    losses = fit(model, [x, tokens], [labels, labels], 10)
    assert np.isfinite(losses).all(), f"the loss becomes {losses[-1]}"
    after = float(np.mean(submission.loss(model([x, tokens]), labels, labels)))
    said = f"the loss is {before:.2f} before and {after:.2f} after ten steps"
    assert after < 0.9 * before, said
