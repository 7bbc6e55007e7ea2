"""Activations: the functions between linear maps, each applied to every value alone.

Paper: Maas, Hannun and Ng, "Rectifier Nonlinearities Improve Neural Network Acoustic
       Models", ICML 2013 workshop on deep learning for audio (for the leaky ReLU; the
       others are older than their use in networks).
Link:  https://ai.stanford.edu/~amaas/papers/relu_hybrid_icml2013_final.pdf (section 2)

Each takes z, a float tensor of any shape, and returns a tensor of its shape and dtype.
"""

from keras import ops


def sigmoid(z):
    """Return 1 / (1 + e^-z) = e^z / (e^z + 1), between 0 and 1.

    It is the softmax of the two scores z and 0, and so both are lowered by the larger
    one here: no power is then above 1, and nothing overflows at z = 1000 or -1000.

    Example:
        >>> print(ops.convert_to_numpy(sigmoid(ops.array([-1000.0, 0.0, 1000.0]))))
        [0.  0.5 1. ]
    """
    top = ops.maximum(z, 0)  # the result does not depend on it, nor does the gradient
    up, down = ops.exp(z - top), ops.exp(-top)
    return up / (up + down)


def tanh(z):
    """Return the hyperbolic tangent as a sigmoid: 2 sigmoid(2 z) - 1, in (-1, 1).

    So tanh is a sigmoid that was stretched to be odd. Near 0 the subtraction costs
    digits, for which libraries have a series of their own.

    Example:
        >>> float(tanh(ops.array(0.0)))
        0.0
    """
    return 2 * sigmoid(2 * z) - 1


def binary_step(z):
    """Return 1 where z >= 0 and 0 elsewhere: the perceptron's unit.

    Its gradient is 0 wherever there is one, so nothing before it can learn by
    gradients.

    Example:
        >>> print(ops.convert_to_numpy(binary_step(ops.array([-2.0, 0.0, 3.0]))))
        [0. 1. 1.]
    """
    return ops.cast(z >= 0, z.dtype)


def relu(z):
    """Return max(0, z): what is negative is left out. Its slope at 0 is taken as 0.

    Example:
        >>> print(ops.convert_to_numpy(relu(ops.array([-2.0, 0.0, 3.0]))))
        [0. 0. 3.]
    """
    return ops.where(z > 0, z, ops.zeros_like(z))


def leaky_relu(z, negative_slope=0.01):
    """Return z where it is positive and negative_slope * z elsewhere.

        h = z if z > 0 else 0.01 z    = max(z, 0.01 z)

    The paper's slope is 0.01. Practice differs: keras.layers.LeakyReLU has 0.3,
    keras.ops.leaky_relu 0.2.

    Args:
        z: float tensor of any shape.
        negative_slope: float in [0, 1).

    Raises:
        ValueError: negative_slope is outside [0, 1).

    Example:
        >>> print(ops.convert_to_numpy(leaky_relu(ops.array([-2.0, 0.0, 3.0]))))
        [-0.02  0.    3.  ]
    """
    if not 0 <= negative_slope < 1:
        raise ValueError(f"negative_slope must be in [0, 1), got {negative_slope!r}")
    return ops.where(z > 0, z, negative_slope * z)
