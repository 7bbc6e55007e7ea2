"""Adversarial training: at each step, learn from the images and from attacks on them.

Paper: Goodfellow, Shlens and Szegedy, "Explaining and Harnessing Adversarial Examples",
       ICLR 2015.
Link:  https://arxiv.org/abs/1412.6572 (section 6)
"""

import keras
from keras import ops

from modules.generative.generative_model import check_images, restored, saved
from modules.vision.robustness.fgsm import sign_step
from modules.vision.robustness.input_gradient import (
    check_box,
    check_epsilon,
    check_labels,
    input_gradient,
)


@keras.saving.register_keras_serializable("vision/robustness")
class AdversarialTraining(keras.Model):
    """Train a network on the mean of its loss and its loss under attack.

        J~(x, y) = alpha J(x, y) + (1 - alpha) J(x', y)
              x' = clip(x + epsilon sign(gradient of J(x, y) by x))

    J is the loss given to `compile`. x' is made anew at each step, with the weights of
    that step. It is a constant for the gradient by the weights: a sign has no slope, so
    the network cannot learn how the attack will react.

    The paper does not say in which mode the attack sees the network. Here the attack
    sees it as in inference: dropout is off and moving averages stay as they are. Both
    terms of J~ are in training mode, with masks of their own and, under batch
    normalization, with statistics of their own: a step moves its averages twice.

    The model is the network: `predict` gives its logits. In `evaluate` the loss is J~,
    and metrics are those of the images that were not attacked. Another attack, such as
    one of many steps, is a subclass with another `attack`.

    Args:
        network: keras.Model from images to (B, N) logits.
        epsilon: float >= 0, in the units of x; 0.25 in the paper for MNIST.
        alpha: float in [0, 1], the weight of the images as they are. With 1 training is
            the usual one.
        low, high: the box of images.

    Shapes:
        x: that of the network, from low to high.
        y: (B, N), the network's logits.

    Raises:
        ValueError: epsilon is not a number >= 0, alpha is outside [0, 1], low is not
            below high; in `fit` and `evaluate`, images outside the box or int labels
            out of range.

    Example:
        >>> network = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
        >>> model = AdversarialTraining(network, epsilon=0.1)
        >>> loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        >>> model.compile("sgd", loss, metrics=["accuracy"])
        >>> history = model.fit(ops.ones((4, 3)), ops.array([0, 1, 1, 0]), verbose=0)
        >>> sorted(history.history)
        ['accuracy', 'loss']
    """

    def __init__(self, network, epsilon=0.25, alpha=0.5, low=0.0, high=1.0, **kwargs):
        super().__init__(**kwargs)
        check_epsilon(epsilon)
        check_box(low, high)
        if not 0 <= alpha <= 1:
            raise ValueError(f"alpha must be in [0, 1], got {alpha!r}")
        self.network = network
        self.epsilon = epsilon
        self.alpha = alpha
        self.low, self.high = low, high
        self.built = True  # its part is

    def call(self, x, training=False):
        return self.network(x, training=training)

    def attack(self, x, y):
        """Return x', against the network as it is now."""

        def objective(x):
            return super(AdversarialTraining, self).compute_loss(
                x, y, self(x, training=False), training=False
            )

        return sign_step(
            x, input_gradient(objective, x), self.epsilon, self.low, self.high
        )

    def compute_loss(
        self, x=None, y=None, y_pred=None, sample_weight=None, training=True
    ):
        """Return J~. Both terms hold the losses of layers: weight decay stays whole."""
        plain = super().compute_loss(x, y, y_pred, sample_weight, training)
        if self.alpha == 1:
            return plain
        attacked = ops.stop_gradient(self.attack(x, y))
        y_pred = self(attacked, training=training)
        under = super().compute_loss(attacked, y, y_pred, sample_weight, training)
        return self.alpha * plain + (1 - self.alpha) * under

    def fit(self, x=None, y=None, *args, **kwargs):
        self._check(x, y)
        return super().fit(x, y, *args, **kwargs)

    def evaluate(self, x=None, y=None, *args, **kwargs):
        self._check(x, y)
        return super().evaluate(x, y, *args, **kwargs)

    def _check(self, x, y):
        check_images(x, self.low, self.high)
        whole = getattr(getattr(y, "dtype", None), "kind", "") in tuple("iu")
        if whole and y.ndim == 1:
            classes = self.network.compute_output_shape(x.shape)[-1]
            check_labels(y, len(x), classes)

    def get_config(self):
        own = {"epsilon": self.epsilon, "alpha": self.alpha}
        own |= {"low": self.low, "high": self.high}
        return {**super().get_config(), "network": saved(self.network)[0], **own}

    @classmethod
    def from_config(cls, config):
        return cls(**restored(config, "network"))
