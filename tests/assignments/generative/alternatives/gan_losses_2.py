"""Exercise: the losses of a GAN, and two players in one gradient step.

A discriminator learns to tell data from what a generator makes, and the generator
learns from the discriminator. Here you write the losses of both, find the best
discriminator there is, and add the two losses so that one gradient step moves each
player by its own loss only.

Paper: Goodfellow et al., "Generative Adversarial Nets", NeurIPS 2014.
Link:  https://arxiv.org/abs/1406.2661 (sections 3 and 4.1)
Paper: Salimans et al., "Improved Techniques for Training GANs", NeurIPS 2016.
Link:  https://arxiv.org/abs/1606.03498 (section 3.4: label smoothing)
See:   modules/generative/generative_model.py (what the model at the end is built on)
Needs: generative (GAN), foundations/learning (binary cross-entropy from logits)
Time:  40 minutes
Grade: python -m course grade generative/gan_losses

The discriminator gives logits: D = sigmoid(logit) is the probability that an example is
real. Losses are averaged over the batch and must be finite for logits of any size, so
do not take the logarithm of a sigmoid: ops.softplus(a) = ln(1 + e^a) is what you need.
Gradients must flow through, so use keras.ops and not NumPy.

When your functions are right, watch a generator chase its data:
python -m course demo generative/gan_losses
"""

import keras
import tensorflow as tf
from keras import ops

from modules.generative.generative_model import GenerativeModel


def discriminator_loss(real, fake, smoothing):
    """Return the discriminator's loss: binary cross-entropy on both kinds of example.

    mean[-(1 - s) ln D(real) - s ln(1 - D(real))] + mean[-ln(1 - D(fake))]

    with s = smoothing. The labels of real examples are 1 - s, those of generated ones
    stay 0: smoothing is one-sided. The two batches may differ in size; each has its own
    mean, and the means are added.

    Args:
        real: (B,) float, logits of real examples.
        fake: (C,) float, logits of generated ones.
        smoothing: float in [0, 1).

    Returns:
        float scalar: 2 ln 2 where all logits are 0.
    """
    labels = (1 - smoothing) * tf.ones_like(real)
    on_real = tf.nn.sigmoid_cross_entropy_with_logits(labels, real)
    on_fake = tf.nn.sigmoid_cross_entropy_with_logits(tf.zeros_like(fake), fake)
    return tf.reduce_mean(on_real) + tf.reduce_mean(on_fake)


def generator_loss(fake):
    """Return the generator's loss, the non-saturating one: mean of -ln D(fake).

    Args:
        fake: (C,) float, logits of generated examples.

    Returns:
        float scalar: ln 2 where all logits are 0.
    """
    wish = tf.ones_like(fake)
    return tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(wish, fake))


def best_discriminator(p, q, smoothing):
    """Return the D that minimises the discriminator's loss, at each of K points.

    Real examples come with the probabilities p, generated ones with q; the loss is that
    of `discriminator_loss`, with expectations instead of means. No p + q is 0.

    Args:
        p, q: (K,) float >= 0, each sums to 1.
        smoothing: float in [0, 1).

    Returns:
        (K,) float: probabilities, not logits.
    """
    return (1 - smoothing) / (1 + q / ops.maximum(p, 1e-30))


def generate(z, g):
    """Return examples made by a linear generator; given.

    Args:
        z: (C, Z) float, noise.
        g: (Z + 1, D) float, its weights: a matrix, and in the last row a bias.
    """
    return ops.matmul(z, g[:-1]) + g[-1]  # (C, D)


def judge(x, d):
    """Return the logits of a discriminator that looks at x and x^2; given.

    Args:
        x: (B, D) float.
        d: (2 D + 1,) float, its weights; the last one is a bias.
    """
    features = ops.concatenate([x, ops.square(x)], axis=-1)
    return ops.matmul(features, d[:-1, None])[:, 0] + d[-1]  # (B,)


def game(x, z, g, d):
    """Return discriminator loss plus generator loss, each with one player's gradient.

    The value is discriminator_loss(..., 0) + generator_loss(...), with the examples
    generate(z, g). The gradient of this sum with respect to d must be that of the
    discriminator's loss alone, and the gradient with respect to g that of the
    generator's loss alone.

    Args:
        x: (B, D) float, data.
        z: (C, Z) float, noise.
        g, d: weights as in `generate` and `judge`.

    Returns:
        float scalar.
    """
    fake = judge(tf.stop_gradient(generate(z, g)), d)
    fooled = judge(generate(z, g), tf.stop_gradient(d))
    return discriminator_loss(judge(x, d), fake, 0) + generator_loss(fooled)


class SmallGAN(GenerativeModel):
    """Your game as a model that `fit` trains; given. Data are points in the plane."""

    def __init__(self, seed=0):
        super().__init__(seed=seed)
        self.g = self.add_weight(shape=(3, 2), initializer="zeros", name="g")
        self.d = self.add_weight(shape=(5,), initializer="zeros", name="d")
        self.g.assign([[0.1, 0.0], [0.0, 0.1], [-0.5, 0.5]])

    def call(self, x, training=False):
        return judge(x, self.d)

    def objective(self, x, y_pred, training):
        z = self.noise(ops.shape(x))
        loss = game(x, z, self.g + 0, self.d + 0)
        return {"loss": ops.broadcast_to(loss, ops.shape(y_pred))}

    def middle(self):
        """Return the mean of what is generated, as a list."""
        return [float(v) for v in self.g[-1]]


def network():
    """Return a compiled GAN whose generator starts around (-0.5, 0.5); given."""
    model = SmallGAN()
    rate = keras.optimizers.Adam(0.1, beta_1=0.5)
    model.compile(rate, run_eagerly=True)
    return model


if __name__ == "__main__":
    place = ops.array([0.6, -0.3])
    x = place + 0.1 * keras.random.normal((256, 2), seed=0)
    x = ops.clip(x, -1, 1)
    model = network()
    print("the data are around (0.60, -0.30)")
    for epoch in range(0, 61, 10):
        a, b = model.middle()
        print(f"epoch {epoch:3}: what is generated is around ({a:5.2f}, {b:5.2f})")
        model.fit(x, batch_size=64, epochs=10, verbose=0)
