"""Reverse-mode differentiation: all gradients of one number, in one walk backwards.

Paper: Rumelhart, Hinton and Williams, "Learning representations by back-propagating
       errors", Nature 1986 (in networks; the method is Linnainmaa's, 1970).
Link:  https://doi.org/10.1038/323533a0 (equations 4 to 7)

Plain NumPy here, because keras.ops would differentiate for us; and in the dtype of the
data, so that float64 can be compared with finite differences.
"""

import numpy as np


class Array:
    """A value that remembers what it was computed from.

    For every parent it holds a vector-Jacobian product: a function from the gradient
    of the loss with respect to this value to the part of the parent's gradient that
    comes through it. The Jacobian itself is never formed.

    Args:
        value: array of float.
        parents: pairs (Array, function from gradient to gradient).
    """

    def __init__(self, value, parents=()):
        self.value = np.asarray(value)
        self.parents = tuple(parents)


def gradients(output, sources):
    """Return the gradients of a number with respect to several arrays.

        dL/dx = sum over all consumers y of x of (dy/dx)^T dL/dy

    A value that is used twice gets two contributions, and they ADD. A value is left
    only after all its consumers, so each vector-Jacobian product runs once, however
    many paths lead through it.

    Args:
        output: Array of shape (), called L.
        sources: list of Array.

    Returns:
        List of arrays, of the shapes of the sources; zeros where output does not
        depend on a source.

    Raises:
        ValueError: output is not a single number.

    Example:
        >>> x = Array(3.0)
        >>> float(gradients(multiply(x, x), [x])[0])  # d(x x)/dx = 2 x
        6.0
    """
    if output.value.shape != ():
        raise ValueError(f"output must be a single number, got {output.value.shape}")
    found = {output: np.ones_like(output.value)}
    for node in _consumers_first(output):
        for parent, vjp in node.parents:
            part = vjp(found[node])
            found[parent] = found[parent] + part if parent in found else part
    return [found.get(x, np.zeros_like(x.value)) for x in sources]


def add(a, b):
    """Return a + b, with NumPy's broadcasting (a bias is added to every row)."""
    back = [(x, lambda g, x=x: _sum_to(g, x.value.shape)) for x in (a, b)]
    return Array(a.value + b.value, back)


def multiply(a, b):
    """Return a * b, value by value, with NumPy's broadcasting."""
    to_a = (a, lambda g: _sum_to(g * b.value, a.value.shape))
    to_b = (b, lambda g: _sum_to(g * a.value, b.value.shape))
    return Array(a.value * b.value, [to_a, to_b])


def matmul(x, w):
    """Return x w for x (B, D) and w (D, K): dL/dx = g w^T, dL/dw = x^T g."""
    to_x = (x, lambda g: g @ w.value.T)
    to_w = (w, lambda g: x.value.T @ g)
    return Array(x.value @ w.value, [to_x, to_w])


def relu(x):
    """Return max(0, x); gradients pass where x > 0."""
    return Array(np.maximum(x.value, 0), [(x, lambda g: g * (x.value > 0))])


def total(x):
    """Return the sum of all values; each gets the gradient of the sum."""
    return Array(np.sum(x.value), [(x, lambda g: np.broadcast_to(g, x.value.shape))])


def softmax_cross_entropy(z, y):
    """Return the mean over the batch of - sum over k of y_k ln softmax(z)_k.

    Args:
        z: Array (B, K), logits.
        y: (B, K) float array, one-hot or any distribution; a constant.

    Returns:
        Array of shape (), with dL/dz = (softmax(z) - y) / B.
    """
    log_p = z.value - z.value.max(axis=1, keepdims=True)
    log_p = log_p - np.log(np.exp(log_p).sum(axis=1, keepdims=True))
    mean = -(y * log_p).sum(axis=1).mean()
    return Array(mean, [(z, lambda g: g * (np.exp(log_p) - y) / len(y))])


def _sum_to(g, shape):
    """Undo broadcasting: add up over the axes along which a value was repeated."""
    g = g.sum(axis=tuple(range(g.ndim - len(shape))))
    repeated = tuple(i for i, n in enumerate(shape) if n == 1)
    return g.sum(axis=repeated, keepdims=True)


def _consumers_first(output):
    """Return every Array below the output, each after all that were made from it."""
    order, seen, stack = [], set(), [(output, False)]
    while stack:
        node, parents_done = stack.pop()
        if parents_done:
            order.append(node)
        elif node not in seen:
            seen.add(node)
            stack.append((node, True))
            stack += [(parent, False) for parent, _ in node.parents]
    return order[::-1]
