"""Deep sets: networks that do not see an order, because their input has none.

Paper: Zaheer et al., "Deep Sets", NeurIPS 2017.
Link:  https://arxiv.org/abs/1703.06114 (sections 2.2 and 3.1, theorem 2, equation 4)
"""

import keras
from keras import layers, ops


@keras.saving.register_keras_serializable("graphs")
class SetSum(layers.Layer):
    """Add up the elements of a set.

        sum over m of psi(x_m)

    Together with a network psi before it and a network phi behind it this is any
    function of a set that does not depend on the order (theorem 2). A sum also tells
    how often an element occurs; a mean and a maximum do not.

    Args:
        None of its own.

    Shapes:
        x: (B, M, D) float, its Keras mask (B, M) True for elements, False for padding.
        y: (B, D), 0 for an empty set.

    Example:
        >>> SetSum()(ops.ones((1, 3, 2))).numpy()
        array([[3., 3.]], dtype=float32)
    """

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.supports_masking = True

    def call(self, x, mask=None):
        if mask is not None:
            x = ops.where(mask[..., None], x, 0)
        return ops.sum(x, axis=1)  # (B, D)

    def compute_mask(self, x, mask=None):
        return None  # what comes out has no elements any more


@keras.saving.register_keras_serializable("graphs")
class SetLayer(layers.Layer):
    """A linear layer on a set: permute the elements, and the outputs follow.

        y_m = x_m Lambda + (sum over n of x_n) Gamma + b

    For D = units = 1 this is the paper's Theta = lambda I + gamma 1 1^T (lemma 3): no
    other matrix commutes with all permutations.

    Args:
        units: int >= 1.
        activation: str or function.

    Shapes:
        x: (B, M, D) float, with a Keras mask (B, M) as in SetSum. D must be known.
        y: (B, M, units). 2 D units + units weights.

    Raises:
        ValueError: units is not an int >= 1.

    Example:
        >>> tuple(SetLayer(4)(ops.ones((2, 5, 3))).shape)
        (2, 5, 4)
    """

    def __init__(self, units, activation=None, **kwargs):
        super().__init__(**kwargs)
        if not (isinstance(units, int) and units >= 1):
            raise ValueError(f"units must be an int >= 1, got {units!r}")
        self.units = units
        self.activation = keras.activations.get(activation)
        self.supports_masking = True

    def build(self, input_shape):
        plain = {"use_bias": False, "dtype": self.dtype_policy}
        self.own = layers.Dense(self.units, dtype=self.dtype_policy)
        self.all = layers.Dense(self.units, **plain)
        self.total = SetSum(dtype=self.dtype_policy)
        self.own.build(input_shape)
        self.all.build((None, input_shape[-1]))

    def call(self, x, mask=None):
        everybody = self.all(self.total(x, mask=mask))  # (B, units)
        return self.activation(self.own(x) + everybody[:, None, :])

    def get_config(self):
        activation = keras.activations.serialize(self.activation)
        return {**super().get_config(), "units": self.units, "activation": activation}


def deep_set(psi, phi, input_shape):
    """Return the model phi(sum over m of psi(x_m)), for sets of any size.

    Args:
        psi: list of layers, applied to each element alone.
        phi: list of layers, applied to the sum.
        input_shape: (M, D); M may be None.

    Example:
        >>> model = deep_set([layers.Dense(8, "relu")], [layers.Dense(1)], (None, 3))
        >>> tuple(model(ops.ones((2, 5, 3))).shape)
        (2, 1)
    """
    inputs = keras.Input(input_shape)
    x = inputs
    for layer in (*psi, SetSum(), *phi):
        x = layer(x)
    return keras.Model(inputs, x, name="deep_set")
