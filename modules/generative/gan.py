"""GAN: a generator learns from a discriminator that learns to tell it from the data.

Paper: Goodfellow et al., "Generative Adversarial Nets", NeurIPS 2014.
Link:  https://arxiv.org/abs/1406.2661 (sections 3 and 4, algorithm 1)
"""

import keras
from keras import ops

from modules.generative.generative_model import GenerativeModel, restored, saved


def discriminator_loss(real, fake, smoothing=0.0):
    """Return -ln D(x) - ln(1 - D(G(z))), which the discriminator minimises.

    For a fixed generator it is least at D = p / (p + q), the densities of data and
    generator. Where p = q that is D = 1/2 and the loss is 2 ln 2 = 1.386. With
    smoothing s the target of REAL images is 1 - s, that of generated ones stays 0
    (Salimans et al. 2016, 1606.03498): then the best D is (1 - s) p / (p + q).

    Args:
        real, fake: float, of one shape: logits of D for real and generated images.
        smoothing: float in [0, 1), 0 in the paper.

    Returns:
        Of that shape.

    Example:
        >>> print(f"{float(discriminator_loss(ops.array(0.0), ops.array(0.0))):.3f}")
        1.386
    """
    # -ln sigmoid(a) = softplus(-a), -ln(1 - sigmoid(a)) = softplus(a)
    return ops.softplus(real) - (1 - smoothing) * real + ops.softplus(fake)


def generator_loss(fake, saturating=False):
    """Return -ln D(G(z)), or ln(1 - D(G(z))) when saturating, for the generator.

    Both fall as D is fooled. The second is the minimax game over E ln D + E ln(1 - D);
    its slope in the logit is -D, nearly 0 while the discriminator still wins. The
    first, "non-saturating", has the slope D - 1. It is what the paper trains with, and
    is no longer the same game.

    Args:
        fake: float, logits of D for generated images.
        saturating: bool.

    Returns:
        Of the shape of fake.

    Example:
        >>> print(f"{float(generator_loss(ops.array(0.0))):.3f}")
        0.693
    """
    return -ops.softplus(fake) if saturating else ops.softplus(-fake)


@keras.saving.register_keras_serializable("generative")
class GAN(GenerativeModel):
    """Two players in one loss, each with a gradient in its own weights only.

        min_G max_D  E ln D(x) + E ln(1 - D(G(z)))            z ~ N(0, I)

    The discriminator sees stop_gradient(G(z)). The generator is judged by the
    discriminator with stop_gradient of its weights, through `stateless_call`. So the
    sum of both losses has, in each player's weights, exactly that player's gradient,
    and one optimizer serves both. Both move at once; the paper's algorithm 1
    alternates, with k >= 1 steps of D for one of G.

    Args:
        generator: model from (B, D) to images from -1 to 1.
        discriminator: model from images to one logit, (B, 1).
        smoothing: float in [0, 1), as in discriminator_loss.
        saturating: bool, as in generator_loss.
        seed: int or None.

    Shapes:
        x: (B, H, W, C) float.
        y: (B, 1), the logit of the discriminator; above 0 for "real".

    Raises:
        ValueError: smoothing is outside [0, 1); fit gets images outside their range.

    Example:
        >>> z, x = keras.Input((2,)), keras.Input((5,))
        >>> generator = keras.Model(z, keras.layers.Dense(5, "tanh")(z))
        >>> gan = GAN(generator, keras.Model(x, keras.layers.Dense(1)(x)), seed=0)
        >>> tuple(gan.sample(3).shape)
        (3, 5)
    """

    def __init__(
        self,
        generator,
        discriminator,
        smoothing=0.0,
        saturating=False,
        seed=None,
        **kwargs,
    ):
        super().__init__(seed=seed, **kwargs)
        if not 0 <= smoothing < 1:
            raise ValueError(f"smoothing must be in [0, 1), got {smoothing!r}")
        self.generator = generator
        self.discriminator = discriminator
        self.smoothing = smoothing
        self.saturating = saturating
        self.track("discriminator_loss", "generator_loss")

    def call(self, x, training=False):
        return self.discriminator(x, training=training)

    def judged(self, x, training):
        """Return D(x) with weights that get no gradient, while x does."""
        player = self.discriminator
        frozen = [ops.stop_gradient(v.value) for v in player.trainable_variables]
        state = [v.value for v in player.non_trainable_variables]
        y, _ = player.stateless_call(frozen, state, x, training=training)
        return y

    def objective(self, x, y_pred, training):
        z = self.noise((ops.shape(x)[0], self.generator.input_shape[-1]))
        made = self.generator(z, training=training)
        fake = self.discriminator(ops.stop_gradient(made), training=training)
        logits = y_pred, fake, self.judged(made, training)
        real, fake, judged = (ops.cast(y[:, 0], "float32") for y in logits)
        d = discriminator_loss(real, fake, self.smoothing)
        g = generator_loss(judged, self.saturating)
        return {"loss": d + g, "discriminator_loss": d, "generator_loss": g}

    def sample(self, count):
        """Return generated images: (count, H, W, C)."""
        return self.generator(self.noise((count, self.generator.input_shape[-1])))

    def get_config(self):
        generator, discriminator = saved(self.generator, self.discriminator)
        own = {"generator": generator, "discriminator": discriminator}
        own |= {"smoothing": self.smoothing, "saturating": self.saturating}
        return {**super().get_config(), **own, "seed": self.seed}

    @classmethod
    def from_config(cls, config):
        return cls(**restored(config, "generator", "discriminator"))
