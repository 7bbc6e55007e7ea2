"""InfoNCE: find the partner of each example among all others of the batch.

Paper: van den Oord, Li and Vinyals, "Representation Learning with Contrastive
       Predictive Coding", 2018. Both views augmented: Chen et al., "A Simple Framework
       for Contrastive Learning of Visual Representations", ICML 2020. Sentences whose
       views differ by dropout alone: Gao, Yao and Chen, "SimCSE", EMNLP 2021.
Link:  https://arxiv.org/abs/1807.03748 (section 2.3, equation 4);
       https://arxiv.org/abs/2002.05709 (equation 1); https://arxiv.org/abs/2104.08821
"""

from keras import ops

from modules.nlp.language_models.perplexity import word_losses

LEAST = 1e-12


def cosine_similarities(a, b):
    """Return the cosine of every a with every b.

    Args:
        a: (N, D) float. b: (M, D) float. A row of zeros has cosine 0 with all.

    Returns:
        (N, M) float32 from -1 to 1.

    Example:
        >>> a, b = ops.array([[2.0, 0.0]]), ops.array([[5.0, 0.0], [0.0, 1.0]])
        >>> print(ops.convert_to_numpy(cosine_similarities(a, b)))
        [[1. 0.]]
    """
    a, b = (ops.cast(x, "float32") for x in (a, b))
    a, b = (
        x * ops.rsqrt(ops.maximum(ops.sum(x * x, axis=-1, keepdims=True), LEAST))
        for x in (a, b)
    )
    return ops.matmul(a, ops.transpose(b))


def info_nce(a, b, temperature=0.05):
    """Return the loss of each row of a, whose partner is the same row of b.

        L_i = - ln( exp(s_ii / tau) / sum over j of exp(s_ij / tau) ),  s the cosine

    The cross-entropy of a choice among N, the label being i: the other rows of b are
    the negatives. If all similarities are equal it is ln N, and ln N minus the mean
    loss is a lower bound of the mutual information of the views (which can thus never
    be shown to be above ln N). A constant added to a row of similarities changes
    nothing. It is not symmetric in a and b; SimCLR takes both directions, and the other
    rows of a as negatives too.

    Args:
        a, b: (N, D) float, two views of N examples.
        temperature: float > 0, called tau: 0.05 in SimCSE, 0.07 to start with in CLIP.

    Returns:
        (N,) float >= 0, in the dtype of a; computed in float32.

    Raises:
        ValueError: temperature is not > 0.

    Example:
        >>> print(f"{float(info_nce(ops.ones((4, 3)), ops.ones((4, 3)))[0]):.4f}")
        1.3863
    """
    if not temperature > 0:
        raise ValueError(f"temperature must be > 0, got {temperature!r}")
    scores = cosine_similarities(a, b) / temperature
    losses = word_losses(ops.arange(ops.shape(scores)[0]), scores)
    return ops.cast(losses, a.dtype)
