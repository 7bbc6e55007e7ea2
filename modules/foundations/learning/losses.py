"""Losses: squared error, and cross-entropy from probabilities and from logits.

Paper: Bridle, "Probabilistic Interpretation of Feedforward Classification Network
       Outputs, with Relationships to Statistical Pattern Recognition", 1990 (for
       cross-entropy behind a softmax, there called probability scoring).
Link:  https://doi.org/10.1007/978-3-642-76153-9_28

Each returns one loss per example. What is minimised is their mean over the batch, as
in Keras ("sum_over_batch_size").
"""

from keras import ops

from modules.foundations.learning.softmax import log_softmax


def squared_error(y, y_hat):
    """Return 1/2 sum over k of (y_k - y_hat_k)^2; its gradient in y_hat is y_hat - y.

    Practice differs: Keras's mean squared error has no 1/2, and averages over k.

    Args:
        y: (..., K) float, what should come out.
        y_hat: (..., K) float, what came out.

    Returns:
        (...) float.

    Example:
        >>> float(squared_error(ops.array([1.0, 2.0]), ops.array([1.0, 5.0])))
        4.5
    """
    return 0.5 * ops.sum(ops.square(y - y_hat), axis=-1)


def cross_entropy(y, p):
    """Return - sum over k of y_k ln p_k, from probabilities.

    For one class c (y is one-hot) that is -ln p_c, the NEGATIVE log-likelihood. A p_k
    of 0 where y_k > 0 gives infinity, as it must; where y_k = 0 it adds nothing.
    Practice differs: Keras clips p to [1e-7, 1 - 1e-7] and so never says more than
    16.1. Whoever has logits should use them.

    Args:
        y: (..., K) float >= 0, sums to 1: one-hot, or any distribution.
        p: (..., K) float in [0, 1], sums to 1.

    Returns:
        (...) float >= 0.

    Example:
        >>> print(f"{cross_entropy(ops.array([0.0, 1.0]), ops.array([0.5, 0.5])):.3f}")
        0.693
    """
    counts = y > 0
    log = ops.log(ops.where(counts, p, ops.ones_like(p)))  # 0 ln 0 is 0
    return -ops.sum(y * log, axis=-1)


def cross_entropy_from_logits(y, z):
    """Return - sum over k of y_k ln softmax(z)_k; its gradient in z is softmax(z) - y.

    The same as cross_entropy(y, softmax(z)), but finite and right for scores of any
    size, because exponential and logarithm cancel before they are computed.

    Args:
        y: (..., K) float >= 0, sums to 1.
        z: (..., K) float, logits.

    Returns:
        (...) float >= 0.

    Example:
        >>> y, z = ops.array([1.0, 0.0]), ops.array([0.0, 1e4])
        >>> float(cross_entropy_from_logits(y, z))
        10000.0
    """
    return -ops.sum(y * log_softmax(z), axis=-1)


def binary_cross_entropy_from_logits(y, z):
    """Return - y ln s - (1 - y) ln(1 - s) with s = sigmoid(z).

    It is the cross-entropy of two classes with the logits z and 0, and simplifies to
    softplus(z) - y z, where softplus(z) = ln(1 + e^z). Its gradient in z is s - y.

    Args:
        y: float in [0, 1], of any shape.
        z: float, of the shape of y.

    Returns:
        Of the shape of y: one loss per value.

    Example:
        >>> float(binary_cross_entropy_from_logits(ops.array(1.0), ops.array(-1e4)))
        10000.0
    """
    return ops.softplus(z) - y * z
