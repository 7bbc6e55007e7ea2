"""Contrastive loss: which text belongs to which image, and the other way round.

Paper: Radford et al., "Learning Transferable Visual Models From Natural Language
       Supervision", ICML 2021 (CLIP).
Link:  https://arxiv.org/abs/2103.00020 (section 2.3, figure 3)
"""

from keras import ops

from modules.nlp.language_models.perplexity import word_losses


def contrastive_loss(scores):
    """Return the loss of each pair of a batch: a choice among N, in both directions.

        L_i = 1/2 ( - ln softmax(s_i.)_i - ln softmax(s_.i)_i )

    Along a row stands one image with all texts, along a column one text with all
    images; the right ones are on the diagonal. So each pair has N - 1 negatives of
    either kind, which nobody had to collect. Two pairs that mean the same are held
    against each other all the same.

    If all scores are equal it is ln N. It does not change if images and texts change
    places (the transpose), if pairs are reordered, or if a constant is added to all.

    Args:
        scores: (N, N) float.

    Returns:
        (N,) float32 >= 0.

    Raises:
        ValueError: scores are not square.

    Example:
        >>> loss = contrastive_loss(ops.zeros((4, 4)))
        >>> print(f"{float(loss[0]):.4f}")  # ln 4
        1.3863
    """
    rows, columns = scores.shape
    if rows != columns:
        raise ValueError(f"scores must be (N, N), got ({rows}, {columns})")
    right = ops.arange(ops.shape(scores)[0])
    of_image = word_losses(right, scores)
    of_text = word_losses(right, ops.transpose(scores))
    return (of_image + of_text) / 2
