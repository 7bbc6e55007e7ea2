"""GELU: each value times the probability that a normal number lies below it.

Paper: Hendrycks and Gimpel, "Gaussian Error Linear Units (GELUs)", 2016.
Link:  https://arxiv.org/abs/1606.08415 (section 2)
"""

import math

import keras
from keras import ops


@keras.saving.register_keras_serializable("nlp/language_models")
def gelu_exact(x):
    """Return x Phi(x) = x/2 (1 + erf(x / sqrt(2))), as Keras's "gelu" does.

    Example:
        >>> print(f"{float(gelu_exact(ops.array(1.0))):.4f}")
        0.8413
    """
    return 0.5 * x * (1 + ops.erf(x * math.sqrt(0.5)))


@keras.saving.register_keras_serializable("nlp/language_models")
def gelu_tanh(x):
    """Return x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))).

    The paper's approximation, which differs by at most 0.0005. The released BERT and
    GPT-2 were trained with it, and their weights want it back: with the exact form the
    last layer differs by more than rounding. Keras has it as gelu(x, approximate=True).

    Example:
        >>> print(f"{float(gelu_tanh(ops.array(1.0))):.4f}")
        0.8412
    """
    return 0.5 * x * (1 + ops.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x * x * x)))


@keras.saving.register_keras_serializable("nlp/language_models")
def gelu_sigmoid(x):
    """Return x sigmoid(1.702 x), the paper's cheaper approximation.

    It differs by at most 0.0203. CLIP was trained with it, as "QuickGELU".

    Example:
        >>> print(f"{float(gelu_sigmoid(ops.array(1.0))):.4f}")
        0.8458
    """
    return x * ops.sigmoid(1.702 * x)
