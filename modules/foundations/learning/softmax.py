"""Softmax: scores of any size become probabilities of one choice among K.

Paper: Bridle, "Probabilistic Interpretation of Feedforward Classification Network
       Outputs, with Relationships to Statistical Pattern Recognition", 1990.
Link:  https://doi.org/10.1007/978-3-642-76153-9_28 (the paper that named it)
"""

from keras import ops


def log_softmax(z, temperature=1.0, axis=-1):
    """Return ln softmax(z / T), without ever taking the logarithm of a small number.

        ln p_i = z_i / T - ln(sum over j of e^(z_j / T))

    Adding a constant to all scores changes nothing, so the largest is subtracted first:
    no power overflows, and the sum is between 1 and K.

    Args:
        z: float tensor of scores, called logits.
        temperature: float > 0, called T.
        axis: int, the axis of the K classes.

    Returns:
        A tensor of the shape and dtype of z, nothing above 0.

    Raises:
        ValueError: temperature is not > 0.

    Example:
        >>> print(ops.convert_to_numpy(log_softmax(ops.array([1e4, 0.0]))))
        [     0. -10000.]
    """
    if not temperature > 0:
        raise ValueError(f"temperature must be > 0, got {temperature!r}")
    z = z / temperature
    z = z - ops.stop_gradient(ops.max(z, axis=axis, keepdims=True))
    return z - ops.log(ops.sum(ops.exp(z), axis=axis, keepdims=True))


def softmax(z, temperature=1.0, axis=-1):
    """Return p_i = e^(z_i / T) / sum over j of e^(z_j / T).

    Probabilities sum to 1 along the axis of the classes, for every example by itself.
    With T towards 0 all probability goes to the largest score; with T large it is
    spread evenly.

    Args:
        z: float tensor of scores, called logits.
        temperature: float > 0, called T.
        axis: int, the axis of the K classes.

    Returns:
        A tensor of the shape and dtype of z, in [0, 1].

    Raises:
        ValueError: temperature is not > 0.

    Example:
        >>> print(ops.convert_to_numpy(softmax(ops.array([[1e4, 1e4], [0.0, 1e4]]))))
        [[0.5 0.5]
         [0.  1. ]]
    """
    return ops.exp(log_softmax(z, temperature, axis))


def softmax_jacobian(p):
    """Return all derivatives of softmax at T = 1, from its output.

        dp_i / dz_j = p_i (1[i = j] - p_j),    J = diag(p) - p p^T

    J is symmetric, and its rows sum to 0: what one class gains the others lose.
    Training never forms it; J^T v = p (v - <p, v>) is all that is needed.

    Args:
        p: (..., K) float, probabilities.

    Returns:
        (..., K, K): dp_i / dz_j at [..., i, j].

    Example:
        >>> print(ops.convert_to_numpy(softmax_jacobian(ops.array([0.5, 0.5]))))
        [[ 0.25 -0.25]
         [-0.25  0.25]]
    """
    diagonal = p[..., :, None] * ops.eye(ops.shape(p)[-1], dtype=p.dtype)
    return diagonal - p[..., :, None] * p[..., None, :]
