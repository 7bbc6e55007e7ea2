"""Global average pooling: one map per class, and its mean is the score.

Paper: Lin, Chen and Yan, "Network In Network", ICLR 2014.
Link:  https://arxiv.org/abs/1312.4400 (section 3.2)
"""

import keras
from keras import layers, ops


@keras.saving.register_keras_serializable("vision/classification")
class GlobalAverageClassifier(layers.Layer):
    """Turn the last maps, one per class, into class probabilities without weights.

        logit[k] = mean over all positions (i, j) of map[i, j, k]
        y = softmax(logit)

    The mean runs over space, for each channel on its own. So the classifier takes
    images of any size, forgets where something was, and has nothing to overfit.

    Args:
        activation: "softmax", or None for the logits.

    Shapes:
        x: (B, H, W, K) float, K classes.
        y: (B, K), in the compute dtype of the layer.

    Raises:
        ValueError: activation is neither "softmax" nor None.

    Example:
        >>> maps = ops.reshape(ops.arange(12.0), (1, 2, 3, 2))
        >>> print(ops.convert_to_numpy(GlobalAverageClassifier(activation=None)(maps)))
        [[5. 6.]]
    """

    def __init__(self, activation="softmax", **kwargs):
        super().__init__(**kwargs)
        if activation not in ("softmax", None):
            raise ValueError(
                f"activation must be 'softmax' or None, got {activation!r}"
            )
        self.activation = activation

    def call(self, x):
        logits = ops.mean(x, axis=(1, 2))  # (B, K)
        return ops.softmax(logits) if self.activation else logits

    def get_config(self):
        return {**super().get_config(), "activation": self.activation}
