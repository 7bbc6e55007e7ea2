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
    # BEGIN SOLUTION two means of softplus terms
    # HINT -ln sigmoid(a) = softplus(-a), and -ln(1 - sigmoid(a)) = softplus(a).
    # HINT With label y the cross-entropy of logit a is softplus(a) - y a.
    on_real = ops.mean(ops.softplus(real) - (1 - smoothing) * real)
    # WRONG on_real = ops.mean(ops.softplus(-real))
    # WHY smoothing has no effect: the label of a real example is 1 - smoothing
    # WRONG on_real = ops.mean(ops.softplus(real))
    # WHY the labels are the wrong way round: real examples are to be called real
    on_fake = ops.mean(ops.softplus(fake))
    # WRONG on_fake = ops.mean(ops.softplus(fake) - smoothing * fake)
    # WHY you smooth the labels of generated examples too; that rewards the generator
    # WHY for what it does already, and so smoothing is one-sided
    # WRONG on_fake = ops.mean(ops.softplus(ops.sigmoid(fake)))
    # WHY the sigmoid is taken twice: softplus wants the logit itself
    return on_real + on_fake
    # WRONG return (on_real + on_fake) / 2
    # WHY you halve the loss; the two means are added
    # END SOLUTION


def generator_loss(fake):
    """Return the generator's loss, the non-saturating one: mean of -ln D(fake).

    Args:
        fake: (C,) float, logits of generated examples.

    Returns:
        float scalar: ln 2 where all logits are 0.
    """
    # BEGIN SOLUTION one mean of a softplus
    # HINT Its slope in a very negative logit is -1, not 0.
    return ops.mean(ops.softplus(-fake))
    # WRONG return -ops.mean(ops.softplus(fake))
    # WHY this is the saturating loss ln(1 - D): it is flat where the discriminator
    # WHY wins, which is where the generator has to learn
    # WRONG return ops.mean(ops.softplus(fake))
    # WHY this is smallest when no one is fooled: the generator helps the discriminator
    # WRONG return -ops.mean(fake)
    # WHY this is the logit itself; the logarithm of the sigmoid is missing
    # END SOLUTION


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
    # BEGIN SOLUTION set the derivative in D to zero
    # HINT At one point the loss is -(1-s) p ln D - s p ln(1-D) - q ln(1-D).
    # HINT A ln D + B ln(1 - D) is largest at D = A / (A + B).
    return (1 - smoothing) * p / (p + q)
    # WRONG return p / (p + q)
    # WHY that is without smoothing; with it the labels of real examples are 1 - s
    # WRONG return (1 - smoothing) * p / ((1 - smoothing) * p + q)
    # WHY a share s of the real examples is still labelled 0, and it belongs in the
    # WHY denominator
    # WRONG return q / (p + q)
    # WHY this is the probability that the example was generated
    # WRONG return ops.log(p) - ops.log(q)
    # WHY this is the logit, and without smoothing; a probability is asked for
    # END SOLUTION


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
    # BEGIN SOLUTION stop what must not flow
    # HINT The discriminator sees ops.stop_gradient(made).
    # HINT The generator is judged with ops.stop_gradient(d).
    made = generate(z, g)
    seen = ops.stop_gradient(made)
    # WRONG seen = made
    # WHY the discriminator's loss moves the generator: on its way through the generated
    # WHY examples it cancels part of what the generator wants
    held = ops.stop_gradient(d)
    # WRONG held = d
    # WHY the generator's loss moves the discriminator, which then learns to be fooled
    first = discriminator_loss(judge(x, d), judge(seen, d), 0.0)
    second = generator_loss(judge(made, held))
    # WRONG second = generator_loss(judge(ops.stop_gradient(made), held))
    # WHY the generator gets no gradient: its examples are cut off from it
    return first + second
    # WRONG return first - second
    # WHY you subtract the generator's loss, so a gradient step makes it worse
    # WRONG return first
    # WHY only the discriminator plays
    # END SOLUTION


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
